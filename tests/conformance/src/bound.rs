//! `Bound`: what is made in one loop is used in that loop.

use std::sync::Arc;

use lifespan_core::{AnyLoop, Bound, BoxError, Cx, LoopOwner, Timer};

use crate::support::inside;

/// A task of the loop opens the value that a handler made; anyone may carry it.
pub fn opens_in_its_loop<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let bound = Arc::new(cx.bind(String::from("pool")));
        assert_eq!(bound.loop_id(), cx.loop_id());
        let carried = Arc::clone(&bound);
        let length = cx.spawn(async move |cx| Ok::<_, BoxError>(carried.get(&cx)?.len()));
        assert_eq!(length.await.unwrap(), 4);
    });
}

/// It is found in the shared state by its type, which names the loop's.
pub fn is_shared_by_the_tasks_of_its_loop<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        cx.state().insert(cx.bind(7_u32));
        let body = async |cx: Cx<'_, O::Handle>| {
            let bound = cx.state().get::<Bound<u32, O::Handle>>().ok_or("it is there")?;
            Ok::<_, BoxError>(*bound.get(&cx)?)
        };
        assert_eq!(cx.spawn(body).await.unwrap(), 7);
    });
}

/// It is changed and untied in its loop.
pub fn is_changed_and_untied<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let mut bound = cx.bind(vec![1]);
        bound.get_mut(&cx)?.push(2);
        assert_eq!(bound.into_inner(&cx).map_err(drop), Ok(vec![1, 2]));
        Ok::<_, BoxError>(())
    });
}

/// A value of an erased loop is the loop's all the same.
pub fn of_an_erased_loop<O: LoopOwner<Handle: Timer>>(owner: O) {
    inside(owner, async |cx| {
        let bound: Bound<_, AnyLoop> = cx.erased().bind(3);
        assert_eq!(bound.get(&cx.erased()), Ok(&3));
        assert_eq!(bound.loop_id(), cx.loop_id());
    });
}
