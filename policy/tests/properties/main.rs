//! What holds for every input, tried on many of each kind: the same ones in every run.

mod allowances;
mod readers;
mod sequence;
mod totality;
mod verdicts;

use bytes::Bytes;
use policy::{
    Admitted, Allowance, Effects, Names, Origin, Policy, Refusal, Scope, Subjects, WholeRequest,
    admit,
};
use routes::{Effect, Method, Route};

/// How many cases of each kind: as `MILVUS_CASES` says, a million in `cargo xtask test --long`.
fn cases() -> u32 {
    let set = std::env::var("MILVUS_CASES").ok();
    set.map_or(100_000, |number| number.parse().expect("a number"))
}

fn names(list: &[&str]) -> Names {
    Names::parse(list.iter().copied()).expect("names")
}

/// Every class there is, and no list.
fn everything() -> Policy {
    Policy::of(Effects::of(&Effect::ALL))
}

/// A call that is for anything.
fn anything() -> Scope {
    Scope::of(Effects::of(&Effect::ALL))
}

/// What a call about these collections is for.
fn about(collections: &[&str]) -> Subjects {
    Subjects {
        collections: names(collections),
        ..Subjects::default()
    }
}

fn allowance(policy: Policy, call: Scope) -> Allowance {
    Allowance {
        origin: Some(Origin::parse("http://localhost:19530").expect("an origin")),
        request_bytes: 1 << 20,
        rows: 1000,
        policy,
        call,
    }
}

/// A request of `route`, well framed: `content` is its body, or its query.
fn asked(allowance: &Allowance, route: &Route, content: &[u8]) -> Result<Admitted, Refusal> {
    let get = route.method == Method::Get;
    let query = get.then(|| String::from_utf8_lossy(content).into_owned());
    let body = if get { &[] } else { content };
    let whole = WholeRequest {
        method: route.method.as_str(),
        scheme: "http",
        authority: "localhost:19530",
        path: route.path,
        query: query.as_deref().filter(|query| !query.is_empty()),
        declared: (!get).then_some(body.len() as u64),
        came: body.len() as u64,
        body: Bytes::copy_from_slice(body),
        trailers: false,
        aborted: false,
    };
    admit(allowance, whole)
}

/// The requests of `cases.txt` that name an operation, with their bodies or queries.
fn requests() -> Vec<(&'static Route, &'static str)> {
    let mut requests = Vec::new();
    for line in include_str!("../../src/cases.txt").lines() {
        let request = line.rsplitn(3, " | ").nth(2).unwrap_or_default();
        let (operation, content) = request.split_once(' ').unwrap_or((request, ""));
        let route = routes::all().find(|route| route.name == operation);
        requests.extend(route.map(|route| (route, content)));
    }
    requests
}
