//! Which requests are let out. Pure: no I/O, no clock, no state; total: an answer for every input, never a panic.
//!
//! [`admit`] looks at a whole request and answers with an [`Admitted`] or a [`Refusal`]. Nothing else makes an
//! `Admitted`, nothing changes one, and transport sends nothing else: what was checked is what leaves.

mod origin;
mod rules;

use hyper::body::Bytes;
use routes::{Method, Route};

pub use origin::{Origin, OriginError, Scheme};
pub use rules::{Refusal, Rule};

/// What one call may let out. The narrowing by the operator's policy, by the tool's declared effect and by the
/// names in its arguments belongs here, as further fields that `admit` reads.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    /// The one origin that can be reached. `None`: nothing may be let out.
    pub(crate) origin: Option<Origin>,
    /// The largest body, in bytes.
    pub(crate) request_bytes: u64,
}

/// A request as the component made it, its body collected to the end.
#[derive(Debug)]
pub(crate) struct WholeRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) scheme: &'a str,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// `Content-Length`, if there is one, plain digits, that fits.
    pub(crate) declared: Option<u64>,
    /// How many bytes came, also those that were not kept.
    pub(crate) came: u64,
    /// What was kept: everything, unless `came` is beyond what was declared or allowed.
    pub(crate) body: Bytes,
    pub(crate) trailers: bool,
    /// The writer gave the body up.
    pub(crate) aborted: bool,
}

/// A request that may leave. Made by [`admit`] only.
#[derive(Debug)]
pub(crate) struct Admitted {
    origin: Origin,
    route: &'static Route,
    query: Option<String>,
    body: Bytes,
}

impl Admitted {
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn route(&self) -> &'static Route {
        self.route
    }

    /// The row's path, never the component's text; a query only after its closed list was passed.
    pub(crate) fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.route.path),
            None => self.route.path.to_owned(),
        }
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Whether `request` may leave.
pub(crate) fn admit(allowance: &Allowance, request: WholeRequest<'_>) -> Result<Admitted, Refusal> {
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
    let query = check_query(route, request.query).map_err(known)?;
    check_body(allowance, route, &request).map_err(known)?;
    Ok(Admitted {
        origin: origin.clone(),
        route,
        query,
        body: request.body,
    })
}

fn check_origin(origin: &Origin, request: &WholeRequest<'_>) -> Result<(), Refusal> {
    let scheme = Scheme::parse(request.scheme)
        .filter(|scheme| *scheme == origin.scheme())
        .ok_or_else(|| {
            let (expected, came) = (origin.scheme().name(), escaped(request.scheme));
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
            let (expected, came) = (origin.authority(), escaped(request.authority));
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
                    escaped(request.method)
                ),
            },
            None => Refusal::new(
                Rule::Path,
                format!("`{}` is no route", escaped(request.path)),
            ),
        },
    )
}

/// Milvus decodes a query with Go's `ParseQuery`: the first of two keys wins, a pair with `;` vanishes, keys are
/// percent-decoded. So: only on GET, only known keys, each once, only characters that no decoder changes.
fn check_query(route: &Route, query: Option<&str>) -> Result<Option<String>, Refusal> {
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
        if route.key(key).is_none() {
            return refuse("a key is none of the route's");
        }
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

/// The component's text, for people: cut, and nothing in it that a terminal obeys.
fn escaped(text: &str) -> String {
    text.chars()
        .take(64)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests;
