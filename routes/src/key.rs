//! What the keys of a request mean.

use core::fmt;

use crate::{Effect, NameKind, Version};

/// What the value of a key decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It names a collection. Milvus resolves an alias in every such place but drop and rename, so an alias has to
    /// be allowed as a collection is.
    Collection,
    /// It names a database. Where the key is absent, empty or null, Milvus takes the header `DB-Name`, then
    /// `default`.
    Database,
    /// It names an alias.
    Alias,
    /// It names a partition, or lists some: a name inside the collection.
    Partition,
    /// It is the id of a job, which may belong to any collection: where collections are listed, a request that names
    /// nothing else is refused.
    Job,
    /// It stays inside the names that the request's other keys give: rows, filters, numbers, names of fields.
    Free,
    /// It says whom Milvus is to contact or which object it is to read or write. Its presence raises the request to
    /// [`Effect::Outbound`], and its value is for the operator to name.
    Outbound,
    /// It is known and never let out.
    Forbidden,
}

impl Verdict {
    /// In kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Database => "database",
            Self::Alias => "alias",
            Self::Partition => "partition",
            Self::Job => "job",
            Self::Free => "free",
            Self::Outbound => "outbound",
            Self::Forbidden => "forbidden",
        }
    }

    /// What it is the name of, if an operator can list such names.
    #[must_use]
    pub const fn name_kind(self) -> Option<NameKind> {
        match self {
            Self::Collection => Some(NameKind::Collection),
            Self::Database => Some(NameKind::Database),
            Self::Alias => Some(NameKind::Alias),
            Self::Partition | Self::Job | Self::Free | Self::Outbound | Self::Forbidden => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key makes the request worse than its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The effect that has to be allowed as well when the key is present, whatever its value, null included.
    pub to: Effect,
    /// Except for these values: texts without their quotes, or `true`, `false` and numbers as JSON spells them; compared
    /// exactly. Empty: no exception.
    pub unless: &'static [&'static str],
}

impl Raise {
    /// The effect, if this scalar value raises.
    #[must_use]
    pub fn by(&self, value: &str) -> Option<Effect> {
        (!self.unless.contains(&value)).then_some(self.to)
    }
}

/// One key of a request.
///
/// The names are exact. Milvus folds case while reading; whoever checks does not, and refuses what is not listed.
#[derive(Clone, Copy)]
pub struct Key {
    /// As Milvus' source spells it, oddities included (`FunctionName`, `jobID` beside `jobId`).
    pub name: &'static str,
    /// What its value decides about.
    pub verdict: Verdict,
    /// Milvus' binder refuses a request without it (1802), and one where it is null, `""` or `0`. It does not look
    /// into lists: in their elements this says what the handler needs.
    pub required: bool,
    /// The first release that reads it, where that is later than what it stands in.
    pub since: Option<Version>,
    /// Whether its presence makes the request worse.
    pub raises: Option<Raise>,
    /// What may stand in it.
    pub keys: Keys,
}

/// What may stand in the value of a key.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// No object: a text, number, boolean, null, or lists of these at any depth.
    None,
    /// One object with exactly these keys.
    Object(&'static [Key]),
    /// A list of objects with exactly these keys.
    List(&'static [Key]),
    /// An object with any keys, whose values all have one shape.
    Map(&'static Keys),
    /// A scalar, an object, or a list of these, with keys that Milvus extends from release to release.
    Open(&'static Open),
}

/// An object whose keys are not a closed set, or any JSON.
#[derive(Debug)]
pub struct Open {
    /// The keys that are known, spelt exactly.
    pub keys: &'static [Key],
    /// What any other key is.
    pub others: Others,
    /// A text in its place may hold it as JSON, which Milvus reads (`analyzer_params`).
    pub texts_hold_json: bool,
    /// It is a row, or a list of rows.
    pub rows: bool,
}

/// What a key is that an [`Open`] object does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// The caller's own, with any JSON in it: nothing leads out of it.
    Free,
    /// It may make Milvus contact a third party or read a file. The request is [`Effect::Outbound`], and each text in the
    /// key's value names a place.
    Outbound,
    /// Refused: Milvus reads a closed set here, and another spelling could mean anything to a later release.
    Refused,
}

impl Open {
    /// Any JSON.
    pub const FREE: &'static Self = &Self {
        keys: &[],
        others: Others::Free,
        texts_hold_json: false,
        rows: false,
    };

    /// Rows, whose keys are the caller's.
    pub(crate) const ROWS: &'static Self = &Self {
        rows: true,
        ..*Self::FREE
    };

    /// What Milvus builds by name: these keys stay inside, every other one may lead out.
    pub(crate) const fn inside(keys: &'static [Key]) -> Self {
        Self {
            keys,
            others: Others::Outbound,
            texts_hold_json: true,
            rows: false,
        }
    }

    /// A map of which Milvus reads a closed set.
    pub(crate) const fn closed(keys: &'static [Key]) -> Self {
        Self {
            keys,
            others: Others::Refused,
            ..*Self::FREE
        }
    }
}

