//! A row, and the words it is written in.

use core::fmt;

use crate::Key;

/// The method of a route's request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`: only two routes of REST v1. The keys are those of the query; there is no body.
    Get,
    /// `POST`, with a JSON body. There is no query.
    Post,
}

impl Method {
    /// As it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of the two REST dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `/v1/…`: Milvus 2.2.9 and later, the only one up to 2.3.12.
    V1,
    /// `/v2/vectordb/…`: Milvus 2.3.13 and later, and Zilliz Cloud.
    V2,
}

impl Dialect {
    /// What every path of the dialect starts with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::V1 => "/v1/vector/",
            Self::V2 => "/v2/vectordb/",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        })
    }
}

/// A Milvus release. In a row: from there on at the latest.
///
/// A release later in one branch may lack what an earlier one of another has (2.4.18 has routes that 2.5 got with
/// 2.5.0, not those of 2.5.5), so this tells people which version to look for and decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 2 in 2.3.13.
    pub major: u16,
    /// 3 in 2.3.13.
    pub minor: u16,
    /// 13 in 2.3.13.
    pub patch: u16,
}

impl Version {
    /// Reads `2.3.13`; what is not three numbers does not compile.
    pub(crate) const fn of(text: &str) -> Self {
        let text = text.as_bytes();
        let mut parts = [0_u16; 3];
        let mut part = 0;
        let mut at = 0;
        while at < text.len() {
            if text[at] == b'.' {
                part += 1;
            } else {
                assert!(text[at].is_ascii_digit(), "a version is digits and dots");
                parts[part] = parts[part] * 10 + (text[at] - b'0') as u16;
            }
            at += 1;
        }
        assert!(part == 2, "a version is major.minor.patch");
        Self {
            major: parts[0],
            minor: parts[1],
            patch: parts[2],
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What a request does, by its effect and not by its verb.
///
/// A row has the worst effect that the route has when every [free](crate::Verdict::Free) key takes its worst value.
/// Keys that make it worse by being there say so themselves ([`Raise`](crate::Raise)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Adds or makes, and loses nothing: insert, create, add a field.
    Write,
    /// Removes or overwrites rows or settings, or takes data away from those who use it under its name: delete,
    /// upsert (a full one overwrites the row), truncate, release, rename, alter an alias, and every change of
    /// properties, since a time to live is one of them.
    Erase,
    /// Removes a whole thing: a collection, partition, index, alias, database, function, field.
    Drop,
    /// Spends the server's resources beyond the call (load, flush, compact), or works beyond one collection
    /// (properties of a database).
    Admin,
    /// Makes Milvus contact a third party, or read or write an object store or a file of its own.
    Outbound,
    /// Users, roles, privileges. No row has it: those routes are [closed](crate::CLOSED).
    AccessControl,
}

impl Effect {
    /// Every effect, in the order of this documentation.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Erase,
        Self::Drop,
        Self::Admin,
        Self::Outbound,
        Self::AccessControl,
    ];

    /// In kebab case, as settings and records spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Erase => "erase",
            Self::Drop => "drop",
            Self::Admin => "admin",
            Self::Outbound => "outbound",
            Self::AccessControl => "access-control",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// May the same request be sent again when it is not known what became of the first?
///
/// It speaks of a single client. What others do in between is theirs: a collection that somebody makes anew between
/// two drops goes with the second. Whatever it says, a request that Milvus refused with
/// [1807](crate::REJECTED_BY_LIMITER) was not carried out and may go again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Once or twice is the same, and the second is answered as the first would have been.
    Safe,
    /// As `Safe` if the rows carry their own primary keys, the collection has no `autoID`, and the request appends
    /// nothing (`fieldOps` of `ARRAY_APPEND`). With `autoID` Milvus stores an upserted row under a new key (2.4.17
    /// and later), so a second one adds a row.
    Keyed,
    /// The second does no harm, but Milvus refuses it where the first was carried out: look before sending again,
    /// and do not take the refusal for a failure.
    Refused,
    /// Twice is done twice: rows are there two times, work is done two times, or other people's rows are gone.
    Unsafe,
}

impl Replay {
    /// In kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Keyed => "keyed",
            Self::Refused => "refused",
            Self::Unsafe => "unsafe",
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A collection.
    Collection,
    /// A database.
    Database,
    /// A second name for a collection.
    Alias,
}

/// Where an answer carries a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerName {
    /// The way to it from the top of the answer: `data[]`, `data.collectionName`, `data.records[].collectionName`.
    /// `[]` means every element of a list.
    pub path: &'static str,
    /// What it names.
    pub is: NameKind,
}

