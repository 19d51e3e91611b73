//! A listed name that is an alias. Somebody with more rights moved it to a collection that is not listed; what is told
//! and what is changed is looked at by an endpoint without a list.

use host_harness::{CallError, Credential, Endpoint, Names, Policy, Rule};
use serde_json::{Value, json};

use super::{Seen, Stage as Sandbox, attacks};
use crate::servers::grpc::Grpc;
use crate::servers::local::{
    Lite, LocalMilvus, Server, Stage, Standalone, TOKEN, both, endpoint_of, of, unique,
};
use crate::servers::{Recorded, Recorder, ok};

const DESCRIBE_ALIAS: &str = "/v2/vectordb/aliases/describe";
const QUERY: &str = "/v2/vectordb/entities/query";

/// `docs` and `hr`, two rows each, and who may reach what: everybody `hr`, the component only `docs`, `alias` and
/// `missing`.
struct Scene {
    server: Server,
    docs: String,
    hr: String,
    alias: String,
    missing: String,
    listed: Stage,
    everything: Stage,
}

impl Scene {
    /// The alias leads to one of the two.
    async fn new(server: Server, leads_to_hr: bool) -> Self {
        let name = unique("t24");
        let [docs, hr, alias, missing] =
            ["docs", "hr", "alias", "missing"].map(|what| format!("{name}_{what}"));
        let uri = LocalMilvus::of(server).uri();
        let names = Names::parse([&docs, &alias, &missing].map(String::as_str)).expect("names");
        let listed = Endpoint::builder(uri, Policy::full().collections(names))
            .server(server.spoken())
            .credential(Credential::new(TOKEN.to_owned()))
            .build()
            .expect("an origin on this machine");
        let scene = Self {
            server,
            listed: Stage::before(listed),
            everything: Stage::through(server, uri),
            docs,
            hr,
            alias,
            missing,
        };
        for collection in [&scene.docs, &scene.hr] {
            let schema = json!({
                "fields": [
                    {"name": "pk", "type": "Int64", "is_primary": true},
                    {"name": "of", "type": "VarChar", "max_length": 64},
                    {"name": "v", "type": "FloatVector", "dim": 2},
                ],
                "index_params": [{"field_name": "v", "metric_type": "L2"}],
            });
            scene.everything.create(collection, schema).await;
            let rows = [1, 2].map(|key| json!({"pk": key, "of": collection, "v": [key, 0]}));
            let _ = scene
                .everything
                .call("milvus_insert", of(collection, json!({"data": rows})))
                .await;
            scene.everything.settle(collection);
        }
        scene.lead(if leads_to_hr { &scene.hr } else { &scene.docs });
        scene
    }

    /// Makes the alias, or moves it.
    fn lead(&self, collection: &str) {
        match self.server {
            Lite => {
                let body = json!({"aliasName": self.alias, "collectionName": collection});
                let aliases = LocalMilvus::shared().rest("aliases/list", &json!({}));
                let known = aliases
                    .as_array()
                    .is_some_and(|all| all.contains(&json!(self.alias)));
                let action = if known {
                    "aliases/alter"
                } else {
                    "aliases/create"
                };
                LocalMilvus::shared().rest(action, &body);
            }
            Standalone => Grpc::shared().alias(&self.alias, collection),
        }
    }

    /// The tools with which one can reach the rows of a collection, to read or to change them.
    fn calls(&self) -> Vec<(&'static str, Value)> {
        vec![
            (
                "milvus_search",
                json!({"query_vector": [0, 0], "output_fields": ["of"]}),
            ),
            (
                "milvus_query",
                json!({"filter": "pk > 0", "output_fields": ["of"]}),
            ),
            (
                "milvus_get",
                json!({"ids": [1, 2], "output_fields": ["of"]}),
            ),
            ("milvus_count", json!({"filter": "pk > 0"})),
            ("milvus_collection", json!({"operation": "describe"})),
            (
                "milvus_insert",
                json!({"data": [{"pk": 3, "of": "nobody", "v": [3, 0]}]}),
            ),
            (
                "milvus_upsert",
                json!({"data": [{"pk": 1, "of": "nobody", "v": [3, 0]}]}),
            ),
            ("milvus_delete", json!({"filter": "pk > 0"})),
            ("milvus_drop_collection", json!({})),
        ]
    }

    /// Whose rows a collection has, by somebody who may see all.
    async fn rows(&self, collection: &str) -> Value {
        self.everything.settle(collection);
        let arguments = of(
            collection,
            json!({"filter": "pk > 0", "output_fields": ["pk", "of"]}),
        );
        self.everything.call("milvus_query", arguments).await["rows"].clone()
    }

