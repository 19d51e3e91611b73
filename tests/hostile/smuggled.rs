//! A component that is handed a request of its caller's and sends another one before it.

use host_harness::{Endpoint, Policy};
use routes::{Key, Keys, Method, Route, Verdict};
use serde_json::{Map, Value, json};

use super::Stage;
use crate::servers::Recorder;

/// A request of `route` about a collection in a database, with a place of the caller's where it takes one: as much as the
/// policy reads.
pub(crate) fn request(collection: &str, database: &str, route: &Route) -> Value {
    let value = |key: &Key| {
        Some(match (key.verdict, key.keys) {
            (Verdict::Collection | Verdict::Alias, _) => json!(collection),
            (Verdict::Database, _) => json!(database),
            (Verdict::Outbound, _) => json!("s3://mine/x"),
            _ if !key.required => return None,
            (_, Keys::List(_)) => json!([]),
            (_, Keys::Object(_) | Keys::Map(_) | Keys::Open(_)) => json!({}),
            (_, Keys::None) => json!("x"),
        })
    };
    let keys = route.keys.iter();
    let members = keys.filter_map(|key| Some((key.name.to_owned(), value(key)?)));
    members.collect::<Map<_, _>>().into()
}

#[tokio::test]
async fn t26_each_route_lets_out_the_callers_request_and_no_other() {
    let milvus = Recorder::start();
    let policy = Policy::full().outside("s3://mine/").outside("s3://theirs/");
    let endpoint = Endpoint::builder(&milvus.uri(), policy).database("mine_db");
    let endpoint = endpoint.build().expect("an origin");
    let stage = Stage::new(host_harness::Limits::default());
    for route in routes::all() {
        let body = request("docs", "mine_db", route);
        let named = |own: &str| body.to_string().contains(own);
        let answer = stage
            .host
            .rest(&endpoint, route.name, &body.to_string())
            .await;
        let answer = answer.map(|told| told.raw().into());
        let seen = stage.seen("rest", answer, std::time::Duration::ZERO);
        // Where the caller asks for a drop, it is another one than his.
        let drop = route.name == "collections.drop";
        let mut rules = vec![if drop { "call-body" } else { "call-route" }];
        rules.extend(named("docs").then_some("call-collection"));
        rules.extend(named("s3://mine").then_some("call-body"));
        rules.extend(named("mine_db").then_some("call-database"));
        rules.extend((route.method == Method::Post).then_some("call-body"));
        assert_eq!(seen.rules(), rules, "{}: {seen:?}", route.name);
        let sent = milvus.requests();
        let last = sent.last().expect("the caller's own");
        assert_eq!(last.path().split('?').next(), Some(route.path));
        if route.method == Method::Post {
            assert_eq!(last.body, body.to_string().as_bytes(), "{}", route.name);
        }
    }
    let theirs = |sent: &crate::servers::Recorded| {
        let text = String::from_utf8_lossy(&sent.body).into_owned() + sent.path();
        text.contains("theirs") || text.contains("\"hr\"") || text.contains("=hr")
    };
    assert!(!milvus.requests().iter().any(theirs));
}
