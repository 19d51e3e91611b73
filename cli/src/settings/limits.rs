//! How much a call may take: the limits of `host-harness`, each by its name.

use super::file::File;
use crate::failure::Failure;
use host_harness::{LimitKind, Limits, Unit};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Time limit of a call in milliseconds, short for --limit call-time=...ms [default: 60000]
    #[arg(
        long,
        env = "MILVUS_TIMEOUT_MS",
        global = true,
        value_name = "MS",
        help_heading = "Settings"
    )]
    timeout_ms: Option<u64>,
    /// A limit, such as memory-bytes=512MiB, call-time=5s or handles=64; `inspect` shows all of them
    #[arg(
        long,
        global = true,
        value_name = "NAME=VALUE",
        help_heading = "Settings"
    )]
    limit: Vec<String>,
}

/// `[limits]` of a settings file: values as the flag has them, or whole numbers.
pub(super) type Table = BTreeMap<String, Amount>;

/// A value in a settings file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    /// Of things, or of bytes.
    Number(u64),
    /// With its unit.
    Text(String),
}

impl Flags {
    pub(super) fn resolve(&self, file: &File) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        if let Some(milliseconds) = file.timeout_ms {
            time(&mut limits, "timeout_ms", milliseconds)?;
        }
        for (name, amount) in &file.limits {
            let value = match amount {
                Amount::Number(number) => number.to_string(),
                Amount::Text(text) => text.clone(),
            };
            set(&mut limits, "[limits]", name, &value)?;
        }
        if file.timeout_ms.is_some() && file.limits.contains_key(LimitKind::CallTime.name()) {
            return Err(twice("timeout_ms and [limits] call-time"));
        }
        if let Some(milliseconds) = self.timeout_ms {
            time(&mut limits, "--timeout-ms", milliseconds)?;
        }
        let mut named = BTreeSet::new();
        for setting in &self.limit {
            let Some((name, value)) = setting.split_once('=') else {
                return Err(Failure::usage(format!(
                    "--limit: expected NAME=VALUE, came `{setting}`"
                ))
                .with_hint(known()));
            };
            if !named.insert(name) {
                return Err(twice(&format!("--limit {name}")));
            }
            set(&mut limits, "--limit", name, value)?;
        }
        if self.timeout_ms.is_some() && named.contains(LimitKind::CallTime.name()) {
            return Err(twice(
                "--timeout-ms (or MILVUS_TIMEOUT_MS) and --limit call-time",
            ));
        }
        Ok(limits)
    }
}

/// What to write to give a call twice as much; nothing where that is more than makes sense.
pub(crate) fn advice(limit: LimitKind, value: u64) -> Option<String> {
    let more = value.saturating_mul(2);
    let sensible = Limits::default().set(limit, more).is_ok();
    sensible.then(|| format!("--limit {limit}={}", limit.shown(more)))
}

fn time(limits: &mut Limits, place: &str, milliseconds: u64) -> Result<(), Failure> {
    limits
        .set(LimitKind::CallTime, milliseconds)
        .map_err(|error| Failure::usage(format!("{place}: {error}")))
}

fn set(limits: &mut Limits, place: &str, name: &str, value: &str) -> Result<(), Failure> {
    let Some(limit) = LimitKind::ALL.iter().find(|limit| limit.name() == name) else {
        return Err(
            Failure::usage(format!("{place}: no limit has the name `{name}`")).with_hint(known()),
        );
    };
    let (expected, units): (_, &[(&str, u64)]) = match limit.unit() {
        Unit::Bytes => (
            "a number of B, KiB, MiB or GiB",
            &[
                ("", 1),
                ("B", 1),
                ("KiB", 1 << 10),
                ("MiB", 1 << 20),
                ("GiB", 1 << 30),
            ],
        ),
        Unit::Milliseconds => ("a number of ms or s", &[("ms", 1), ("s", 1000)]),
        _ => ("a number", &[("", 1)]),
    };
    let number = parse(value, units).ok_or_else(|| {
        Failure::usage(format!(
            "{place} {name}: expected {expected}, such as {}, came `{value}`",
            limit.shown(Limits::default().get(*limit))
        ))
    })?;
    limits
        .set(*limit, number)
        .map_err(|error| Failure::usage(format!("{place} {error}")))
}

/// Digits and one of the units.
fn parse(value: &str, units: &[(&str, u64)]) -> Option<u64> {
    let value = value.trim();
    let end = value
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(value.len());
    let (digits, unit) = value.split_at(end);
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim())?;
    digits.parse::<u64>().ok()?.checked_mul(*size)
}

fn known() -> String {
    let names: Vec<&str> = LimitKind::ALL.iter().map(|limit| limit.name()).collect();
    format!("limits: {}", names.join(", "))
}