impl fmt::Debug for Key {
    /// Without what stands below: some shapes contain themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("verdict", &self.verdict)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// The key of exactly this name.
    #[must_use]
    pub fn named(keys: &'static [Self], name: &str) -> Option<&'static Self> {
        keys.iter().find(|key| key.name == name)
    }

    const fn of(name: &'static str, verdict: Verdict) -> Self {
        Self {
            name,
            verdict,
            required: false,
            since: None,
            raises: None,
            keys: Keys::None,
        }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn since(mut self, version: &str) -> Self {
        self.since = Some(Version::of(version));
        self
    }

    /// Its presence raises to `to`, unless its value is one of these texts.
    pub(crate) const fn raises(mut self, to: Effect, unless: &'static [&'static str]) -> Self {
        self.raises = Some(Raise { to, unless });
        self
    }

    pub(crate) const fn object(mut self, keys: &'static [Self]) -> Self {
        self.keys = Keys::Object(keys);
        self
    }

    pub(crate) const fn list(mut self, keys: &'static [Self]) -> Self {
        self.keys = Keys::List(keys);
        self
    }

    pub(crate) const fn map(mut self, values: &'static Keys) -> Self {
        self.keys = Keys::Map(values);
        self
    }

    pub(crate) const fn open(mut self, open: &'static Open) -> Self {
        self.keys = Keys::Open(open);
        self
    }
}

// A key starts with its verdict, so none is without.

pub(crate) const fn collection(name: &'static str) -> Key {
    Key::of(name, Verdict::Collection)
}

pub(crate) const fn database(name: &'static str) -> Key {
    Key::of(name, Verdict::Database)
}

pub(crate) const fn alias(name: &'static str) -> Key {
    Key::of(name, Verdict::Alias)
}

pub(crate) const fn partition(name: &'static str) -> Key {
    Key::of(name, Verdict::Partition)
}

pub(crate) const fn job(name: &'static str) -> Key {
    Key::of(name, Verdict::Job)
}

pub(crate) const fn free(name: &'static str) -> Key {
    Key::of(name, Verdict::Free)
}

pub(crate) const fn outbound(name: &'static str) -> Key {
    Key::of(name, Verdict::Outbound).raises(Effect::Outbound, &[])
}

/// Its value names a place, unless it is one of these, which are built in.
pub(crate) const fn outbound_unless(name: &'static str, built_in: &'static [&'static str]) -> Key {
    Key::of(name, Verdict::Outbound).raises(Effect::Outbound, built_in)
}

pub(crate) const fn forbidden(name: &'static str) -> Key {
    Key::of(name, Verdict::Forbidden)
}

/// `dbName`, optional in nearly every route.
pub(crate) const DB: Key = database("dbName");
/// `dbName` where the body has to have it: the routes of databases themselves.
pub(crate) const DB_REQUIRED: Key = DB.required();
/// `collectionName`, required.
pub(crate) const COLLECTION: Key = collection("collectionName").required();
/// `collectionName`, where its absence means every collection of the database.
pub(crate) const ANY_COLLECTION: Key = collection("collectionName");
/// `partitionName`.
pub(crate) const PARTITION: Key = partition("partitionName");
/// `partitionNames`, a list.
pub(crate) const PARTITIONS: Key = partition("partitionNames");

/// `CollectionNameReq` of `request_v2.go`. Eleven routes decode it; only `get_load_state` looks at the partitions.
pub(crate) static COLLECTION_NAME: [Key; 3] = [DB, COLLECTION, PARTITIONS];
/// `OptionalCollectionNameReq`.
pub(crate) static OPTIONAL_COLLECTION_NAME: [Key; 2] = [DB, ANY_COLLECTION];
/// `JobIDReq`: an id as text.
pub(crate) static JOB_ID: [Key; 1] = [job("jobId").required()];
