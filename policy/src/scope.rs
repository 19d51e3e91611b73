//! What one call is for: made by the host from what its caller said, and narrower than the operator's policy.

use bytes::Bytes;
use routes::{Method, Route};

use super::arguments::{ArgumentError, Subjects};
use super::body::{self, DATABASE, Reading};
use super::effects::Effects;
use super::grant::{answers_a_list, check_names};
use super::names::Names;
use super::rules::{Refusal, Rule};

/// The database that Milvus takes where none is named.
const DEFAULT_DATABASE: &str = "default";

/// Routes whose `dbName` is what they are about, and not where.
const ABOUT_DATABASES: &str = "/v2/vectordb/databases/";

/// What one call is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    effects: Effects,
    /// `None`: any.
    collections: Option<Names>,
    /// Databases that it is about.
    databases: Names,
    /// The database that every other request has to be for. `None`: any.
    within: Option<Database>,
    /// Route and body of the one request that the caller wrote. `None`: any.
    request: Option<(&'static str, Bytes)>,
}

/// The database of a call. `None`: Milvus' default.
type Database = Option<String>;

impl Scope {
    /// These classes of effect, and any name.
    #[must_use]
    pub fn of(effects: Effects) -> Self {
        Self {
            effects,
            ..Self::default()
        }
    }

    /// One request of the caller: the route of this name with this body, as text. A component may send these very bytes, with
    /// the call's database as first member where there is one, and nothing else; of a `GET`, whose members become a query,
    /// these names.
    ///
    /// # Errors
    /// There is no such route, or the body is none of it.
    pub fn of_request(route: &str, body: &str) -> Result<Self, ArgumentError> {
        let error = |argument: &str, problem: String| ArgumentError {
            argument: argument.to_owned(),
            problem,
        };
        let Some(route) = routes::named(route) else {
            let problem = "expected the name of a route, such as `entities.query`".to_owned();
            return Err(error("route", problem));
        };
        if !body.trim_start().starts_with('{') {
            return Err(error("body", "expected a JSON object".to_owned()));
        }
        let reading =
            body::read(route.keys, body.as_bytes()).map_err(|fault| error("body", fault.detail))?;
        let names = |names: &[String]| Names::exact(names.iter().map(String::as_str));
        let about_databases = route.path.starts_with(ABOUT_DATABASES);
        Ok(Self {
            effects: Effects::of_routes(&[route]),
            collections: Some(names(&reading.collections)),
            databases: names(if about_databases {
                &reading.databases
            } else {
                &[]
            }),
            within: None,
            request: Some((route.name, Bytes::copy_from_slice(body.as_bytes()))),
        })
    }

    /// Only what a caller names.
    #[must_use]
    pub fn about(mut self, subjects: Subjects) -> Self {
        self.collections = Some(subjects.collections);
        self.databases = subjects.databases;
        self
    }

    /// Only in this database; `None` is Milvus' default.
    #[must_use]
    pub fn within(mut self, database: Option<&str>) -> Self {
        self.within = Some(database.map(str::to_owned));
        self
    }

    /// Whether a request of `route` is one that the call is for, before its body is looked at.
    pub(super) fn check_route(&self, route: &Route) -> Result<(), Refusal> {
        if let Some((own, _)) = &self.request
            && *own != route.name
        {
            let detail = format!("the call is for `{own}`");
            return Err(Refusal::new(Rule::CallRoute, detail));
        }
        self.effects.check(Rule::Tool, route.effects())
    }

    /// Whether it may hold what was read from `body`. What single keys raise it to is for the operator's policy to say, not
    /// for a tool's classes.
    pub(super) fn check(
        &self,
        route: &Route,
        reading: &Reading,
        body: &[u8],
    ) -> Result<(), Refusal> {
        if let Some(names) = &self.collections {
            // A call that is about no collection sends what names none.
            if reading.collections.is_empty() && names.count() > 0 && !answers_a_list(route) {
                let detail = "the call is about a collection, and the request names none";
                return Err(Refusal::new(Rule::Call, detail));
            }
            check_names(Rule::Call, names, &reading.collections)?;
        }
        self.check_databases(route, reading)?;
        match &self.request {
            Some((_, own)) if route.method == Method::Post && !self.is_own(own, body) => Err(
                Refusal::new(Rule::CallBody, "it is not the body that the caller wrote"),
            ),
            _ => Ok(()),
        }
    }

    /// Whether a body is the caller's own, or that with the call's database as its first member.
    fn is_own(&self, own: &[u8], sent: &[u8]) -> bool {
        let Some(Some(database)) = &self.within else {
            return sent == own;
        };
        let open = own.iter().position(|byte| *byte == b'{').unwrap_or(0) + 1;
        let (open, rest) = own.split_at(open);
        let empty = rest.trim_ascii_start().starts_with(b"}");
        let comma = if empty { "" } else { "," };
        let added = format!("\"{DATABASE}\":\"{database}\"{comma}");
        sent == own || sent == [open, added.as_bytes(), rest].concat()
    }

    /// A route that cannot be for a database is for all of them.
    fn check_databases(&self, route: &Route, reading: &Reading) -> Result<(), Refusal> {
        let Some(database) = &self.within else {
            return Ok(());
        };
        let expected = database.as_deref().unwrap_or(DEFAULT_DATABASE);
        let about = route.path.starts_with(ABOUT_DATABASES);
        let mine = |name: &String| name == expected || about && self.databases.hold(name);
        let said =
            reading.database.is_some() || database.is_none() || route.key(DATABASE).is_none();
        if said && reading.databases.iter().all(mine) {
            return Ok(());
        }
        let detail = format!("it is for another database than the call's, `{expected}`");
        Err(Refusal::new(Rule::CallDatabase, detail))
    }
}
