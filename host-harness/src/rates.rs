//! How often an endpoint's costly operations may be asked for: loads, flushes, compactions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(60);

/// What an endpoint was asked for in the last minute, by operation.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<BTreeMap<&'static str, VecDeque<Instant>>>);

impl Rates {
    /// Counts a request of `operation`, unless `most` were counted in the minute before `now`; `u32::MAX` is no limit.
    ///
    /// # Errors
    /// How long until there is room for the next.
    pub(crate) fn count(
        &self,
        operation: &'static str,
        most: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        if most == u32::MAX {
            return Ok(());
        }
        let mut operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = operations.entry(operation).or_default();
        let over = |since: &Instant| now.saturating_duration_since(*since) >= WINDOW;
        while counted.front().is_some_and(over) {
            counted.pop_front();
        }
        match counted.front() {
            Some(oldest) if counted.len() >= most as usize => {
                Err(WINDOW.saturating_sub(now.saturating_duration_since(*oldest)))
            }
            _ => {
                counted.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUSH: &str = "collections.flush";

    #[tokio::test]
    async fn t30_the_eleventh_of_a_minute_is_refused_and_told_when_to_come_back() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert_eq!(rates.count(FLUSH, 10, at(second)), Ok(()));
        }
        assert_eq!(rates.count(FLUSH, 10, at(15)), Err(Duration::from_secs(45)));
        assert_eq!(rates.count(FLUSH, 10, at(59)), Err(Duration::from_secs(1)));
        // The window slides: one is free again when the oldest is a minute old, and no more than one.
        assert_eq!(rates.count(FLUSH, 10, at(60)), Ok(()));
        assert_eq!(rates.count(FLUSH, 10, at(60)), Err(Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn t30_what_was_refused_does_not_count() {
        let (rates, start) = (Rates::default(), Instant::now());
        assert_eq!(rates.count(FLUSH, 1, start), Ok(()));
        for second in 1..60 {
            assert!(
                rates
                    .count(FLUSH, 1, start + Duration::from_secs(second))
                    .is_err()
            );
        }
        assert_eq!(
            rates.count(FLUSH, 1, start + Duration::from_secs(60)),
            Ok(())
        );
    }

    #[tokio::test]
    async fn t30_each_operation_has_its_own_minute() {
        let (rates, now) = (Rates::default(), Instant::now());
        assert_eq!(rates.count(FLUSH, 1, now), Ok(()));
        assert!(rates.count(FLUSH, 1, now).is_err());
        assert_eq!(rates.count("collections.load", 1, now), Ok(()));
    }

    #[tokio::test]
    async fn t30_without_a_limit_nothing_is_kept() {
        let (rates, now) = (Rates::default(), Instant::now());
        for _ in 0..1000 {
            assert_eq!(rates.count(FLUSH, u32::MAX, now), Ok(()));
        }
        assert!(rates.0.lock().unwrap().is_empty());
    }
}
