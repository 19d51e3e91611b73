//! What a name means: Milvus resolves an alias wherever the name of a collection stands, so a listed name that is an
//! alias can lead to a collection that is not listed, and whoever may write aliases can move it there at any time.
//!
//! So where the operator lists collections, the host asks Milvus itself, once for each call and name, before the request
//! leaves: also before one that only reads, since an answer that is withheld still tells by its size, its time and the
//! way it ends.
//!
//! ```text
//! for name in admitted.names() {
//!     let mut next = Some(Question::FIRST);
//!     while let Some(question) = next {
//!         let answer = send(admitted.asks(name, question));
//!         next = policy::meaning(&allowance, name, question, answer.status, &answer.body)?;
//!     }
//! }
//! ```
//!
//! The description of a collection does not say it: Milvus repeats the name that it was asked for, an alias included
//! (2.2 to 3.0, `proxy/task.go: describeCollectionTask.Execute`, `service_provider.go`). That of an alias does
//! (`rootcoord/meta_table.go: DescribeAlias`), over REST v2. REST v1 has no aliases, so on a server that has nothing
//! else (2.2.9 to 2.3.12) a name counts if it is in the list of collections, in which aliases are not.
//!
//! Somebody who moves an alias between the answer and the request still gets a request through to where he pointed it:
//! that is closed by the rights of the token, not here.

use routes::{Effect, Method, NameKind, Route};

use super::answers::{code, has, text};
use super::body::Reading;
use super::json::Broken;
use super::{Admitted, Allowance, Effects, Facts, Policy, Refusal, Rule};

/// A name in a request that may be an alias.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The request's own. `None`: it is Milvus' default.
    database: Option<String>,
    name: String,
}

/// What the host asks Milvus about a name. Each is a request that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// REST v2: which collection the alias means.
    Alias,
    /// REST v1: whether there is anything of that name.
    Exists,
    /// REST v1: which collections there are.
    Listed,
}

impl Question {
    /// What is asked first.
    pub const FIRST: Self = Self::Alias;
}

/// The names of a request that have to be asked for under this policy.
pub(super) fn names(policy: &Policy, reading: &Reading) -> Vec<Name> {
    let mut names = Vec::new();
    if policy.names(NameKind::Collection).is_some() {
        for name in &reading.collections {
            let name = Name {
                database: reading.database.clone(),
                name: name.clone(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

impl Admitted {
    /// The names whose meaning has to be known before this is sent: none where collections are not listed.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// The host's own request for what `name` means, to the same origin.
    #[must_use]
    pub fn asks(&self, name: &Name, question: Question) -> Self {
        let route: &'static Route = match question {
            Question::Alias => &routes::aliases::DESCRIBE,
            Question::Exists => &routes::v1::COLLECTIONS_DESCRIBE,
            Question::Listed => &routes::v1::COLLECTIONS_LIST,
        };
        // A name holds nothing that JSON or a query would escape.
        let pair = |key: &str, name: &str| match route.method {
            Method::Post => format!("\"{key}\":\"{name}\""),
            Method::Get => format!("{key}={name}"),
        };
        let database = name.database.iter();
        let mut pairs: Vec<String> = database.map(|name| pair("dbName", name)).collect();
        match question {
            Question::Alias => pairs.push(pair("aliasName", &name.name)),
            Question::Exists => pairs.push(pair("collectionName", &name.name)),
            Question::Listed => {}
        }
        let (query, body) = match route.method {
            Method::Post => (None, format!("{{{}}}", pairs.join(","))),
            Method::Get => (Some(pairs.join("&")), String::new()),
        };
        Self {
            origin: self.origin.clone(),
            query: query.filter(|query| !query.is_empty()),
            body: body.into(),
            names: Vec::new(),
            facts: Facts {
                route,
                effects: Effects::of(&[Effect::Read]),
                collections: Vec::new(),
                databases: Vec::new(),
            },
        }
    }
}

/// What Milvus' answer says about `name`: `None` if it means what the policy lists or nothing at all, else what has to
/// be asked next.
///
/// # Errors
/// The name leads to a collection that is not listed, or the answer does not say where.
pub fn meaning(
    allowance: &Allowance,
    name: &Name,
    question: Question,
    status: u16,
    answer: &[u8],
) -> Result<Option<Question>, Refusal> {
    let refused = |why: String| Err(Refusal::new(Rule::Alias, format!("`{}` {why}", name.name)));
    let untold = |broken: Broken| {
        Refusal::new(
            Rule::Alias,
            format!(
                "Milvus does not say what `{}` means: {}",
                name.name, broken.why
            ),
        )
    };
    let Ok(code) = code(answer) else {
        // A server without REST v2: gin's own answer to a path that it does not know.
        if question == Question::Alias && status == 404 {
            return Ok(Some(Question::Exists));
        }
        return refused(format!("may be an alias: Milvus answered status {status}"));
    };
    match (question, code) {
        (Question::Alias, 0 | 200) => {
            let real = text(answer, "data.collectionName").map_err(untold)?;
            let allowed = allowance.policy.names(NameKind::Collection);
            let listed = |real: String| allowed.is_none_or(|allowed| allowed.hold(&real));
            if real.is_some_and(listed) {
                return Ok(None);
            }
            refused("leads to a collection that is not listed".to_owned())
        }
        // No such alias, no such database: the name is a collection's own, or nobody's.
        (Question::Alias, 1600 | 800) => Ok(None),
        (Question::Exists, 0 | 200) => Ok(Some(Question::Listed)),
        (Question::Exists, 100 | 800) => Ok(None),
        (Question::Listed, 0 | 200) => {
            if has(answer, "data[]", &name.name).map_err(untold)? {
                return Ok(None);
            }
            refused("is an alias, and REST v1 does not say of which collection".to_owned())
        }
        _ => refused(format!("may be an alias: Milvus answered code {code}")),
    }
}
