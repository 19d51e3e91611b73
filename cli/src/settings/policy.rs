//! What the component may do.
//!
//! `[policy]` of a settings file is a ceiling: flags and variables, which a program may inherit without knowing, only
//! narrow it, and what asks for more is an error.

use super::file::File;
use crate::failure::Failure;
use host_harness::{Effect, Effects, Mode, Names, Policy};
use policy::covers;
use serde::Deserialize;
use std::ffi::{OsStr, OsString};

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
    /// Classes that it may do beside, a,b: read, write, erase, drop, admin
    #[arg(long, global = true, value_name = "CLASSES", help_heading = "Policy")]
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
    /// A third party or an object that Milvus may use for it: the whole text, or a beginning that ends in /; may be given
    /// more than once
    #[arg(
        long,
        global = true,
        value_name = "PLACE",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Policy"
    )]
    outside: Vec<String>,
}

/// A policy as it is written: `[policy]` of a settings file, or flags put together.
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
    /// The names of its variables, of which an empty one is an error.
    pub(super) fn variables() -> Vec<OsString> {
        let command = <Self as clap::Args>::augment_args(clap::Command::new("policy"));
        let names = command.get_arguments().filter_map(clap::Arg::get_env);
        names.map(OsStr::to_owned).collect()
    }

    pub(super) fn resolve(&self, file: &File) -> Result<Policy, Failure> {
        let flags = Rules::read(&self.table(), |key| format!("--{key}"))?;
        let rules = match &file.policy {
            None => flags,
            Some(table) => {
                let ceiling = Rules::read(table, |key| format!("[policy] {key}"))?;
                flags.under(&ceiling)?
            }
        };
        Ok(rules.policy())
    }

    fn table(&self) -> Table {
        let list = |names: &String| -> Vec<String> {
            names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        };
        Table {
            mode: self.mode.clone(),
            allow: self.allow.iter().flat_map(list).collect(),
            collections: self.collections.as_ref().map(list),
            databases: self.databases.as_ref().map(list),
            outside: self.outside.clone(),
        }
    }
}

/// A policy that makes sense, as far as it is said.
#[derive(Debug)]
struct Rules {
    mode: Option<Mode>,
    allow: Vec<Effect>,
    collections: Option<List>,
    databases: Option<List>,
    outside: Vec<String>,
}

/// Names, and as they were written.
#[derive(Clone, Debug)]
struct List {
    names: Names,
    entries: Vec<String>,
}

impl Rules {
    /// Reads what is written; `called` says how a key of the table is called where it came from.
    fn read(table: &Table, called: impl Fn(&str) -> String) -> Result<Self, Failure> {
        use Effect::{Admin, Drop, Erase, Read, Write};
        let modes = Mode::ALL.map(|mode| (mode.name(), mode));
        let classes = [Read, Write, Erase, Drop, Admin].map(|class| (class.as_str(), class));
        let list = |key: &str, entries: &Option<Vec<String>>| {
            let Some(entries) = entries else {
                return Ok(None);
            };
            let names = Names::parse(entries.iter().map(String::as_str)).map_err(|_| {
                Failure::usage(format!(
                    "{}: expected names as Milvus takes them, or beginnings and a `*`, between commas",
                    called(key)
                ))
            })?;
            let entries = entries.clone();
            Ok(Some(List { names, entries }))
        };
        Ok(Self {
            mode: match &table.mode {
                None => None,
                Some(name) => Some(one_of(&called("mode"), name, &modes)?),
            },
            allow: table
                .allow
                .iter()
                .map(|name| one_of(&called("allow"), name, &classes))
                .collect::<Result<_, _>>()?,
            collections: list("collections", &table.collections)?,
            databases: list("databases", &table.databases)?,
            outside: table.outside.clone(),
        })
    }

    /// These, and what they do not say as the ceiling has it; an error where they ask for more.
    fn under(self, ceiling: &Self) -> Result<Self, Failure> {
        let beyond = |what: String| {
            Failure::usage(format!(
                "{what}, which [policy] of the settings file does not let out"
            ))
            .with_hint("flags and variables can only narrow what [policy] says: change it there")
        };
        let allow = match (self.mode, self.allow.as_slice()) {
            // Classes of the file stand beside the file's mode, not beside another.
            (None, []) => ceiling.allow.clone(),
            _ => self.allow,
        };
        let narrowed = Self {
            mode: self.mode.or(ceiling.mode),
            allow,
            collections: narrowed("collections", self.collections, &ceiling.collections)
                .map_err(beyond)?,
            databases: narrowed("databases", self.databases, &ceiling.databases).map_err(beyond)?,
            outside: if self.outside.is_empty() {
                ceiling.outside.clone()
            } else {
                self.outside
            },
        };
        let allowed = ceiling.effects();
        if let Some(class) = narrowed
            .effects()
            .iter()
            .find(|class| !allowed.contains(*class))
        {
            return Err(beyond(format!("--mode and --allow ask for `{class}`")));
        }
        if let Some(place) = narrowed.outside.iter().find(|place| !ceiling.covers(place)) {
            return Err(beyond(format!("--outside asks for `{place}`")));
        }
        Ok(narrowed)
    }

