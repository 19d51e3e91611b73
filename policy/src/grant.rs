//! What an operator lets a component do: classes of effect, names of collections and databases, places outside.

use std::fmt;

use routes::{Effect, NameKind, Route};

use super::body::Reading;
use super::effects::{Effects, Mode};
use super::names::{Names, listed};
use super::rules::{Refusal, Rule};

/// What a component may do: an operator's settings. There is no default: who grants something says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    effects: Effects,
    collections: Option<Names>,
    databases: Option<Names>,
    outside: Vec<String>,
}

impl fmt::Display for Policy {
    /// In words, a line for each part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |names: &Option<Names>| match names {
            None => "all".to_owned(),
            Some(names) => names.to_string(),
        };
        let classes: Vec<String> = self
            .effects
            .iter()
            .map(|effect| effect.to_string())
            .collect();
        writeln!(f, "classes: {}", listed(&classes))?;
        writeln!(f, "collections: {}", names(&self.collections))?;
        writeln!(f, "databases: {}", names(&self.databases))?;
        write!(f, "outside Milvus: {}", listed(&self.outside))
    }
}

impl Policy {
    /// The classes of a mode, every collection and database, nobody outside.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self::of(mode.effects())
    }

    /// [`Mode::ReadOnly`]: nothing is changed.
    #[must_use]
    pub fn read_only() -> Self {
        Self::new(Mode::ReadOnly)
    }

    /// [`Mode::Append`]: rows and collections are added, none is lost.
    #[must_use]
    pub fn append() -> Self {
        Self::new(Mode::Append)
    }

    /// [`Mode::NoDrop`]: as `append`, and loads, flushes and compactions.
    #[must_use]
    pub fn no_drop() -> Self {
        Self::new(Mode::NoDrop)
    }

    /// [`Mode::Full`]: everything inside Milvus except its accounts, loss of data included.
    #[must_use]
    pub fn full() -> Self {
        Self::new(Mode::Full)
    }

    /// These classes, every collection and database, nobody outside.
    #[must_use]
    pub fn of(effects: Effects) -> Self {
        Self {
            effects,
            collections: None,
            databases: None,
            outside: Vec::new(),
        }
    }

    /// Adds a class of effect to the mode's.
    #[must_use]
    pub fn allow(mut self, effect: Effect) -> Self {
        self.effects.insert(effect);
        self
    }

    /// Only these collections, and aliases of these names.
    #[must_use]
    pub fn collections(mut self, names: Names) -> Self {
        self.collections = Some(names);
        self
    }

    /// Only these databases; each request has to name one.
    #[must_use]
    pub fn databases(mut self, names: Names) -> Self {
        self.databases = Some(names);
        self
    }

    /// Milvus may contact this third party, or read and write this object, for the component: an exact text, or a
    /// beginning that ends in `/`.
    #[must_use]
    pub fn outside(mut self, place: impl Into<String>) -> Self {
        self.outside.push(place.into());
        self.effects.insert(Effect::Outbound);
        self
    }

    /// Whether names of any kind are listed.
    pub(super) fn lists_names(&self) -> bool {
        self.collections.is_some() || self.databases.is_some()
    }

    /// The list of names of a kind, where there is one.
    pub(super) fn names(&self, kind: NameKind) -> Option<&Names> {
        match kind {
            NameKind::Database => self.databases.as_ref(),
            NameKind::Collection | NameKind::Alias => self.collections.as_ref(),
        }
    }

    /// Whether a request of `route`, which may leave, may hold what was read.
    pub(super) fn check(&self, route: &Route, reading: &Reading) -> Result<(), Refusal> {
        self.effects.check(Rule::Effect, reading.effects.iter())?;
        self.check_outside(route, reading)?;
        self.check_names(route, reading)
    }

    /// Whether it has the classes of `route`, whatever its body holds.
    pub(super) fn check_route(&self, route: &Route) -> Result<(), Refusal> {
        self.effects.check(Rule::Effect, route.effects())
    }

    fn check_names(&self, route: &Route, reading: &Reading) -> Result<(), Refusal> {
        if let Some(allowed) = &self.collections {
            if reading.collections.is_empty() && !answers_a_list(route) {
                return Err(Refusal::new(
                    Rule::Nameless,
                    "collections are listed, and the request names none",
                ));
            }
            check_names(Rule::Collection, allowed, &reading.collections)?;
        }
        if let Some(allowed) = &self.databases {
            if reading.database.is_none() {
                return Err(Refusal::new(
                    Rule::Database,
                    "databases are listed, and the request names none",
                ));
            }
            check_names(Rule::Database, allowed, &reading.databases)?;
        }
        Ok(())
    }

    fn check_outside(&self, route: &Route, reading: &Reading) -> Result<(), Refusal> {
        let allowed = |place: &Option<String>| {
            let place = place.as_deref();
            place.is_some_and(|place| self.outside.iter().any(|known| covers(known, place)))
        };
        // Who is to be contacted has to be said: Milvus' own settings could name anybody. The reader sees to it for each
        // object; here for a route that leads out by itself.
        let leads_out = route.effects().any(|effect| effect == Effect::Outbound);
        let said = !leads_out || !reading.outside.is_empty();
        if said && reading.outside.iter().all(allowed) {
            return Ok(());
        }
        Err(Refusal::new(
            Rule::Outside,
            "it leads to a third party or an object that the policy does not name",
        ))
    }
}

/// Whether a place outside Milvus is the known one, or in it: `known` is an exact text, or a beginning that ends in `/`
/// and is more than a scheme. What climbs out by `..`, or could where percents are decoded, is in none.
#[must_use]
pub fn covers(known: &str, place: &str) -> bool {
    let Some(rest) = place.strip_prefix(known) else {
        return false;
    };
    let climbs =
        rest.split(['/', '\\']).any(|part| part == "..") || rest.contains(char::is_control);
    let coded = rest.to_ascii_lowercase();
    let coded = ["%2e", "%2f", "%5c", "%25"]
        .iter()
        .any(|code| coded.contains(code));
    rest.is_empty()
        || known.ends_with('/') && !known.trim_end_matches('/').ends_with(':') && !climbs && !coded
}

/// Whether the route answers a list of names and nothing else, from which foreign ones can be taken.
pub(super) fn answers_a_list(route: &Route) -> bool {
    route.answer_names.iter().any(|name| name.path == "data[]")
}

pub(super) fn check_names(rule: Rule, allowed: &Names, names: &[String]) -> Result<(), Refusal> {
    match names.iter().find(|name| !allowed.hold(name)) {
        Some(name) => Err(Refusal::new(rule, format!("`{name}` is not listed"))),
        None => Ok(()),
    }
}
