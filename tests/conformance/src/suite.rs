//! `suite!`: one `#[test]` of each behaviour, and of each capability that a loop lacks.

/// Makes one `#[test]` of each behaviour, in a module of the given name.
///
/// After the name comes what makes a new owner, then each capability as the loop has it: `blocking`
/// or `no blocking`, `local` or `no local`. One that is lacking becomes a test of its own,
/// `lacks_local` for example, which says so and fails if the handle has it all the same. A loop that
/// the process has one of, and that never ends, says `global` last; one whose owner is a
/// [`StandsStill`](lifespan_core::StandsStill) says `stands_still` last. Both are checked as well.
///
/// A simulator may have to be told that plain threads take part; then say how that owner is made:
/// `threads on`, before the capabilities.
///
/// # Examples
/// ```
/// use lifespan_tokio::{TokioLocalLoop, TokioLoop};
///
/// lifespan_conformance::suite!(local: TokioLocalLoop::new(), blocking, local, stands_still);
/// lifespan_conformance::suite!(
///     several_threads: TokioLoop::multi_thread(),
///     threads on TokioLoop::multi_thread(),
///     blocking,
///     no local,
/// );
/// ```
#[macro_export]
macro_rules! suite {
    (
        $flavour:ident: $owner:expr,
        threads on $threads:expr,
        $($first:ident)+,
        $($second:ident)+,
        stands_still $(,)?
    ) => {
        $crate::__suite!($flavour: $owner, $threads, $($first)+, $($second)+, ends, stands_still);
    };
    (
        $flavour:ident: $owner:expr,
        threads on $threads:expr,
        $($first:ident)+,
        $($second:ident)+ $(,)?
    ) => {
        $crate::__suite!($flavour: $owner, $threads, $($first)+, $($second)+, ends, goes_on);
    };
    ($flavour:ident: $owner:expr, $($first:ident)+, $($second:ident)+, global $(,)?) => {
        $crate::__suite!($flavour: $owner, $owner, $($first)+, $($second)+, global, goes_on);
    };
    ($flavour:ident: $owner:expr, $($first:ident)+, $($second:ident)+, stands_still $(,)?) => {
        $crate::__suite!($flavour: $owner, $owner, $($first)+, $($second)+, ends, stands_still);
    };
    ($flavour:ident: $owner:expr, $($first:ident)+, $($second:ident)+ $(,)?) => {
        $crate::__suite!($flavour: $owner, $owner, $($first)+, $($second)+, ends, goes_on);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    (
        $flavour:ident: $owner:expr,
        $threads:expr,
        $($first:ident)+,
        $($second:ident)+,
        $end:ident,
        $between:ident
    ) => {
        mod $flavour {
            use super::*;

            $crate::__behaviours_of_every_loop!($owner);
            $crate::__behaviours_with_threads!($threads);
            $crate::__behaviours_at_the_end!($end: $owner, $threads);
            $crate::__capability!($($first)+, $end: $threads);
            $crate::__capability!($($second)+, $end: $threads);
            $crate::__behaviours_between_drives!($between: $owner);
        }
    };
}

/// What every loop with timers promises.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours_of_every_loop {
    ($owner:expr) => {
        $crate::__tests! { $owner;
            owner {
                a_sleep_belongs_to_its_handle, gives_the_output, runs_again,
                goes_on_in_the_next_run, a_spawn_between_two_runs_starts_in_the_next,
                survives_a_panic_of_the_root,
                @several
                refuses_to_run_inside_a_loop, may_never_run,
            }
            spawn {
                the_handle_never_polls_inside_the_call, the_handle_starts_what_nobody_holds,
                a_task_is_not_polled_inside_the_call, a_task_runs_though_its_handle_is_never_polled,
                a_task_gives_its_value, a_task_gives_its_error, many_tasks_all_run,
                a_task_awaits_tasks_of_its_own, a_task_that_yields_starves_nobody,
                a_spawner_outlives_the_task_it_came_from, a_task_says_who_it_is,
            }
            detach {
                a_handle_dropped_before_the_first_poll_detaches,
                a_handle_dropped_while_pending_detaches,
                a_handle_dropped_after_the_end_changes_nothing, an_await_that_was_given_up_detaches,
                the_body_is_gone_before_the_end_is_told, a_value_nobody_takes_is_dropped_once,
                a_failure_nobody_awaits_is_reported_once,
                a_failure_that_was_awaited_is_not_reported,
            }
            cancel {
                before_the_first_poll, while_pending_for_ever, while_sleeping, after_the_end,
                by_itself, by_itself_and_awaited, each_other, by_several, the_canceller_gives_up,
                the_canceller_is_cancelled, of_a_task_that_waits_for_itself, from_a_destructor,
                of_all_tasks, of_ones_own_scope,
                of_the_scope_around_ones_own, of_all_by_one_of_them, by_name, of_those_that_match, waits_for_a_protected_block,
                waits_for_the_outer_of_nested_blocks, is_not_what_a_stop_does,
            }
            panics {
                in_a_body, in_the_call_of_a_body, keeps_the_payload, in_the_destructor_of_a_payload,
                in_the_destructor_of_a_cancelled_body, in_the_destructor_of_an_unpolled_body,
                in_the_destructor_of_a_body_that_returns, in_the_destructor_of_a_value,
                in_the_destructor_of_a_value_that_was_ready, in_the_waker_of_a_waiter,
                in_the_destructor_of_a_waker, of_one_of_many, during_a_stop,
                in_handlers_and_the_foreground,
            }
            wakers {
                during_the_poll, by_another_task, for_no_reason, a_waker_keeps_no_body,
                that_re_enter_the_event, that_re_enter_the_registry, that_panic,
            }
            timers {
                zero_ends, a_sleep_is_never_early, time_never_goes_back, every_duration_is_valid,
                a_dropped_sleep_is_forgotten, a_cancelled_sleep_is_forgotten, many_sleeps_all_end,
                the_earlier_ends_first, two_sleeps_in_one_task_both_end, a_timeout_gives_the_output,
                a_timeout_drops_what_is_late, a_future_that_is_ready_wins_the_tie, timeouts_nest,
                an_interval_ticks_at_once, an_interval_skips_what_was_missed,
                an_interval_of_no_time_ticks, a_wait_with_a_limit_tells_which_came,
                a_sleep_survives_to_the_next_run, a_sleep_of_no_time_lets_the_loop_turn,
            }
            names {
                are_unique_among_the_living, are_free_again, are_taken_until_the_body_is_gone,
                are_taken_while_the_body_is_dropped,
                are_not_empty, are_of_any_length, may_be_formatted, belong_to_their_scope,
                are_listed_in_a_snapshot, may_be_replaced, are_taken_by_the_last_who_replaces,
                are_remembered_if_asked, tell_who_has_them, are_numbered_if_asked,
            }
            events {
                made_before_any_loop, is_a_level, a_child_hears_its_parent,
                a_dropped_middle_is_bridged, runs_a_future_until_it_is_set,
                wins_over_a_future_that_is_ready, a_dropped_waiter_leaves, wakes_a_thousand,
                a_drop_guard_sets_it, is_seen_by_a_task_as_its_own,
                a_stop_before_the_first_look_is_seen, the_blocking_forms_refuse_inside,
            }
            named_events {
                reach_all_who_have_subscribed, wake_who_waits, are_waited_for_in_time,
                tell_who_is_slow, are_closed_at_the_end, leave_with_their_task,
            }
            observers {
                hear_of_each_task_once, hear_of_a_failure_once, hear_of_a_late_task,
                hear_of_each_restart, hear_of_the_stop_of_a_scope, hear_of_the_phases,
                that_panic_harm_nobody, may_act_on_the_task, are_waited_for,
            }
            tracked {
                is_a_task_like_any_other, is_cancelled_by_name, is_waited_for_at_a_stop,
                settles_when_it_is_dropped, catches_a_panic, may_be_detached,
                is_a_task_though_the_bare_loop_carries_it,
                is_waited_for_though_the_bare_loop_carries_it, is_cancelled_when_its_grace_is_over,
                catches_a_panic_of_its_destructor, gives_its_failure_to_its_carrier,
            }
            states {
                lives_from_start_to_stop, holds_one_value_of_each_type, is_fresh_in_each_run,
            }
            start {
                is_in_order, one_handler_after_the_other, a_failure_undoes_what_had_started,
                a_panic_undoes_what_had_started, a_handler_has_a_budget, a_stop_interrupts_it,
                an_event_set_before_starts_nothing, a_name_given_twice_starts_nothing,
                a_task_that_fails_ends_nothing, a_body_that_is_added_twice_runs_twice,
                a_body_may_be_added_without_a_name,
            }
            components {
                start_after_those_they_say, that_cannot_be_ordered_start_nothing,
                open_use_and_close, close_what_they_have_opened, start_together_if_asked,
                a_failure_ends_the_start_of_all, a_stop_ends_the_start_of_all,
                have_budgets_of_their_own, a_task_may_ask_for_a_longer_grace,
            }
            stop {
                is_in_reverse_one_component_at_a_time, the_grace_is_bounded,
                the_grace_ends_with_the_last_task, a_task_may_have_its_own_grace,
                a_task_may_be_cancelled_on_stop, a_second_signal_cancels,
                a_source_that_fails_starts_nothing, late_handlers_run_first,
                a_bad_handler_skips_nobody, what_is_spawned_meanwhile_is_awaited,
                what_is_spawned_meanwhile_has_its_grace, the_foreground_has_the_grace,
                until_idle_waits_for_all,
                until_idle_waits_for_open_scopes, of_a_task_by_itself, of_the_scopes_around_a_task,
                of_all_by_one_of_them,
            }
            blocked {
                it_stops_nobody_else,
            }
            scopes {
                close_and_say_how_their_tasks_ended, close_with_their_last_task,
                finish_when_all_have_ended, are_cancelled_by_a_drop, nest, go_on_though_a_task_fails, fail_fast_if_told_to,
                run_so_many_at_once, and_tasks_are_stopped_within_a_time, come_and_go,
                stop_with_their_lifespan, end_though_a_waker_panics,
                lose_no_failure_that_comes_after_the_report,
            }
            deadline {
                caps_every_grace, bounds_a_protected_block, caps_every_handler,
                of_any_duration_is_valid, is_not_held_up_by_destructors,
            }
            monitor {
                is_ready_from_the_whole_start_to_the_stop, answers_while_its_loop_is_blocked,
                is_waited_for, drains_before_it_stops, has_a_deadline_though_its_loop_is_blocked,
            }
            reports {
                of_a_clean_end, of_a_foreground_that_fails, of_a_task_that_fails,
                of_a_handler_that_fails, of_a_task_that_was_forced, of_many_failures,
                names_what_it_lists,
            }
            services {
                begin_again_when_they_fail, begin_again_after_delays_that_double,
                begin_again_when_they_return, that_begin_again_too_often_stop_all,
                are_stopped_between_two_attempts, that_fail_while_they_stop_have_ended,
                end_for_good_when_they_are_cancelled, may_stop_the_lifespan,
                of_a_component_begin_again_so_often_at_most, of_a_scope_begin_again_so_often_at_most,
                hold_up_what_comes_after_until_they_are_ready, that_are_never_ready_fail_the_start,
                tell_when_they_are_ready, are_ready_no_more_when_they_begin_again, may_be_replaced,
                are_replaced_by_the_last_who_comes,
            }
            strategies {
                have_all_begin_again, have_the_rest_begin_again,
                end_the_delay_of_who_begins_again_with_another, count_two_that_fail_at_once_as_one,
            }
            bound {
                opens_in_its_loop, is_shared_by_the_tasks_of_its_loop, is_changed_and_untied,
                of_an_erased_loop,
            }
            erased {
                works_without_generics, is_the_same_task, has_a_spawner_without_generics,
            }
        }
    };
}

