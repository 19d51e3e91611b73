//! Which requests leave the sandbox, and what of their answers comes in. Pure: no I/O, no clock, no state; total: an answer for every input, never a panic.
//!
//! [`admit`] looks at a whole request and answers with an [`Admitted`] or a [`Refusal`]. Nothing else makes an
//! `Admitted`, nothing changes one, and transport sends nothing else: what was checked is what leaves.

#![forbid(unsafe_code)]

mod aliases;
mod answers;
mod arguments;
mod body;
mod effects;
mod grant;
mod json;
mod names;
mod origin;
mod redaction;
mod rules;
mod scope;

use body::Reading;
use bytes::Bytes;
use origin::shown;
use routes::{Method, Route};

pub use aliases::{Name, Question, meaning};
pub use arguments::{ArgumentError, Subjects, names as names_in};
pub use effects::{Effects, Mode};
pub use grant::{Policy, covers};
pub use names::Names;
pub use origin::{Origin, OriginError, Scheme};
pub use redaction::Redaction;
pub use rules::{Refusal, Rule};
pub use scope::Scope;

/// What one call may let out: what the operator's policy and the call itself both allow.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// The one origin that can be reached. `None`: nothing may be let out.
    pub origin: Option<Origin>,
    /// The largest body, in bytes.
    pub request_bytes: u64,
    /// The most rows of one insert or upsert.
    pub rows: u64,
    /// The operator's.
    pub policy: Policy,
    /// What the call is for.
    pub call: Scope,
}

/// A request as the component made it, its body collected to the end.
#[derive(Debug)]
pub struct WholeRequest<'a> {
    /// Its method, as it came.
    pub method: &'a str,
    /// Its scheme, as it came; empty if there is none.
    pub scheme: &'a str,
    /// Host and port, as they came; empty if there are none.
    pub authority: &'a str,
    /// The raw path: nothing is decoded.
    pub path: &'a str,
    /// What stands behind the path's `?`, raw.
    pub query: Option<&'a str>,
    /// `Content-Length`, if there is one, plain digits, that fits.
    pub declared: Option<u64>,
    /// How many bytes came, also those that were not kept.
    pub came: u64,
    /// What was kept: everything, unless `came` is beyond what was declared or allowed.
    pub body: Bytes,
    /// There were trailers behind the body.
    pub trailers: bool,
    /// The writer gave the body up.
    pub aborted: bool,
}

/// A request that may leave. Made by [`admit`] only.
#[derive(Debug)]
pub struct Admitted {
    origin: Origin,
    query: Option<String>,
    body: Bytes,
    names: Vec<Name>,
    facts: Facts,
}

/// What may be told of a request: no payload.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its row in the table.
    pub route: &'static Route,
    /// Its classes of effect: its row's, and what keys of its body raise it to.
    pub effects: Effects,
    /// The collections and aliases that it names, as names in Milvus are.
    pub collections: Vec<String>,
    /// The databases that it names. None: it is for Milvus' default.
    pub databases: Vec<String>,
}

impl Admitted {
    /// Where it goes: the configured origin, not the component's text.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What may be told of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its row in the table.
    #[must_use]
    pub fn route(&self) -> &'static Route {
        self.facts.route
    }

    /// Its classes of effect.
    #[must_use]
    pub fn effects(&self) -> Effects {
        self.facts.effects
    }

    /// The row's path, never the component's text; a query only after its closed list was passed.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.route().path),
            None => self.route().path.to_owned(),
        }
    }

    /// The very bytes that were checked.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Whether `request` may leave.
///
/// # Errors
/// The first rule that it breaks.
pub fn admit(allowance: &Allowance, request: WholeRequest<'_>) -> Result<Admitted, Refusal> {
    let Some(origin) = &allowance.origin else {
        return Err(Refusal::new(
            Rule::NoEndpoint,
            "this call has no endpoint, no request may leave",
        ));
    };
    check_origin(origin, &request)?;
    let route = find_route(&request)?;
    let known = |mut refusal: Refusal| {
        refusal.operation = Some(route.name);
        refusal
    };
    let mut reading = Reading::default();
    let query = check_query(route, request.query, &mut reading).map_err(known)?;
    check_body(allowance, route, &request).map_err(known)?;
    let (policy, call) = (&allowance.policy, &allowance.call);
    policy.check_route(route).map_err(known)?;
    call.check_route(route).map_err(known)?;
    if route.method == Method::Post {
        reading = body::read(route.keys, &request.body)
            .map_err(|fault| known(Refusal::new(fault.rule, fault.detail)))?;
    }
    if reading.rows > allowance.rows {
        let most = allowance.rows;
        return Err(known(Refusal::new(
            Rule::Rows,
            format!("it has {} rows, the most is {most}", reading.rows),
        )));
    }
    policy.check(route, &reading).map_err(known)?;
    call.check(route, &reading, &request.body).map_err(known)?;
    Ok(Admitted {
        origin: origin.clone(),
        query,
        body: request.body,
        names: aliases::names(&allowance.policy, &reading),
        facts: Facts {
            route,
            effects: reading.effects.and(route.effects()),
            collections: reading.collections,
            databases: reading.databases,
        },
    })
}

