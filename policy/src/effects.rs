//! Classes of effect, and the modes that operators choose from.

use std::fmt;

use routes::{Effect, Route};

use super::rules::{Refusal, Rule};

/// A set of classes of effect.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Effects(u8);

impl Effects {
    /// These.
    #[must_use]
    pub fn of(effects: &[Effect]) -> Self {
        Self::default().and(effects.iter().copied())
    }

    /// Those of all these routes.
    #[must_use]
    pub fn of_routes(routes: &[&Route]) -> Self {
        Self::default().and(routes.iter().flat_map(|route| route.effects()))
    }

    /// These, and those.
    #[must_use]
    pub fn and(mut self, others: impl Iterator<Item = Effect>) -> Self {
        others.for_each(|effect| self.insert(effect));
        self
    }

    /// Whether it has all of these. What lacks one breaks `rule`.
    pub(super) fn check(
        self,
        rule: Rule,
        mut effects: impl Iterator<Item = Effect>,
    ) -> Result<(), Refusal> {
        let foreign = effects.find(|effect| !self.contains(*effect));
        foreign.map_or(Ok(()), |effect| {
            Err(Refusal::new(rule, format!("it is of class `{effect}`")))
        })
    }

    /// Adds one.
    pub fn insert(&mut self, effect: Effect) {
        self.0 |= 1 << effect as u8;
    }

    /// Whether it is in.
    #[must_use]
    pub fn contains(self, effect: Effect) -> bool {
        self.0 & 1 << effect as u8 != 0
    }

    /// Those that are in, in the order of the classes' documentation.
    pub fn iter(self) -> impl Iterator<Item = Effect> {
        Effect::ALL
            .into_iter()
            .filter(move |effect| self.contains(*effect))
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Effect::as_str))
            .finish()
    }
}

/// Classes of effect that go together.
///
/// | mode | lets through |
/// |---|---|
/// | `read-only` | `read` |
/// | `append` | `read`, `write`: rows and collections are added, none is lost |
/// | `no-drop` | `read`, `write`, `admin`: loads, flushes and compactions, too; nothing is lost |
/// | `full` | all but `outbound` and `access-control` |
///
/// `erase` (delete, upsert, truncate, release, a time to live) loses data as `drop` does, so only `full` has it; a policy
/// can add single classes to a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reads.
    ReadOnly,
    /// Reads and adds.
    Append,
    /// Everything that loses nothing.
    NoDrop,
    /// Everything inside Milvus but its accounts.
    Full,
}

impl Mode {
    /// Every mode, the narrowest first.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::Append, Self::NoDrop, Self::Full];

    /// As settings spell it: kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Append => "append",
            Self::NoDrop => "no-drop",
            Self::Full => "full",
        }
    }

    /// What it lets through.
    #[must_use]
    pub fn effects(self) -> Effects {
        use Effect::{Admin, Drop, Erase, Read, Write};
        Effects::of(match self {
            Self::ReadOnly => &[Read],
            Self::Append => &[Read, Write],
            Self::NoDrop => &[Read, Write, Admin],
            Self::Full => &[Read, Write, Admin, Erase, Drop],
        })
    }
}