/// What every loop promises to threads that it does not know.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours_with_threads {
    ($owner:expr) => {
        $crate::__tests! { $owner;
            threads {
                spawn_and_await, spawn_at_once, race_for_a_name, replace_one_name, set_an_event, wake_the_root,
                wake_a_task_that_ends, cancel_a_task, stop_the_lifespan, wait_for_the_stop,
                spawn_while_it_ends, spawn_without_end, drop_what_is_bound, dispatch_and_hear,
                drive_what_is_tracked,
            }
            two_threads {
                cancel_what_is_tracked_while_it_is_polled, cancel_those_that_match,
                remember_and_forget,
            }
            churn {
                is_as_the_lists_say,
            }
            races {
                of_a_scope, of_ones_own_scope, of_a_lifespan,
            }
        }
    };
}

/// What a loop promises that ends with its owner; a global one is one of a kind.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours_at_the_end {
    (ends: $owner:expr, $threads:expr) => {
        $crate::__behaviours_at_the_end!(@ $owner);
        $crate::__behaviours_at_the_end!(@ several $threads);
        $crate::__tests! { $threads;
            absent {
                a_loop_that_nobody_drives_is_named, a_loop_that_is_driven_later_is_waited_for,
                a_loop_that_has_ended_is_named, a_loop_that_ends_meanwhile_ends_the_lifespan,
                a_timer_says_that_its_loop_has_ended,
            }
        }
    };
    (global: $owner:expr, $threads:expr) => {
        #[test]
        fn lacks_an_end() {
            $crate::lacking::lacks_an_end(module_path!(), || $owner);
        }
    };
    (@ several $owner:expr) => {
        $crate::__tests! { $owner;
            instances {
                @several
                have_identities, are_dropped_inside_another, spawn_into_each_other,
                run_on_two_threads,
            }
            bound_elsewhere {
                @several
                is_refused_in_another_loop,
            }
        }
    };
    (@ $owner:expr) => {
        $crate::__tests! { $owner;
            loop_gone {
                tells_who_awaits, wakes_who_waits_already, a_spawn_after_it_is_told,
                the_handle_drops_what_it_is_given, no_task_keeps_its_loop_alive,
                no_future_keeps_its_loop_alive, drops_what_was_never_polled, a_destructor_may_panic,
                a_destructor_may_spawn, a_waker_outlives_it, the_lifespan_may_be_dropped_after_it,
                a_lifespan_that_has_ended_gives_the_body_back,
            }
        }
    };
}

