//! What a call has let out, and what it was refused.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::Refusal;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::sandbox::LimitKind;
use crate::transport::ConnectError;

/// Held by a request from the component's call on until its audit line is written.
pub(crate) type OnItsWay = OwnedRwLockReadGuard<()>;

/// What a call has let out so far.
#[derive(Default)]
pub(crate) struct Traffic {
    begun: AtomicU32,
    sent: AtomicU32,
    asked: AtomicU32,
    refused: AtomicU32,
    at_once: AtomicU32,
    noted: Mutex<Noted>,
    ended: AtomicBool,
    /// Read by each request on its way, so that the end of a call can wait for all of them.
    on_their_way: Arc<RwLock<()>>,
}

/// What the host keeps of a call's requests for its caller.
#[derive(Clone, Default)]
pub(crate) struct Noted {
    pub(crate) refusals: Vec<Refusal>,
    /// The limit at which the last of its requests ended, if it ended at one.
    pub(crate) limit: Option<LimitKind>,
    /// How long until the operation that was asked for too often may be asked for again.
    pub(crate) wait: Option<Duration>,
    /// Why the last request that was let out came to no connection, if it did not.
    pub(crate) unreachable: Option<ConnectError>,
}

impl Traffic {
    /// Requests that the component has made, whatever became of them.
    pub(crate) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Questions of the host itself about names.
    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request: its number, from 1, how many are on their way with it, and its place among those that are
    /// waited for.
    pub(super) fn begin(&self) -> (u32, u32, Option<OnItsWay>) {
        let place = Arc::clone(&self.on_their_way).try_read_owned().ok();
        (count(&self.begun), count(&self.at_once), place)
    }

    /// One is over.
    pub(super) fn over(&self) {
        self.at_once.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self) {
        count(&self.sent);
    }

    pub(super) fn count_asked(&self) {
        count(&self.asked);
    }

    pub(super) fn count_refused(&self) {
        count(&self.refused);
    }

    /// Keeps a refusal for the caller.
    pub(super) fn note(&self, refusal: Refusal) {
        let mut noted = self.noted();
        noted.limit = LimitKind::of(refusal.rule);
        noted.refusals.push(refusal);
    }

    /// Keeps how the last request ended: without a connection, or at a limit.
    pub(super) fn reached(&self, unreachable: Option<ConnectError>, limit: Option<LimitKind>) {
        let mut noted = self.noted();
        (noted.unreachable, noted.limit) = (unreachable, limit);
    }

    /// From here on nothing more leaves. A body whose writer is gone looks complete; it is not sent.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Waits until no request is on its way.
    pub(crate) async fn settled(&self) {
        drop(self.on_their_way.write().await);
    }
}

fn count(counter: &AtomicU32) -> u32 {
    counter.fetch_add(1, Ordering::Relaxed).saturating_add(1)
}
