//! What a signal does before the first lifespan listens to it.

use std::fs;

/// What a signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Its default action, as far as can be seen.
    Default,
    /// It is ignored, under `nohup` for example, or a handler of the program's is called.
    Other,
}

impl Before {
    /// Linux tells without a system call that is unsafe; elsewhere it is taken for the default
    /// action.
    pub(crate) fn of(number: i32) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self::in_status(&status, number)
    }

    /// Bit n - 1 of each mask is signal n; see proc_pid_status(5).
    fn in_status(status: &str, number: i32) -> Self {
        let masks = ["SigIgn:", "SigCgt:"].map(|name| mask(status, name));
        let bit = u32::try_from(number - 1).ok().and_then(|place| 1_u64.checked_shl(place));
        if masks.into_iter().any(|mask| bit.is_some_and(|bit| mask & bit != 0)) {
            Self::Other
        } else {
            Self::Default
        }
    }
}

fn mask(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tcat\nSigQ:\t1/2\nSigBlk:\t0000000000004000\n\
                          SigIgn:\t0000000000000001\nSigCgt:\t0000000100004002\n";

    #[test]
    fn ignored_and_handled_signals_are_told_from_others() {
        for (number, before) in [
            (1, Before::Other),
            (2, Before::Other),
            (3, Before::Default),
            (15, Before::Other),
            (33, Before::Other),
            (64, Before::Default),
            (65, Before::Default),
            (0, Before::Default),
            (-1, Before::Default),
        ] {
            assert_eq!(Before::in_status(STATUS, number), before, "{number}");
        }
        assert_eq!(Before::in_status("", 15), Before::Default);
    }
}