/// What a loop promises to a program that drives it now and then.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours_between_drives {
    (goes_on: $owner:expr) => {
        #[test]
        fn lacks_stands_still() {
            use $crate::lacking::{HasStandsStill, LacksStandsStill, OwnerProbe};
            let has = (&OwnerProbe::of(&$owner)).has_stands_still();
            $crate::lacking::lacks(module_path!(), "stands_still", has);
        }
    };
    (stands_still: $owner:expr) => {
        $crate::__tests! { $owner;
            foreground {
                nothing_goes_on_between_two_drives, a_step_gives_whoever_is_ready_a_turn,
                an_observer_that_comes_late_hears_of_the_ends,
                a_step_waits_for_nothing, a_cancel_takes_effect_in_the_next_drive,
                a_stop_is_that_of_a_lifespan, dropping_it_drops_its_tasks,
                @several
                inside_a_running_loop_it_refuses, a_task_of_another_one_is_an_error,
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __capability {
    (blocking, ends: $owner:expr) => {
        $crate::__capability!(blocking, global: $owner);
        $crate::__tests! { $owner;
            blocking_gone {
                an_ended_loop_runs_nothing, a_closure_settles_when_its_loop_ends,
            }
        }
    };
    (blocking, global: $owner:expr) => {
        $crate::__tests! { $owner;
            blocking {
                gives_its_value, a_panic_is_an_outcome, a_destructor_may_panic, it_blocks_nobody,
                is_told_to_stop, is_stopped_with_its_lifespan, a_cancel_waits_for_the_thread,
                cancelled_before_its_start_it_never_runs, shares_the_names_of_its_scope,
                may_be_replaced, many_closures_all_run, a_straggler_is_named,
                @several
                a_closure_may_run_a_loop,
            }
        }
    };
    (local, ends: $owner:expr) => {
        $crate::__tests! { $owner;
            local {
                holds_an_rc_across_an_await, is_not_polled_inside_the_call,
                spawns_local_tasks_of_its_own, runs_beside_ordinary_tasks,
                shares_the_names_of_its_scope, may_take_the_place_of_another, waits_for_its_turn,
                is_cancelled_like_any_other, fails_like_any_other,
                is_detached_like_any_other, is_stopped_like_any_other, is_dropped_with_its_loop,
                goes_on_in_the_next_run, nothing_local_starts_between_two_runs,
                is_refused_on_another_thread,
            }
        }
    };
    (no blocking, $end:ident: $owner:expr) => {
        #[test]
        fn lacks_blocking() {
            use $crate::lacking::{HasBlocking, LacksBlocking, Probe};
            $crate::lacking::lacks(module_path!(), "blocking", (&Probe::of(&$owner)).has_blocking());
        }
    };
    (no local, $end:ident: $owner:expr) => {
        #[test]
        fn lacks_local() {
            use $crate::lacking::{HasLocal, LacksLocal, Probe};
            $crate::lacking::lacks(module_path!(), "local", (&Probe::of(&$owner)).has_local());
        }
    };
}

/// One `#[test]` of each function of the named modules; `@several` take what makes an owner.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($owner:expr; $($subject:ident {
        $($behaviour:ident,)*
        $(@several $($of_several:ident,)*)?
    })*) => {$(
        mod $subject {
            use super::*;

            $(
                #[test]
                fn $behaviour() {
                    $crate::$subject::$behaviour($owner);
                }
            )*
            $($(
                #[test]
                fn $of_several() {
                    $crate::$subject::$of_several(|| $owner);
                }
            )*)?
        }
    )*};
}
