//! `Bound` in another loop than its own.

use std::sync::mpsc::channel;

use lifespan_core::{Lifespan, LoopOwner, Timer, WrongLoop};

use crate::support::inside;

/// In another loop of the same type it is an error that names both; nothing is lost.
pub fn is_refused_in_another_loop<O: LoopOwner<Handle: Timer>>(make: impl Fn() -> O + Copy) {
    let (sender, receiver) = channel();
    let mut first = make();
    let ran = Lifespan::on(&mut first).serve(async move |cx| {
        sender.send((cx.bind(String::from("pool")), cx.loop_id())).unwrap();
    });
    assert!(ran.run().is_clean());
    let (mut bound, made_in) = receiver.recv().unwrap();
    let (back, come_back) = channel();
    inside(make(), async move |cx| {
        let used_in = cx.loop_id();
        let is_told = |wrong: &WrongLoop| {
            let text = wrong.to_string();
            wrong.made_in() == made_in
                && wrong.used_in() == used_in
                && text.contains(&made_in.to_string())
                && text.contains(&used_in.to_string())
        };
        assert!(is_told(&bound.get(&cx).expect_err("it is another loop")));
        assert!(is_told(&bound.get_mut(&cx).expect_err("it is another loop")));
        let wrong = bound.into_inner(&cx).expect_err("it is another loop");
        assert_eq!((wrong.made_in(), wrong.used_in()), (made_in, used_in));
        back.send(wrong.into_inner()).unwrap();
    });
    let bound = come_back.recv().unwrap();
    inside(first, async move |cx| assert_eq!(bound.get(&cx).map(String::as_str), Ok("pool")));
}
