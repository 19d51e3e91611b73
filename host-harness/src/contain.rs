//! Keeps a panic inside the call that caused it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The future panicked. It must not be polled again, and what it alone owned is dropped, not used.
#[derive(Debug)]
pub(crate) struct Panicked;

pub(crate) async fn contained<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn t52_a_panic_becomes_an_error() {
        assert!(matches!(contained(async { 5 }).await, Ok(5)));
        let late = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        assert!(contained::<()>(late).await.is_err());
    }
}