fn check_origin(origin: &Origin, request: &WholeRequest<'_>) -> Result<(), Refusal> {
    let scheme = Scheme::parse(request.scheme)
        .filter(|scheme| *scheme == origin.scheme())
        .ok_or_else(|| {
            let (expected, came) = (origin.scheme().name(), shown(request.scheme));
            Refusal::new(
                Rule::Scheme,
                format!("expected `{expected}`, `{came}` came"),
            )
        })?;
    match Origin::from_parts(scheme, request.authority) {
        Ok(asked) if asked == *origin => Ok(()),
        Err(OriginError::UserInfo) => Err(Refusal::new(
            Rule::Authority,
            "there is a user before the host",
        )),
        _ => {
            let (expected, came) = (origin.authority(), shown(request.authority));
            Err(Refusal::new(
                Rule::Authority,
                format!("expected `{expected}`, `{came}` came"),
            ))
        }
    }
}

/// The row whose method and path are the request's, byte for byte: nothing is decoded, so no other spelling of a
/// path matches.
fn find_route(request: &WholeRequest<'_>) -> Result<&'static Route, Refusal> {
    let path = request.path.as_bytes();
    if let Some(route) = routes::find(request.method, path) {
        return Ok(route);
    }
    Err(
        match routes::all().find(|route| route.path.as_bytes() == path) {
            Some(route) => Refusal {
                rule: Rule::Method,
                operation: Some(route.name),
                detail: format!(
                    "expected `{}`, `{}` came",
                    route.method,
                    shown(request.method)
                ),
            },
            None => Refusal::new(
                Rule::Path,
                match routes::find_closed(request.method, path) {
                    Some(closed) => {
                        let about = closed.scope.as_str();
                        format!("`{}` is never let out: it is about {about}", closed.path)
                    }
                    None => format!("`{}` is no route", shown(request.path)),
                },
            ),
        },
    )
}

/// Milvus decodes a query with Go's `ParseQuery`: the first of two keys wins, a pair with `;` vanishes, keys are
/// percent-decoded. So: only on GET, only known keys, each once, only characters that no decoder changes.
fn check_query(
    route: &Route,
    query: Option<&str>,
    reading: &mut Reading,
) -> Result<Option<String>, Refusal> {
    let Some(query) = query else { return Ok(None) };
    let refuse = |why: &str| Err(Refusal::new(Rule::Query, why));
    if route.method != Method::Get {
        return refuse("a query stands only on GET");
    }
    let mut seen = Vec::new();
    for pair in query.split('&') {
        let Some((key, value)) = pair.split_once('=') else {
            return refuse("a part of it is no `key=value`");
        };
        let Some(known) = route.key(key) else {
            return refuse("a key is none of the route's");
        };
        if seen.contains(&key) {
            return refuse("a key stands twice");
        }
        if value.is_empty()
            || !value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return refuse("a value is empty or holds more than letters, digits and `_`");
        }
        seen.push(key);
        if reading.name(known, value).is_err() {
            return refuse("a value is no name in Milvus");
        }
    }
    Ok(Some(query.to_owned()))
}

fn check_body(
    allowance: &Allowance,
    route: &Route,
    request: &WholeRequest<'_>,
) -> Result<(), Refusal> {
    let cap = allowance.request_bytes;
    let refuse = |rule, why: String| Err(Refusal::new(rule, why));
    if request.declared.unwrap_or(0).max(request.came) > cap {
        return refuse(
            Rule::RequestBytes,
            format!("the body is larger than {cap} bytes"),
        );
    }
    if request.trailers {
        return refuse(Rule::Trailers, "the body has trailers".to_owned());
    }
    if route.method == Method::Get {
        if request.came > 0 || request.declared.unwrap_or(0) > 0 {
            return refuse(Rule::Body, "a GET has no body".to_owned());
        }
        return Ok(());
    }
    let Some(declared) = request.declared else {
        return refuse(Rule::Length, "there is no `Content-Length`".to_owned());
    };
    if request.came != declared || request.body.len() as u64 != declared {
        return refuse(
            Rule::Length,
            format!(
                "`Content-Length` is {declared}, {} bytes came",
                request.came
            ),
        );
    }
    if request.aborted {
        return refuse(
            Rule::Body,
            "the body was given up before its end".to_owned(),
        );
    }
    Ok(())
}

/// The answer to a request of `route` as the operator's policy lets it in: lists and error texts without foreign names.
///
/// # Errors
/// It is about something that the policy does not list, or cannot be read.
pub fn filter(
    allowance: &Allowance,
    route: &'static Route,
    status: u16,
    answer: Bytes,
) -> Result<Bytes, Refusal> {
    answers::filter(&allowance.policy, route, status, answer).map_err(|mut refusal| {
        refusal.operation = Some(route.name);
        refusal
    })
}

#[cfg(test)]
mod tests;
