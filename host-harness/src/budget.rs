//! One budget of bytes for all requests and answers that a host holds at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that may be held. Counted in KiB, rounded up.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes.div_ceil(1024))
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Takes room for `bytes`, or nothing: nobody waits in line, a full budget is an answer.
    pub(crate) fn take(&self, bytes: u64) -> Option<Share> {
        Some(Share {
            budget: self.clone(),
            permit: self.permit(bytes.div_ceil(1024))?,
        })
    }

    fn permit(&self, units: u64) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0)
            .try_acquire_many_owned(u32::try_from(units).ok()?)
            .ok()
    }
}

impl Share {
    /// Grows the share until it covers `bytes` in all. `false`: there is no more room.
    pub(crate) fn cover(&mut self, bytes: u64) -> bool {
        let missing = bytes
            .div_ceil(1024)
            .saturating_sub(self.permit.num_permits() as u64);
        match self.budget.permit(missing) {
            Some(more) => {
                self.permit.merge(more);
                true
            }
            None => false,
        }
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
