//! What the component may do.

use super::file::File;
use crate::failure::Failure;
use host_harness::{Effect, Mode, Names, Policy};
use serde::Deserialize;

#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// What the component may do: read-only, append, no-drop or full [default: full]
    #[arg(
        long,
        env = "MILVUS_MODE",
        global = true,
        value_name = "MODE",
        help_heading = "Policy"
    )]
    mode: Option<String>,
    /// A class that it may do beside: read, write, erase, drop, admin
    #[arg(long, global = true, value_name = "CLASS", help_heading = "Policy")]
    allow: Vec<String>,
    /// The only collections it may reach, a,b_* [default: all]
    #[arg(
        long,
        env = "MILVUS_COLLECTIONS",
        global = true,
        value_name = "NAMES",
        help_heading = "Policy"
    )]
    collections: Option<String>,
    /// The only databases it may reach; name one with --database [default: all]
    #[arg(
        long,
        env = "MILVUS_DATABASES",
        global = true,
        value_name = "NAMES",
        help_heading = "Policy"
    )]
    databases: Option<String>,
    /// A third party or an object that Milvus may use for it: the whole text, or a beginning that ends in /
    #[arg(long, global = true, value_name = "PLACE", help_heading = "Policy")]
    outside: Vec<String>,
}

/// `[policy]` of the settings file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    mode: Option<String>,
    #[serde(default)]
    allow: Vec<String>,
    collections: Option<Vec<String>>,
    databases: Option<Vec<String>>,
    #[serde(default)]
    outside: Vec<String>,
}

impl Flags {
    pub(super) fn resolve(&self, file: &File) -> Result<Policy, Failure> {
        self.over(file.policy.clone()).policy()
    }

    /// Flags narrow and widen what a file says, setting by setting.
    fn over(&self, file: Table) -> Table {
        let list = |names: &String| {
            names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        };
        let or = |flags: &[String], file: Vec<String>| {
            if flags.is_empty() {
                file
            } else {
                flags.to_vec()
            }
        };
        Table {
            // Classes of the file stand beside the file's mode, not beside another.
            allow: match &self.mode {
                Some(_) => self.allow.clone(),
                None => or(&self.allow, file.allow),
            },
            mode: self.mode.clone().or(file.mode),
            collections: self.collections.as_ref().map(list).or(file.collections),
            databases: self.databases.as_ref().map(list).or(file.databases),
            outside: or(&self.outside, file.outside),
        }
    }
}

impl Table {
    fn policy(&self) -> Result<Policy, Failure> {
        let mode = match &self.mode {
            None => Mode::Full,
            Some(name) => named("--mode", name, &Mode::ALL, |mode| mode.name())?,
        };
        let mut policy = Policy::new(mode);
        for name in &self.allow {
            use Effect::{Admin, Drop, Erase, Read, Write};
            let classes = [Read, Write, Erase, Drop, Admin];
            policy = policy.allow(named("--allow", name, &classes, |effect| effect.as_str())?);
        }
        if let Some(list) = &self.collections {
            policy = policy.collections(names("--collections", list)?);
        }
        if let Some(list) = &self.databases {
            policy = policy.databases(names("--databases", list)?);
        }
        for place in &self.outside {
            policy = policy.outside(place.clone());
        }
        Ok(policy)
    }
}

fn named<T: Copy>(
    flag: &str,
    name: &str,
    known: &[T],
    spelt: impl Fn(&T) -> &'static str,
) -> Result<T, Failure> {
    known
        .iter()
        .find(|item| spelt(item) == name)
        .copied()
        .ok_or_else(|| {
            let words: Vec<&str> = known.iter().map(&spelt).collect();
            Failure::usage(format!("{flag}: expected one of {}", words.join(", ")))
        })
}

fn names(flag: &str, list: &[String]) -> Result<Names, Failure> {
    Names::parse(list.iter().map(String::as_str)).map_err(|_| {
        Failure::usage(format!(
            "{flag}: expected names as Milvus takes them, or beginnings and a `*`, between commas"
        ))
    })
}