    /// Refused because of what the alias means, whatever the call did to find out.
    async fn is_refused(&self, tool: &str, more: Value) {
        let _ = self.listed.lines();
        let arguments = of(&self.alias, more);
        let refused = self.listed.try_call(tool, &arguments.to_string()).await;
        let Err(CallError::Refused { refusals, .. }) = &refused else {
            panic!("{tool}: {refused:?}")
        };
        assert!(
            refusals.iter().all(|refusal| refusal.rule == Rule::Alias),
            "{tool}: {refused:?}"
        );
        assert!(
            !format!("{refused:?}").contains(&self.hr),
            "{tool}: {refused:?}"
        );
        let lines = self.listed.lines();
        let by_alias = lines.iter().filter(|line| line["rule"] == "alias");
        assert_eq!(by_alias.count(), refusals.len(), "{tool}: {lines:?}");
        let left = |line: &Value| line["verdict"] == "sent" && line["by"] != "host";
        assert!(!lines.iter().any(left), "{tool}: {lines:?}");
    }
}

#[tokio::test]
async fn t24_an_alias_that_was_moved_to_another_collection_reaches_none_of_its_rows() {
    for server in both() {
        let scene = Scene::new(server, true).await;
        let before = scene.rows(&scene.hr).await;
        assert_eq!(before.as_array().map(Vec::len), Some(2), "{before}");
        for (tool, more) in scene.calls() {
            scene.is_refused(tool, more).await;
        }
        assert_eq!(scene.rows(&scene.hr).await, before);
    }
}

#[tokio::test]
async fn t24_an_alias_that_leads_to_a_listed_collection_is_as_good_as_it() {
    let scene = Scene::new(Lite, false).await;
    for (tool, more) in scene.calls() {
        let arguments = of(&scene.alias, more);
        let done = scene.listed.try_call(tool, &arguments.to_string()).await;
        match done {
            // Milvus drops no collection by its alias, and says so.
            Err(CallError::Tool(error)) if tool == "milvus_drop_collection" => {
                assert_eq!(error.milvus_code, Some(1100), "{error:?}");
            }
            done => assert!(done.is_ok(), "{tool}: {done:?}"),
        }
        let lines = scene.listed.lines();
        let asked = lines.iter().filter(|line| line["by"] == "host");
        assert!(asked.count() >= 1, "{tool}: {lines:?}");
    }
}

#[tokio::test]
async fn t24_an_alias_that_moves_between_two_calls_is_seen() {
    let scene = Scene::new(Lite, false).await;
    let query = json!({"filter": "pk > 0", "output_fields": ["of"]});
    let told = scene
        .listed
        .call("milvus_query", of(&scene.alias, query.clone()))
        .await;
    assert_eq!(told["rows"].as_array().map(Vec::len), Some(2), "{told}");
    scene.lead(&scene.hr);
    let _ = scene.listed.lines();
    scene.is_refused("milvus_query", query.clone()).await;
    scene.lead(&scene.docs);
    let told = scene
        .listed
        .call("milvus_query", of(&scene.alias, query))
        .await;
    assert_eq!(told["rows"].as_array().map(Vec::len), Some(2), "{told}");
}

#[tokio::test]
async fn t24_a_listed_name_that_does_not_exist_gives_the_error_of_milvus() {
    for server in both() {
        let scene = Scene::new(server, true).await;
        let error = scene
            .listed
            .fails(
                "milvus_query",
                of(&scene.missing, json!({"filter": "pk > 0"})),
            )
            .await;
        assert_eq!(error.kind, host_harness::ErrorKind::NotFound, "{error:?}");
        // And it can be made.
        scene
            .listed
            .call(
                "milvus_collection",
                json!({"operation": "has", "collection_name": scene.missing}),
            )
            .await;
    }
}

/// A call of the hostile guest about `docs` and `docs_2`, both listed, at a Milvus that answers questions about names
/// by `script` and all else by a success.
async fn sends(
    script: impl Fn(&Recorded) -> Vec<u8> + Send + Sync + 'static,
    requests: &[(&str, &str)],
) -> (Seen, Vec<Recorded>) {
    let milvus = Recorder::answering(move |request| match request.path() {
        DESCRIBE_ALIAS => script(request),
        _ => ok(
            "application/json",
            br#"{"code":0,"data":["a row of somebody"]}"#,
        ),
    });
    let names = Names::parse(["docs", "docs_2"]).expect("names");
    let endpoint = Endpoint::builder(&milvus.uri(), Policy::full().collections(names))
        .build()
        .expect("an origin");
    let requests: Vec<_> = requests
        .iter()
        .map(|(path, body)| json!({"path": path, "body": body}))
        .collect();
    let arguments = json!({"collections": ["docs", "docs_2"], "requests": requests});
    let seen = Sandbox::wide()
        .attack_at(&endpoint, attacks::SEVERAL_OPERATIONS, arguments)
        .await;
    (seen, milvus.requests())
}

