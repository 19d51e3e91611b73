//! Milvus' error codes and who has to act on them.
//!
//! Source: Milvus `pkg/util/merr/errors.go` (2.6 and 3.0), its retriable flag included, and for 1800 to 1807
//! `internal/distributed/proxy/httpserver/constant.go`. Texts change between versions: decide by code, never by text.

use crate::error::ErrorKind;

/// What is known of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Who has to act.
    pub kind: ErrorKind,
    /// Milvus' own retriable flag.
    pub retriable: bool,
    /// Whether Milvus gives it only before anything was changed.
    pub nothing_done: bool,
}

const fn meaning(kind: ErrorKind, retriable: bool, nothing_done: bool) -> Meaning {
    Meaning {
        kind,
        retriable,
        nothing_done,
    }
}

/// Codes in ascending ranges, first and last included.
const TABLE: &[(i32, i32, Meaning)] = &[
    // Service: not ready, unavailable; memory; too many requests; internal; disk.
    (1, 2, meaning(ErrorKind::Unavailable, true, false)),
    (3, 3, meaning(ErrorKind::LimitExceeded, false, false)),
    (4, 4, meaning(ErrorKind::RateLimited, true, false)),
    (5, 5, meaning(ErrorKind::Server, false, false)),
    (7, 7, meaning(ErrorKind::LimitExceeded, false, false)),
    // Rate limit and quota: they may come midway through a write.
    (8, 8, meaning(ErrorKind::RateLimited, true, false)),
    (9, 9, meaning(ErrorKind::LimitExceeded, false, false)),
    (10, 10, meaning(ErrorKind::Unsupported, false, true)),
    (12, 12, meaning(ErrorKind::Unavailable, true, false)),
    // Collections.
    (100, 100, meaning(ErrorKind::NotFound, false, true)),
    (101, 101, meaning(ErrorKind::NotLoaded, false, true)),
    (102, 102, meaning(ErrorKind::LimitExceeded, false, true)),
    (103, 103, meaning(ErrorKind::NotLoaded, true, true)),
    // Loaded otherwise already; a schema that is none; standing by; a schema that is another than the request's.
    (
        104,
        104,
        meaning(ErrorKind::FailedPrecondition, false, true),
    ),
    (105, 105, meaning(ErrorKind::InvalidArgument, false, true)),
    (106, 106, meaning(ErrorKind::Unavailable, true, true)),
    (107, 107, meaning(ErrorKind::InvalidArgument, false, true)),
    (
        108,
        109,
        meaning(ErrorKind::FailedPrecondition, false, true),
    ),
    (110, 110, meaning(ErrorKind::Unavailable, true, true)),
    // Partitions.
    (200, 200, meaning(ErrorKind::NotFound, false, true)),
    (201, 201, meaning(ErrorKind::NotLoaded, false, true)),
    (202, 202, meaning(ErrorKind::NotLoaded, true, true)),
    (250, 250, meaning(ErrorKind::LimitExceeded, false, true)),
    // Nodes and channels on their way back.
    (505, 505, meaning(ErrorKind::Unavailable, true, false)),
    (507, 507, meaning(ErrorKind::Unavailable, true, false)),
    // Indexes.
    (700, 700, meaning(ErrorKind::NotFound, false, true)),
    (701, 701, meaning(ErrorKind::Unsupported, false, true)),
    (702, 702, meaning(ErrorKind::AlreadyExists, false, true)),
    // Databases.
    (800, 800, meaning(ErrorKind::NotFound, false, true)),
    (801, 801, meaning(ErrorKind::LimitExceeded, false, true)),
    (802, 802, meaning(ErrorKind::InvalidArgument, false, true)),
    // Parameters.
    (1100, 1101, meaning(ErrorKind::InvalidArgument, false, true)),
    (1102, 1102, meaning(ErrorKind::LimitExceeded, false, true)),
    // Credentials.
    (1400, 1400, meaning(ErrorKind::Unauthenticated, false, true)),
    (
        1401,
        1401,
        meaning(ErrorKind::PermissionDenied, false, true),
    ),
    // Aliases.
    (1600, 1600, meaning(ErrorKind::NotFound, false, true)),
    (1601, 1602, meaning(ErrorKind::AlreadyExists, false, true)),
    (1603, 1603, meaning(ErrorKind::NotFound, false, true)),
    // Fields.
    (1700, 1701, meaning(ErrorKind::InvalidArgument, false, true)),
    // The REST layer.
    (1800, 1800, meaning(ErrorKind::Unauthenticated, false, true)),
    (1801, 1804, meaning(ErrorKind::InvalidArgument, false, true)),
    (1805, 1805, meaning(ErrorKind::Server, false, false)),
    (1806, 1806, meaning(ErrorKind::InvalidArgument, false, true)),
    // Rejected by the limiter: Milvus says that nothing was done.
    (1807, 1807, meaning(ErrorKind::RateLimited, true, true)),
    (2200, 2200, meaning(ErrorKind::Unavailable, true, true)),
    (3000, 3000, meaning(ErrorKind::Unsupported, false, true)),
    (10_000, 10_000, meaning(ErrorKind::Cancelled, false, false)),
    (10_001, 10_001, meaning(ErrorKind::Timeout, false, false)),
];

/// What `code` means; an unknown code is the server's failure, not to be repeated.
pub fn look_up(code: i32) -> Meaning {
    TABLE
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&code))
        .map_or(
            meaning(ErrorKind::Server, false, false),
            |(_, _, meaning)| *meaning,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ascending_without_overlap() {
        for pair in TABLE.windows(2) {
            assert!(
                pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0,
                "{} {}",
                pair[0].0,
                pair[1].0
            );
        }
    }

    #[test]
    fn a_missing_collection_is_code_100_and_a_missing_index_is_700() {
        assert_eq!(look_up(100).kind, ErrorKind::NotFound);
        assert_eq!(look_up(700).kind, ErrorKind::NotFound);
    }

    #[test]
    fn only_a_rejection_by_the_limiter_may_repeat_a_write() {
        let repeatable: Vec<i32> = (0..=65_535)
            .filter(|code| {
                let meaning = look_up(*code);
                meaning.retriable && meaning.nothing_done && meaning.kind == ErrorKind::RateLimited
            })
            .collect();
        assert_eq!(repeatable, [1807]);
    }

    #[test]
    fn an_unknown_code_is_the_servers_and_never_repeated() {
        assert_eq!(look_up(65_535), meaning(ErrorKind::Server, false, false));
        assert_eq!(look_up(-7), meaning(ErrorKind::Server, false, false));
    }
}
