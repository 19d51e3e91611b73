//! One budget of bytes for all requests and answers that a host holds at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that may be held, by the host and by one call of it. Counted in KiB, rounded up.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    host: Arc<Semaphore>,
    call: Arc<Semaphore>,
    /// All of the host's.
    units: usize,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    permits: Permits,
}

/// The host's, and the call's: as many of both.
type Permits = [OwnedSemaphorePermit; 2];

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes.div_ceil(1024))
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self {
            host: Arc::new(Semaphore::new(units)),
            call: Arc::new(Semaphore::new(units)),
            units,
        }
    }

    /// What one call may take of it: half, so that others are served whatever it does.
    pub(crate) fn of_a_call(&self) -> Self {
        Self {
            call: Arc::new(Semaphore::new(self.half())),
            ..self.clone()
        }
    }

    fn half(&self) -> usize {
        self.units.div_ceil(2)
    }

    /// Whether one call could ever have room for `bytes`.
    pub(crate) fn can_hold(&self, bytes: u64) -> bool {
        bytes.div_ceil(1024) <= self.half() as u64
    }

    /// Takes room for `bytes`, or nothing: nobody waits in line, a full budget is an answer.
    pub(crate) fn take(&self, bytes: u64) -> Option<Share> {
        Some(Share {
            budget: self.clone(),
            permits: self.permits(bytes.div_ceil(1024))?,
        })
    }

    fn permits(&self, units: u64) -> Option<Permits> {
        let units = u32::try_from(units).ok()?;
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_many_owned(units).ok();
        Some([take(&self.host)?, take(&self.call)?])
    }
}

impl Share {
    /// Grows the share until it covers `bytes` in all. `false`: there is no more room.
    pub(crate) fn cover(&mut self, bytes: u64) -> bool {
        let [host, call] = &mut self.permits;
        let covered = host.num_permits() as u64;
        let Some([more, too]) = self
            .budget
            .permits(bytes.div_ceil(1024).saturating_sub(covered))
        else {
            return false;
        };
        host.merge(more);
        call.merge(too);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_when_it_is_dropped() {
        let budget = Budget::new(4096);
        let first = budget.take(3000).expect("fits");
        assert!(budget.take(2000).is_none());
        drop(first);
        assert!(budget.take(4096).is_some());
    }

    #[test]
    fn t41_a_share_grows_within_the_budget_only() {
        let budget = Budget::new(4096);
        let mut share = budget.take(0).expect("nothing always fits");
        assert!(share.cover(1) && share.cover(1024) && share.cover(4096));
        assert!(!share.cover(4097));
        assert!(budget.take(1).is_none());
        drop(share);
        assert!(budget.take(4096).is_some());
    }

    #[test]
    fn t48_one_call_takes_no_more_than_half() {
        let budget = Budget::new(4096);
        let (one, other) = (budget.of_a_call(), budget.of_a_call());
        let mut share = one.take(1024).expect("a quarter");
        assert!(share.cover(2048) && !share.cover(2049));
        assert!(one.take(1).is_none());
        assert!(other.take(2048).is_some());
        assert!(one.can_hold(2048) && !one.can_hold(2049));
        drop(share);
        assert!(one.take(2048).is_some());
    }

    #[test]
    fn no_size_overflows() {
        let budget = Budget::new(u64::MAX);
        assert!(budget.take(u64::MAX).is_none());
        assert!(
            budget
                .take(1 << 30)
                .is_some_and(|mut share| !share.cover(u64::MAX))
        );
        assert!(Budget::new(0).take(1).is_none());
    }
}
