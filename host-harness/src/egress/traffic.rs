//! What a call has let out, and what it was refused.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    refusals: Mutex<Vec<Refusal>>,
    limit: Mutex<Option<LimitKind>>,
    at_once: AtomicU32,
    wait: Mutex<Option<Duration>>,
    unreachable: Mutex<Option<ConnectError>>,
    ended: AtomicBool,
    /// Read by each request on its way, so that the end of a call can wait for all of them.
    on_their_way: Arc<RwLock<()>>,
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

    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The limit at which the last of its requests ended, if it ended at one.
    pub(crate) fn limit(&self) -> Option<LimitKind> {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until the operation that was asked for too often may be asked for again.
    pub(crate) fn wait(&self) -> Option<Duration> {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_wait(&self, wait: Duration) {
        *self.wait.lock().unwrap_or_else(PoisonError::into_inner) = Some(wait);
    }

    /// One more request: its number, from 1, how many are on their way with it, and its place among those that are
    /// waited for.
    pub(super) fn begin(&self) -> (u32, u32, Option<OnItsWay>) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let at_once = self
            .at_once
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let place = Arc::clone(&self.on_their_way).try_read_owned().ok();
        (number, at_once, place)
    }

    /// One is over.
    pub(super) fn over(&self) {
        self.at_once.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps a refusal for the caller.
    pub(super) fn note(&self, refusal: Refusal) {
        self.note_limit(LimitKind::of(refusal.rule));
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(refusal);
    }

    /// Keeps the limit at which a request ended, or that it ended at none.
    pub(super) fn note_limit(&self, limit: Option<LimitKind>) {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    /// Why the last request that was let out came to no connection, if it did not.
    pub(crate) fn unreachable(&self) -> Option<ConnectError> {
        *self
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_connection(&self, error: Option<ConnectError>) {
        *self
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = error;
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