fn said(code: i32, collection: &str) -> Vec<u8> {
    let body = json!({"code": code, "data": {"aliasName": "docs", "collectionName": collection}});
    ok("application/json", body.to_string().as_bytes())
}

fn asked(came: &[Recorded]) -> Vec<String> {
    let questions = came
        .iter()
        .filter(|request| request.path() == DESCRIBE_ALIAS);
    questions
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect()
}

#[tokio::test]
async fn t24_t73_each_name_is_asked_for_once_in_a_call() {
    let of_docs = r#"{"collectionName":"docs","filter":"id > 0"}"#;
    let of_another = r#"{"collectionName":"docs_2","filter":"id > 0"}"#;
    let (seen, came) = sends(
        |_| said(1600, ""),
        &[
            (QUERY, of_docs),
            (QUERY, of_docs),
            (QUERY, of_another),
            (QUERY, of_docs),
        ],
    )
    .await;
    assert_eq!(
        asked(&came),
        [r#"{"aliasName":"docs"}"#, r#"{"aliasName":"docs_2"}"#],
        "{seen:?}"
    );
    assert_eq!(
        (seen.sent(), seen.asked.len(), came.len()),
        (4, 2, 6),
        "{seen:?}"
    );
    let line = &seen.asked[0];
    assert_eq!(
        (
            &line["verdict"],
            &line["operation"],
            &line["effect"],
            &line["outcome"]
        ),
        (
            &json!("sent"),
            &json!("aliases.describe"),
            &json!("read"),
            &json!("answered")
        ),
    );
}

#[tokio::test]
async fn t24_t73_the_hosts_own_question_carries_the_hosts_headers_and_credential() {
    let (_, came) = sends(
        |_| said(1600, ""),
        &[(QUERY, r#"{"collectionName":"docs","filter":"id > 0"}"#)],
    )
    .await;
    let mut heads: Vec<_> = came
        .iter()
        .map(|request| {
            let mut names: Vec<_> = request
                .headers
                .iter()
                .map(|(name, _)| name.clone())
                .collect();
            names.sort();
            names
        })
        .collect();
    heads.dedup();
    assert_eq!(
        (came.len(), heads.len()),
        (2, 1),
        "both are alike: {came:?}"
    );
}

#[tokio::test]
async fn t24_what_milvus_does_not_answer_is_not_believed() {
    for answer in [
        b"".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(),
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ok("application/json", b"[]"),
        ok("application/json", b"{}"),
        ok("application/json", br#"{"code":0}"#),
        ok("application/json", br#"{"code":0,"data":{}}"#),
        ok(
            "application/json",
            br#"{"code":0,"data":{"collectionName":5}}"#,
        ),
        ok(
            "application/json",
            br#"{"code":0,"data":{"collectionName":"docs","collectionName":"hr"}}"#,
        ),
        ok("application/json", br#"{"code":65535,"message":"not now"}"#),
        // Larger than any answer to such a question.
        ok(
            "application/json",
            &[br#"{"code":1600}"#, vec![b' '; 1 << 20].as_slice()].concat(),
        ),
        said(0, "hr"),
        said(0, ""),
    ] {
        let shown: String = String::from_utf8_lossy(&answer).chars().take(200).collect();
        let (seen, came) = sends(
            move |_| answer.clone(),
            &[(QUERY, r#"{"collectionName":"docs","filter":"id > 0"}"#)],
        )
        .await;
        assert_eq!(
            (asked(&came).len(), came.len()),
            (1, 1),
            "{shown}: {seen:?}"
        );
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec!["alias"], 0),
            "{shown}: {seen:?}"
        );
    }
}

/// Were the request to leave and its answer withheld, the component would see what the answer was like by how it ended.
#[tokio::test]
async fn t81_where_a_name_leads_elsewhere_the_component_sees_the_same_whatever_is_there() {
    let limits = host_harness::Limits {
        response_bytes: 1 << 16,
        first_byte_time: std::time::Duration::from_millis(300),
        ..host_harness::Limits::default()
    };
    let sandbox = Sandbox::new(limits);
    let mut told = Vec::new();
    for there in ["at once", "late", "too large", "broken off"] {
        let milvus = Recorder::answering(move |request| match (request.path(), there) {
            (DESCRIBE_ALIAS, _) => said(0, "hr"),
            (_, "late") => {
                std::thread::sleep(std::time::Duration::from_secs(1));
                ok("application/json", b"{}")
            }
            (_, "too large") => ok("application/json", &vec![b' '; 1 << 17]),
            (_, "broken off") => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec(),
            _ => ok("application/json", br#"{"code":0,"data":[]}"#),
        });
        let names = Names::parse(["docs"]).expect("names");
        let endpoint = Endpoint::builder(&milvus.uri(), Policy::full().collections(names));
        let body = r#"{"collectionName":"docs","filter":"id > 0"}"#;
        let arguments =
            json!({"collections": ["docs"], "requests": [{"path": QUERY, "body": body}]});
        let seen = sandbox
            .attack_at(
                &endpoint.build().expect("an origin"),
                attacks::SEVERAL_OPERATIONS,
                arguments,
            )
            .await;
        let came: Vec<_> = milvus
            .requests()
            .iter()
            .map(|request| request.path().to_owned())
            .collect();
        assert_eq!(came, [DESCRIBE_ALIAS], "{there}: {seen:?}");
        assert_eq!(
            (seen.rules(), seen.sent()),
            (vec!["alias"], 0),
            "{there}: {seen:?}"
        );
        told.push(seen.told());
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn t24_both_names_of_a_request_are_asked_for() {
    // A tool that reads cannot rename: that both are asked for is seen where a search names two.
    let (seen, came) = sends(
        |request| match request.body.windows(6).any(|part| part == b"docs_2") {
            true => said(0, "hr"),
            false => said(1600, ""),
        },
        &[
            (QUERY, r#"{"collectionName":"docs","filter":"id > 0"}"#),
            (QUERY, r#"{"collectionName":"docs_2","filter":"id > 0"}"#),
        ],
    )
    .await;
    assert_eq!(asked(&came).len(), 2, "{seen:?}");
    assert_eq!((seen.rules(), seen.sent()), (vec!["alias"], 1), "{seen:?}");
}

#[tokio::test]
async fn t24_without_a_list_nothing_is_asked() {
    let milvus = Recorder::start();
    let arguments = json!({"collections": ["docs"], "requests": [
        {"path": QUERY, "body": r#"{"collectionName":"docs","filter":"id > 0"}"#},
    ]});
    let seen = Sandbox::wide()
        .attack(&milvus.uri(), attacks::SEVERAL_OPERATIONS, arguments)
        .await;
    assert_eq!(
        (seen.sent(), seen.asked.len(), milvus.requests().len()),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn t24_a_milvus_that_cannot_be_reached_is_said_to_be_so() {
    let names = Names::parse(["docs"]).expect("names");
    let endpoint = Endpoint::builder("http://127.0.0.1:9", Policy::full().collections(names))
        .build()
        .expect("an origin");
    let stage = Stage::before(endpoint);
    for (tool, more) in [
        ("milvus_query", json!({"filter": "pk > 0"})),
        ("milvus_delete", json!({"filter": "pk > 0"})),
    ] {
        let failed = stage.try_call(tool, &of("docs", more).to_string()).await;
        assert!(
            matches!(failed, Err(CallError::Unreachable { .. })),
            "{tool}: {failed:?}"
        );
    }
}

/// How often the host asks, in words that people read: docs/settings.md has the numbers.
#[tokio::test]
async fn t24_t73_under_a_list_a_call_makes_one_request_more() {
    let scene = Scene::new(Lite, false).await;
    for (tool, more, own, asked) in [
        (
            "milvus_query",
            json!({"filter": "pk > 0", "output_fields": ["pk"]}),
            1,
            1,
        ),
        (
            "milvus_get",
            json!({"ids": ["1"], "output_fields": ["pk"]}),
            2,
            1,
        ),
        (
            "milvus_insert",
            json!({"data": [{"pk": 9, "of": "x", "v": [3, 0]}]}),
            1,
            1,
        ),
        ("milvus_delete", json!({"filter": "pk == 9"}), 1, 1),
    ] {
        let _ = scene.listed.lines();
        scene.listed.call(tool, of(&scene.docs, more)).await;
        let lines = scene.listed.lines();
        let summary = lines.last().expect("a line");
        assert_eq!(
            (&summary["sent"], &summary["asked"]),
            (&json!(own), &json!(asked)),
            "{tool}: {lines:?}"
        );
    }
    let endpoint = endpoint_of(Lite, LocalMilvus::shared().uri());
    let stage = Stage::before(endpoint);
    stage
        .call("milvus_count", of(&scene.docs, json!({"filter": "pk > 0"})))
        .await;
    let lines = stage.lines();
    assert_eq!(
        lines.last().expect("a line")["asked"],
        Value::Null,
        "{lines:?}"
    );
}