fn twice(what: &str) -> Failure {
    Failure::usage(format!("{what}: given twice, leave one out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(limits: &[&str]) -> Flags {
        Flags {
            timeout_ms: None,
            limit: limits.iter().map(ToString::to_string).collect(),
        }
    }

    fn resolved(limits: &[&str]) -> Result<Limits, String> {
        flags(limits)
            .resolve(&File::default())
            .map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn each_limit_is_set_by_its_name_and_what_is_shown_of_it_is_read_back() {
        for limit in LimitKind::ALL {
            let least = (1..)
                .map(|power| 1_u64 << power)
                .find(|value| {
                    let mut limits = Limits::default();
                    limits.get(*limit) != *value && limits.set(*limit, *value).is_ok()
                })
                .expect("some power of two makes sense");
            let limits = resolved(&[&format!("{limit}={}", limit.shown(least))])
                .expect("it is in its range");
            let mut expected = Limits::default();
            expected.set(*limit, least).expect("it is in its range");
            assert_eq!(limits, expected, "{limit}");
            assert_ne!(limits, Limits::default(), "{limit}");
        }
    }

    #[test]
    fn sizes_and_times_have_units() {
        for (setting, limit, value) in [
            ("memory-bytes=512MiB", LimitKind::MemoryBytes, 512 << 20),
            ("memory-bytes=1GiB", LimitKind::MemoryBytes, 1 << 30),
            ("header-bytes=8 KiB", LimitKind::HeaderBytes, 8 << 10),
            ("request-bytes=100", LimitKind::RequestBytes, 100),
            ("request-bytes=100B", LimitKind::RequestBytes, 100),
            ("call-time=5s", LimitKind::CallTime, 5000),
            ("call-time=1500ms", LimitKind::CallTime, 1500),
            ("handles=64", LimitKind::Handles, 64),
        ] {
            assert_eq!(resolved(&[setting]).expect(setting).get(limit), value);
        }
    }

    #[test]
    fn what_is_no_limit_is_an_error_that_says_what_is() {
        for (setting, says) in [
            ("memory-bytes", "expected NAME=VALUE"),
            ("memory_bytes=1MiB", "no limit has the name `memory_bytes`"),
            ("=1", "no limit has the name ``"),
            (
                "memory-bytes=",
                "expected a number of B, KiB, MiB or GiB, such as 256MiB",
            ),
            ("memory-bytes=-1", "came `-1`"),
            ("memory-bytes=1MB", "came `1MB`"),
            ("memory-bytes=1.5GiB", "came `1.5GiB`"),
            ("memory-bytes=99999999999GiB", "came `99999999999GiB`"),
            (
                "memory-bytes=1KiB",
                "memory-bytes: expected 64KiB to 4GiB, 1KiB came",
            ),
            (
                "call-time=5",
                "expected a number of ms or s, such as 60s, came `5`",
            ),
            (
                "call-time=0s",
                "call-time: expected 1ms to 86400s, 0ms came",
            ),
            (
                "handles=64MiB",
                "expected a number, such as 1024, came `64MiB`",
            ),
        ] {
            let text = resolved(&[setting]).expect_err(setting);
            assert!(text.contains(says), "{setting}: {text}");
        }
    }

    #[test]
    fn a_limit_is_given_once() {
        assert!(resolved(&["handles=1", "handles=2"]).is_err());
        let both = Flags {
            timeout_ms: Some(5),
            ..flags(&["call-time=5s"])
        };
        assert!(both.resolve(&File::default()).is_err());
    }

    #[test]
    fn a_flag_beats_the_file_limit_by_limit() {
        let text = "timeout_ms = 7\n[limits]\nhandles = 5\nmemory-bytes = \"1MiB\"\n";
        let file: File = toml::from_str(text).expect("settings");
        let limits = flags(&["handles=6"]).resolve(&file).expect("limits");
        let of = |limit| limits.get(limit);
        assert_eq!(
            (
                of(LimitKind::Handles),
                of(LimitKind::MemoryBytes),
                of(LimitKind::CallTime)
            ),
            (6, 1 << 20, 7)
        );
        for wrong in [
            "[limits]\nhandle = 5",
            "[limits]\nhandles = \"many\"",
            "timeout_ms = 5\n[limits]\ncall-time = \"5s\"",
        ] {
            let file: File = toml::from_str(wrong).expect(wrong);
            assert!(flags(&[]).resolve(&file).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_advised_can_be_given() {
        assert_eq!(
            advice(LimitKind::MemoryBytes, 256 << 20).as_deref(),
            Some("--limit memory-bytes=512MiB")
        );
        assert_eq!(advice(LimitKind::Memories, 8), None);
    }
}
