//! What the policy costs a call against a real Milvus: `cargo bench -p milvus-tests --bench policy`.
//!
//! There is no way to switch the policy off, so that nobody can. Each call is timed as it is; then what the policy did
//! in it (reading the arguments, each request, each answer) is done once more with the very bytes of that call, which a
//! proxy recorded, and timed alone. `off` is the difference. A second endpoint lists collections, which makes the host
//! ask Milvus what a name means.

#![expect(clippy::print_stdout, reason = "it reports")]
#![allow(clippy::unwrap_used, reason = "it ends where something is wrong")]

#[path = "../servers/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
mod servers;

use std::hint::black_box;
use std::time::{Duration, Instant};

use host_harness::{Credential, Endpoint, Names, Policy};
use policy::{Allowance, Effects, Scope, WholeRequest};
use routes::Effect;
use serde_json::{Value, json};

use servers::local::{LocalMilvus, TOKEN, host, send, unique};
use servers::{Recorded, Recorder};

const DIMENSION: usize = 384;
const ROUNDS: usize = 60;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let milvus = LocalMilvus::shared();
    let proxy = Recorder::forwarding(milvus.address());
    let name = unique("bench");
    let all = endpoint(milvus.uri(), Policy::full());
    let lists = Policy::full().collections(Names::parse([name.as_str()]).unwrap());
    let listed = endpoint(milvus.uri(), lists.clone());
    let recorded = endpoint(&proxy.uri(), Policy::full());
    let of = |rest: Value| {
        let mut arguments = json!({"collection_name": name});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        arguments.to_string()
    };
    let create = of(json!({"dimension": DIMENSION, "metric_type": "L2"}));
    host()
        .call_tool(&all, "milvus_create_collection", &create)
        .await
        .unwrap();
    let rows: Vec<Value> = (0..800)
        .map(|id| json!({"id": id, "vector": vector(id)}))
        .collect();
    let insert = of(json!({ "data": rows }));
    let search = of(json!({"query_vector": vector(7), "limit": 10}));

    host()
        .call_tool(&all, "milvus_insert", &insert)
        .await
        .unwrap();

    println!(
        "{:<10} {:>9} {:>10} {:>10} {:>10} {:>8} {:>12}",
        "call", "bytes", "on ms", "policy ms", "off ms", "cost", "listed ms"
    );
    for (tool, arguments) in [("milvus_search", &search), ("milvus_insert", &insert)] {
        let before = proxy.requests().len();
        host().call_tool(&recorded, tool, arguments).await.unwrap();
        let requests = proxy.requests().split_off(before);
        let answers: Vec<String> = requests
            .iter()
            .map(|request| {
                let body = serde_json::from_slice(&request.body).unwrap();
                send(milvus.address(), request.path(), &body, Some(TOKEN)).to_string()
            })
            .collect();
        let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
        let (mut on, mut alone, mut with_lists) = (Vec::new(), Vec::new(), Vec::new());
        let rounds = if tool == "milvus_insert" {
            ROUNDS / 4
        } else {
            ROUNDS
        };
        for _ in 0..rounds {
            let start = Instant::now();
            host().call_tool(&all, tool, arguments).await.unwrap();
            on.push(start.elapsed());
            alone.push(policy_alone(&proxy, &lists, arguments, &requests, &answers));
            let start = Instant::now();
            host().call_tool(&listed, tool, arguments).await.unwrap();
            with_lists.push(start.elapsed());
        }
        let (on, alone, with_lists) = (median(on), median(alone), median(with_lists));
        let off = on - alone;
        println!(
            "{:<10} {bytes:>9} {on:>10.3} {alone:>10.3} {off:>10.3} {:>7.2}% {with_lists:>12.3}",
            tool.trim_start_matches("milvus_"),
            100.0 * alone / off
        );
    }
    let name = json!({ "collection_name": name }).to_string();
    host()
        .call_tool(&all, "milvus_drop_collection", &name)
        .await
        .unwrap();
}

fn endpoint(uri: &str, policy: Policy) -> Endpoint {
    Endpoint::builder(uri, policy)
        .credential(Credential::new(TOKEN.to_owned()))
        .build()
        .unwrap()
}

/// What the policy does in a call with these requests.
fn policy_alone(
    proxy: &Recorder,
    lists: &Policy,
    arguments: &str,
    requests: &[Recorded],
    answers: &[String],
) -> Duration {
    let origin = host_harness::Origin::parse(&proxy.uri()).unwrap();
    let authority = origin.authority();
    // The host has them in memory already.
    let exchange: Vec<(WholeRequest<'_>, _)> = requests
        .iter()
        .zip(answers)
        .map(|(request, answer)| {
            let whole = WholeRequest {
                method: "POST",
                scheme: "http",
                authority: &authority,
                path: request.path(),
                query: None,
                declared: Some(request.body.len() as u64),
                came: request.body.len() as u64,
                body: request.body.clone().into(),
                trailers: false,
                aborted: false,
            };
            (whole, answer.clone().into())
        })
        .collect();
    let start = Instant::now();
    let subjects = policy::names_in(arguments).expect("strict JSON");
    let allowance = Allowance {
        origin: Some(origin.clone()),
        request_bytes: 1 << 30,
        rows: 1 << 30,
        policy: lists.clone(),
        call: Scope::of(Effects::of(&Effect::ALL)).about(subjects),
    };
    for (whole, answer) in exchange {
        let admitted = policy::admit(&allowance, whole).unwrap();
        black_box(policy::filter(&allowance, admitted.route(), 200, answer)).unwrap();
    }
    start.elapsed()
}

/// A vector that is like no other.
fn vector(id: usize) -> Vec<f64> {
    (0..DIMENSION)
        .map(|at| f64::from(((id * 7919 + at * 104_729) % 20_011) as u32) / 20_011.0)
        .collect()
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