/// One route of Milvus' REST API.
#[derive(Debug)]
pub struct Route {
    /// `family.action`, unique: the path without its prefix, with dots (`collections.fields.add`); REST v1 begins
    /// with `v1.`.
    pub name: &'static str,
    /// The method, and the only one.
    pub method: Method,
    /// The path, byte for byte as it has to be sent.
    pub path: &'static str,
    /// The dialect it belongs to.
    pub dialect: Dialect,
    /// The first release that has it.
    pub since: Version,
    /// The worst it does.
    pub effect: Effect,
    /// What it does besides, and what has to be allowed as well: an import is `Outbound`, and also a `Write`.
    pub also: &'static [Effect],
    /// Whether the same request may be sent again.
    pub replay: Replay,
    /// The operation as which it counts where costly ones are rationed, if that is another than the row's own class says:
    /// creating a collection that is there and released loads it.
    pub counts_as: Option<&'static str>,
    /// Every key of the request's top level, exactly as Milvus spells it.
    pub keys: &'static [Key],
    /// Every place of the answer that holds a name.
    pub answer_names: &'static [AnswerName],
}

impl Route {
    /// All that the route does whatever its keys hold: [`effect`](Self::effect) first, then [`also`](Self::also).
    pub fn effects(&self) -> impl Iterator<Item = Effect> + use<> {
        core::iter::once(self.effect).chain(self.also.iter().copied())
    }

    /// The key of exactly this name at the top level of the request.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        Key::named(self.keys, name)
    }
}

/// Rows of one family. Each becomes a static of its name; together they become `ROWS`. Every part of a row has to be
/// there, or it does not compile:
///
/// ```text
/// /// What it does.
/// NAME: "family.action" = POST "/path", since "2.3.13", Effect + Also, Replay, keys: &KEYS, names: ["data[]" Collection];
/// OTHER: "family.action" = POST "/path", since "2.3.13", Effect, Replay counts as "family.load", keys: &KEYS, names: [];
/// ```
macro_rules! rows {
    ($dialect:ident: $(
        $(#[$about:meta])*
        $id:ident: $name:literal = $method:ident $path:literal, since $since:literal,
            $effect:ident $(+ $also:ident)*, $replay:ident $(counts as $counted:literal)?,
            keys: $keys:expr, names: [$($at:literal $is:ident),*];
    )*) => {
        $(
            $(#[$about])*
            pub static $id: $crate::Route = $crate::Route {
                name: $name,
                method: rows!(@method $method),
                path: $path,
                dialect: $crate::Dialect::$dialect,
                since: $crate::Version::of($since),
                effect: $crate::Effect::$effect,
                also: &[$($crate::Effect::$also),*],
                replay: $crate::Replay::$replay,
                counts_as: rows!(@counted $($counted)?),
                keys: $keys,
                answer_names: &[$($crate::AnswerName { path: $at, is: $crate::NameKind::$is }),*],
            };
        )*

        /// The rows of this family, in reading order.
        pub(crate) const ROWS: &[&$crate::Route] = &[$(&$id),*];
    };
    (@counted) => { None };
    (@counted $name:literal) => { Some($name) };
    (@method POST) => { $crate::Method::Post };
    (@method GET) => { $crate::Method::Get };
}
