//! What reading a body costs, beside what a common JSON reader takes for the same bytes without building anything, in the
//! same run: `cargo bench -p milvus-policy`.

#![expect(clippy::print_stdout, reason = "it reports")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use policy::{Allowance, Effects, Names, Origin, Policy, Scope, WholeRequest, admit};
use routes::Effect;

const ROUNDS: usize = 40;

fn main() {
    let allowance = Allowance {
        origin: Some(Origin::parse("http://localhost:19530").expect("an origin")),
        request_bytes: 1 << 30,
        rows: 1 << 30,
        policy: Policy::full().collections(Names::parse(["docs"]).expect("a name")),
        call: Scope::of(Effects::of(&Effect::ALL)),
    };
    println!(
        "{:<34} {:>10} {:>12} {:>12} {:>8}",
        "request", "bytes", "policy", "serde_json", "ratio"
    );
    for (name, path, body) in [
        (
            "search, 384 numbers",
            "/v2/vectordb/entities/search",
            search(),
        ),
        (
            "insert, 800 rows of 384 numbers",
            "/v2/vectordb/entities/insert",
            insert(&dense(384), 800),
        ),
        (
            "insert, 2000 rows, sparse of 100",
            "/v2/vectordb/entities/insert",
            insert(&sparse(100), 2000),
        ),
    ] {
        let body = Bytes::from(body);
        let ours = median(|| {
            let whole = WholeRequest {
                method: "POST",
                scheme: "http",
                authority: "localhost:19530",
                path,
                query: None,
                declared: Some(body.len() as u64),
                came: body.len() as u64,
                body: body.clone(),
                trailers: false,
                aborted: false,
            };
            black_box(admit(&allowance, whole).expect("it is let out"));
        });
        let theirs = median(|| {
            let read: serde::de::IgnoredAny = serde_json::from_slice(&body).expect("JSON");
            black_box(read);
        });
        println!(
            "{name:<34} {:>10} {ours:>12.1?} {theirs:>12.1?} {:>8.2}",
            body.len(),
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

fn dense(dim: usize) -> String {
    let numbers: Vec<String> = (0..dim)
        .map(|at| format!("0.{:07}", at * 7919 % 10_000_000))
        .collect();
    format!("[{}]", numbers.join(","))
}

fn sparse(entries: usize) -> String {
    let entries: Vec<String> = (0..entries)
        .map(|at| format!("\"{}\":0.{:05}", at * 37, at * 91 % 100_000))
        .collect();
    format!("{{{}}}", entries.join(","))
}

fn search() -> String {
    format!(
        r#"{{"collectionName":"docs","data":[{}],"annsField":"vector","limit":10,"outputFields":["text"]}}"#,
        dense(384)
    )
}

fn insert(vector: &str, rows: usize) -> String {
    let rows: Vec<String> = (0..rows)
        .map(|id| {
            format!(r#"{{"id":{id},"text":"a text of some length about {id}","vector":{vector}}}"#)
        })
        .collect();
    format!(r#"{{"collectionName":"docs","data":[{}]}}"#, rows.join(","))
}