    /// Whether a place is one of these, or in one of them.
    fn covers(&self, place: &str) -> bool {
        self.outside.iter().any(|known| covers(known, place))
    }

    /// Classes by mode and by name.
    fn effects(&self) -> Effects {
        let mut effects = self.mode.unwrap_or(Mode::Full).effects();
        self.allow.iter().for_each(|class| effects.insert(*class));
        effects
    }

    fn policy(self) -> Policy {
        let mut policy = Policy::of(self.effects());
        if let Some(list) = self.collections {
            policy = policy.collections(list.names);
        }
        if let Some(list) = self.databases {
            policy = policy.databases(list.names);
        }
        for place in self.outside {
            policy = policy.outside(place);
        }
        policy
    }
}

/// The narrower of two lists; what is in the first and not in the ceiling is told.
fn narrowed(
    flag: &str,
    list: Option<List>,
    ceiling: &Option<List>,
) -> Result<Option<List>, String> {
    let (Some(list), Some(ceiling)) = (&list, ceiling) else {
        return Ok(list.or_else(|| ceiling.clone()));
    };
    let within = |entry: &str| {
        let beginning = entry.strip_suffix('*');
        ceiling
            .entries
            .iter()
            .any(|known| match known.strip_suffix('*') {
                Some(known) => beginning.unwrap_or(entry).starts_with(known),
                None => known == entry,
            })
    };
    match list.entries.iter().find(|entry| !within(entry)) {
        None => Ok(Some(list.clone())),
        Some(entry) => Err(format!("--{flag} asks for `{entry}`")),
    }
}

fn one_of<T: Copy>(called: &str, name: &str, known: &[(&str, T)]) -> Result<T, Failure> {
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, item)| *item).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        Failure::usage(format!("{called}: expected one of {}", words.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        let table: Table = toml::from_str(text).expect("TOML");
        Rules::read(&table, str::to_owned).expect("rules")
    }

    #[test]
    fn t36_a_ceiling_is_narrowed_and_never_raised() {
        let ceiling = "mode = 'append'\nallow = ['admin']\ncollections = ['docs', 'logs_*']\n\
                       databases = ['main']\noutside = ['https://a.example/', 's3://b']";
        for (flags, allowed) in [
            ("", true),
            ("mode = 'read-only'", true),
            ("mode = 'append'", true),
            ("mode = 'no-drop'", true),
            ("mode = 'full'", false),
            ("mode = 'read-only'\nallow = ['write', 'admin']", true),
            ("mode = 'read-only'\nallow = ['erase']", false),
            ("allow = ['admin']", true),
            ("allow = ['drop']", false),
            ("collections = ['docs']", true),
            ("collections = ['logs_2']", true),
            ("collections = ['logs_2*', 'docs']", true),
            ("collections = []", true),
            ("collections = ['docs_2']", false),
            ("collections = ['docs*']", false),
            ("collections = ['logs*']", false),
            ("collections = ['docs', 'hr']", false),
            ("databases = ['main']", true),
            ("databases = ['main', 'other']", false),
            ("outside = ['https://a.example/']", true),
            ("outside = ['https://a.example/v1', 's3://b']", true),
            ("outside = ['https://a.example']", false),
            ("outside = ['s3://b/c']", false),
            ("outside = ['https://a.example.evil/']", false),
            ("outside = ['https://a.example/../b']", false),
            ("outside = ['https://a.example/v1/..']", false),
            ("outside = ['https://a.example/..\\b']", false),
            ("outside = ['https://a.example/v..1']", true),
        ] {
            assert_eq!(
                rules(flags).under(&rules(ceiling)).is_ok(),
                allowed,
                "{flags}"
            );
        }
    }

    #[test]
    fn t36_what_a_ceiling_does_not_say_stays_what_it_is_without_one() {
        let words = |rules: Rules| rules.policy().to_string();
        let given = "mode = 'read-only'\ncollections = ['docs']\ndatabases = ['main']";
        let narrowed = rules(given).under(&rules("")).expect("it is narrower");
        assert_eq!(words(narrowed), words(rules(given)));
        // A ceiling names places, or there is none.
        assert!(
            rules("outside = ['https://a.example/']")
                .under(&rules(""))
                .is_err()
        );
    }

    #[test]
    fn t36_what_is_not_said_is_what_the_ceiling_says() {
        let ceiling = "mode = 'append'\nallow = ['admin']\ncollections = ['docs']\n\
                       databases = ['main']\noutside = ['s3://b']";
        let words = |rules: Rules| rules.policy().to_string();
        let same = rules("")
            .under(&rules(ceiling))
            .expect("nothing is asked for");
        assert_eq!(words(same), words(rules(ceiling)));
        let narrower = rules("mode = 'read-only'")
            .under(&rules(ceiling))
            .expect("narrower");
        assert!(words(narrower).starts_with("classes: read, outbound\n"));
    }
}
