//! The body of a request on its way out.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// What a connection gets of a body at once.
const PART: usize = 64 * 1024;

/// A body that is given to its connection in copied parts. A server that answers before it has read a body, and never
/// reads it, keeps one part of it, and not the rest.
pub(super) struct Outgoing(Arc<Mutex<Rest>>);

/// The exchange's end of an [`Outgoing`].
pub(super) struct Sender(Arc<Mutex<Rest>>);

enum Rest {
    Left(Bytes),
    GivenUp,
}

fn lock(rest: &Mutex<Rest>) -> MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outgoing {
    pub(super) fn new(bytes: Bytes) -> (Self, Sender) {
        let rest = Arc::new(Mutex::new(Rest::Left(bytes)));
        (Self(Arc::clone(&rest)), Sender(rest))
    }
}

impl Sender {
    /// Lets go of what has not left. A body that was given up ends in an error, never as if it were whole.
    fn give_up(&self) -> bool {
        let mut rest = lock(&self.0);
        let unfinished = !matches!(&*rest, Rest::Left(left) if left.is_empty());
        if unfinished {
            *rest = Rest::GivenUp;
        }
        unfinished
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match &mut *lock(&self.0) {
            Rest::GivenUp => Some(Err(io::ErrorKind::Interrupted.into())),
            Rest::Left(left) if left.is_empty() => None,
            Rest::Left(left) => {
                let part = left.split_to(left.len().min(PART));
                Some(Ok(Frame::data(Bytes::copy_from_slice(&part))))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(&*lock(&self.0), Rest::Left(left) if left.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &*lock(&self.0) {
            Rest::Left(left) => SizeHint::with_exact(left.len() as u64),
            Rest::GivenUp => SizeHint::default(),
        }
    }
}

/// Bodies that were given up and that a connection still holds.
#[derive(Debug, Default)]
pub(super) struct Stuck(Mutex<Vec<Weak<Mutex<Rest>>>>);

impl Stuck {
    /// Gives a body up; how many are stuck with it.
    pub(super) fn give_up(&self, body: &Sender) -> usize {
        if !body.give_up() {
            return 0;
        }
        let mut stuck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stuck.retain(|body| body.strong_count() > 0);
        stuck.push(Arc::downgrade(&body.0));
        stuck.len()
    }
}
