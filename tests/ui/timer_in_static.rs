//! A timer is kept in a static, for whoever comes by.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use lifespan::Cx;
use lifespan::smol::Smol;

static NAP: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>> = Mutex::new(None);

async fn keep_nap(cx: Cx<'_, Smol>) {
    *NAP.lock().unwrap() = Some(Box::pin(cx.sleep(Duration::from_secs(1))));
}

fn main() {}
