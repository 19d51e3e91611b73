//! Every REST route of Milvus as a row.
//!
//! A row says what a route is called, which request line it has, since which Milvus it exists, what it does
//! ([`Effect`]), whether the same request may be sent again ([`Replay`]), what every key of its request means
//! ([`Verdict`]), nested ones included, and where its answer carries names ([`AnswerName`]). That is all: the crate
//! is data, has no dependency, allocates nothing and decides nothing.
//!
//! What is built on it: the host's egress policy (a closed table of method and raw path, keys by closed list), rules
//! for retries, contract tests, documentation. So a row that is wrong is wrong everywhere: see `README.md` for how
//! one is added.
//!
//! Sources: Milvus' `internal/distributed/proxy/httpserver` (`constant.go`, `handler_v2.go`, `request_v2.go`) at
//! 88f357a34558 of 2026-07-10, on the way to 3.0, and at a57abd93a6a6 of 2024-12-20, which is 2.5.0; for REST v1
//! `handler_v1.go` and `request.go` there.
//!
//! ```
//! let row = routes::find("POST", b"/v2/vectordb/collections/drop").unwrap();
//! assert_eq!(row.name, "collections.drop");
//! assert_eq!(row.effect, routes::Effect::Drop);
//! assert_eq!(row.key("collectionName").unwrap().verdict, routes::Verdict::Collection);
//! assert!(routes::find("POST", b"/v2/vectordb/collections/%64rop").is_none());
//! ```
//!
//! ## How a request is judged by its row
//!
//! 1. [`find`] it by its exact method and path. No row: refused.
//! 2. Walk its body (for a `GET`: its query) along [`Route::keys`]. A key that the row does not list is refused, at
//!    every depth, unless the [`Open`] object that it stands in says otherwise. A [`Verdict::Forbidden`] key is refused.
//! 3. Compare what the keys with a name's verdict hold with what is allowed.
//! 4. Collect the effects: [`Route::effects`], and of each key that is present what it [raises](Raise) to.
//!    *All* of them have to be allowed. They are a set and not a scale: that an import may reach the object store
//!    does not say that it may write.
//!
//! ## Being refused by the rate limiter
//!
//! Milvus' own rule for retries is one code: [`REJECTED_BY_LIMITER`].

#![no_std]
#![forbid(unsafe_code)]

#[macro_use]
mod row;

pub mod aliases;
mod closed;
pub mod collections;
pub mod common;
pub mod databases;
pub mod entities;
pub mod indexes;
pub mod jobs;
mod key;
pub mod partitions;
mod properties;
mod ranking;
mod schema;
mod server;
pub mod v1;

#[cfg(test)]
mod tests;

pub use closed::{CLOSED, Closed, Scope, find_closed};
pub use key::{Key, Keys, Open, Others, Raise, Verdict};
pub use row::{AnswerName, Dialect, Effect, Method, NameKind, Replay, Route, Version};
pub use server::{JsonFields, Server};

/// Milvus' code `request is rejected by limiter`: nothing was done, so *any* request may be sent again, whatever its
/// [`Replay`] is.
///
/// It is the only such code. 4 (too many requests), 8 (rate limit) and 9 (quota) can be raised midway, after a part
/// was done; REST answers the latter two as 1807 where they come from the limiter in front (`merr/errors.go`).
pub const REJECTED_BY_LIMITER: i32 = 1807;

/// Rows that share the first parts of their path.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The module here that holds the rows, such as `collections`.
    pub name: &'static str,
    /// The rows, in reading order.
    pub rows: &'static [&'static Route],
}

/// The one list from which everything else comes: the families in reading order.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "collections",
        rows: collections::ROWS,
    },
    Family {
        name: "databases",
        rows: databases::ROWS,
    },
    Family {
        name: "entities",
        rows: entities::ROWS,
    },
    Family {
        name: "partitions",
        rows: partitions::ROWS,
    },
    Family {
        name: "indexes",
        rows: indexes::ROWS,
    },
    Family {
        name: "aliases",
        rows: aliases::ROWS,
    },
    Family {
        name: "jobs",
        rows: jobs::ROWS,
    },
    Family {
        name: "common",
        rows: common::ROWS,
    },
    Family {
        name: "v1",
        rows: v1::ROWS,
    },
];

/// How many rows there are.
pub const COUNT: usize = count(FAMILIES);

/// All rows, sorted by the bytes of their path. Sorted while compiling; two rows of one path do not compile.
pub static ROUTES: [&Route; COUNT] = sorted(FAMILIES);

/// All rows, family by family, in reading order.
pub fn all() -> impl Iterator<Item = &'static Route> {
    FAMILIES
        .iter()
        .flat_map(|family| family.rows.iter().copied())
}

/// The row of this [name](Route::name).
#[must_use]
pub fn named(name: &str) -> Option<&'static Route> {
    all().find(|row| row.name == name)
}

/// The row of exactly this method and exactly these bytes of a path (without a query).
///
/// Nothing is decoded, folded or trimmed first: Milvus' router matches the *decoded* path, so every other spelling
/// of a path (`%64rop`, `//`, a trailing slash) is no route here. Total: any bytes may be asked for.
#[must_use]
pub fn find(method: &str, path: &[u8]) -> Option<&'static Route> {
    let at = ROUTES
        .binary_search_by(|row| row.path.as_bytes().cmp(path))
        .ok()?;
    let row = *ROUTES.get(at)?;
    (row.method.as_str() == method).then_some(row)
}

const fn count(families: &[Family]) -> usize {
    let mut sum = 0;
    let mut at = 0;
    while at < families.len() {
        sum += families[at].rows.len();
        at += 1;
    }
    sum
}

const fn sorted(families: &'static [Family]) -> [&'static Route; COUNT] {
    let mut rows = [&collections::LIST; COUNT];
    let mut filled = 0;
    let mut family = 0;
    while family < families.len() {
        let from = families[family].rows;
        let mut next = 0;
        while next < from.len() {
            // Insertion sort: the row sinks to its place among those that are there.
            let mut at = filled;
            while at > 0 && less(from[next].path.as_bytes(), rows[at - 1].path.as_bytes()) {
                rows[at] = rows[at - 1];
                at -= 1;
            }
            rows[at] = from[next];
            filled += 1;
            next += 1;
        }
        family += 1;
    }
    let mut at = 1;
    while at < COUNT {
        assert!(
            less(rows[at - 1].path.as_bytes(), rows[at].path.as_bytes()),
            "two rows have the same path"
        );
        at += 1;
    }
    rows
}

const fn less(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}
