//! A component that breaks every rule, run in the sandbox. What it says is never believed: a listener says who
//! connected, a recorder which bytes came, and the audit which rule held.
//!
//! The attacks are the tools of `guest/`, a package of its own. Their names stand in [`attacks`], which both include:
//! neither compiles with a name that it does not use, so each attack is run by a test.

mod aliases;
mod answers;
mod attacks;
mod bodies;
mod cache;
mod connections;
mod credential;
mod guesses;
mod headers;
mod imports;
mod invariants;
mod isolation;
mod limits;
mod network;
mod paths;
mod policy;
mod smuggled;
mod tls;

pub(crate) use smuggled::request;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use host_harness::{Audit, CallError, Credential, Endpoint, Host, Limits, Policy};
use serde_json::{Value, json};

use crate::servers::{Elsewhere, Recorder};

/// A call's time on the host for attacks that reach it.
const HASTE: Duration = Duration::from_millis(1500);
/// How much later than its time a call may be over, on a busy machine.
const SLACK: Duration = Duration::from_millis(1500);
/// The route of ordinary requests. It reads.
const ROUTE: &str = "/v2/vectordb/collections/list";

/// A host with the guest, and the audit lines of all its calls.
struct Stage {
    host: Host,
    lines: Arc<Mutex<Vec<Value>>>,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// What one attack left behind.
#[derive(Debug)]
struct Seen {
    /// What the call answered: only printed, or compared where the host is to have changed it.
    answer: Result<Value, CallError>,
    /// The audit lines of its requests.
    requests: Vec<Value>,
    /// The audit lines of what the host itself asked about their names.
    asked: Vec<Value>,
    /// The audit line of the call.
    summary: Value,
    time: Duration,
}

fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    GUEST.get_or_init(|| {
        let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        let path = target.join("component/hostile_guest.wasm");
        std::fs::read(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; build it with `cargo xtask build --guest`",
                path.display()
            )
        })
    })
}

/// Limits of the host for attacks that reach them.
fn narrow() -> Limits {
    Limits {
        call_time: HASTE,
        memory_bytes: 32 << 20,
        request_bytes: 1 << 20,
        response_bytes: 1 << 20,
        hostcall_bytes: 1 << 20,
        ..Limits::default()
    }
}

impl Stage {
    /// The host with the default limits.
    fn wide() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| Self::new(Limits::default()))
    }

    /// The host for attacks that reach a limit.
    fn narrow() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| Self::new(narrow()))
    }

    fn new(limits: Limits) -> Self {
        Self::of(guest(), limits)
    }

    fn of(component: &[u8], limits: Limits) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let audit = Audit::to(move |line: &str| {
            let line = serde_json::from_str(line).expect("an audit line is JSON");
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        });
        let host = Host::builder()
            .component(component.to_vec())
            .limits(limits)
            .audit(audit)
            .build();
        Self {
            host: host.expect("the guest may be loaded"),
            lines,
            turns: Mutex::default(),
        }
    }

    /// Runs an attack against the Milvus at `uri`.
    async fn attack(&self, uri: &str, attack: &str, arguments: Value) -> Seen {
        self.attack_at(&endpoint(uri), attack, arguments).await
    }

    async fn attack_at(&self, endpoint: &Endpoint, attack: &str, arguments: Value) -> Seen {
        // Calls of other tests are in the same audit: the attack's name tells them apart, one call of it at a time.
        let turn = Arc::clone(
            self.turns
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(attack.to_owned())
                .or_default(),
        );
        let _turn = turn.lock().await;
        let started = Instant::now();
        let answer = self
            .host
            .call_tool(endpoint, attack, &arguments.to_string())
            .await;
        let time = started.elapsed();
        let answer =
            answer.map(|text| serde_json::from_str(text.raw()).expect("the guest answers JSON"));
        self.seen(attack, answer, time)
    }

    /// Asks for the tools: what a component does as it starts, it does here first.
    async fn list(&self) -> Seen {
        let started = Instant::now();
        let listed = self.host.list_tools().await.map(|_| Value::Null);
        self.seen("list_tools", listed, started.elapsed())
    }

    fn seen(&self, name: &str, answer: Result<Value, CallError>, time: Duration) -> Seen {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests: Vec<_> = lines.extract_if(.., |line| line["tool"] == name).collect();
        let summary = requests.pop().expect("each call has its line");
        assert!(
            summary["result"].is_string(),
            "the line of the call comes last: {summary}"
        );
        let asked: Vec<_> = requests
            .extract_if(.., |line| line["by"] == "host")
            .collect();
        assert_eq!(
            asked.len() as u64,
            summary["asked"].as_u64().unwrap_or(0),
            "{summary}: {asked:?}"
        );
        for (key, verdict) in [("sent", "sent"), ("refused", "refused")] {
            let written = requests
                .iter()
                .filter(|line| line["verdict"] == verdict)
                .count() as u64;
            // Refusals beyond the number of requests that a call may make are counted only.
            let counted = summary[key].as_u64().expect("a number");
            let most = u64::from(self.host.limits().requests_per_call);
            assert!(
                written == counted || key == "refused" && counted > most && written <= most + 1,
                "{counted} requests {key}, {written} lines: {requests:?}"
            );
        }
        Seen {
            answer,
            requests,
            asked,
            summary,
            time,
        }
    }

    /// The host lives on: an ordinary request of the next call goes out and comes back.
    async fn still_works(&self) {
        let milvus = Recorder::start();
        let seen = self
            .attack(&milvus.uri(), attacks::ORDINARY_REQUEST, json!({}))
            .await;
        assert_eq!((seen.sent(), milvus.requests().len()), (1, 1), "{seen:?}");
        assert_eq!(seen.requests[0]["status"], 200, "{seen:?}");
    }
}

impl Seen {
    fn sent(&self) -> u64 {
        self.summary["sent"].as_u64().expect("a number")
    }

    /// How the call ended.
    fn result(&self) -> &str {
        self.summary["result"].as_str().expect("text")
    }

    /// The rules by which its requests were refused.
    fn rules(&self) -> Vec<&str> {
        let refused = self
            .requests
            .iter()
            .filter(|line| line["verdict"] == "refused");
        refused
            .map(|line| line["rule"].as_str().expect("a refusal has its rule"))
            .collect()
    }

    /// The error with which its one request ended after it was let out.
    fn error(&self) -> &str {
        assert_eq!(self.requests.len(), 1, "{self:?}");
        self.requests[0]["error"].as_str().unwrap_or("none")
    }

    /// All that the component could tell its caller.
    fn told(&self) -> String {
        format!("{:?}", self.answer)
    }

    fn in_time(&self, limit: Duration) {
        assert!(
            self.time < limit + SLACK,
            "took {:?}, {limit:?} is the limit: {self:?}",
            self.time
        );
    }
}

fn endpoint(uri: &str) -> Endpoint {
    Endpoint::builder(uri, Policy::full())
        .build()
        .expect("an origin")
}

fn endpoint_with(uri: &str, token: &str) -> Endpoint {
    Endpoint::builder(uri, Policy::full())
        .credential(Credential::new(token.to_owned()))
        .build()
        .expect("an origin on this machine")
}

/// A text under the mask of the guest, in hexadecimal, so that what is given to it is not what it finds.
fn mark(text: &str) -> String {
    text.bytes()
        .map(|byte| format!("{:02x}", byte ^ 0x5a))
        .collect()
}

/// Runs an attack that is refused by one rule, and sees that nobody was connected to.
async fn refused_by(rule: &str, attack: &str, arguments: Value) {
    let (milvus, stage) = (Recorder::start(), Stage::wide());
    let seen = stage.attack(&milvus.uri(), attack, arguments).await;
    assert_eq!((seen.rules(), seen.sent()), (vec![rule], 0), "{seen:?}");
    assert_eq!(milvus.connections(), 0, "{seen:?}");
}

/// Runs an attack with each of `spellings` under `key`. Each is refused by this rule, or cannot even be said in
/// wasi-http, as it says, and nobody is connected to.
async fn each_refused_by(rule: &str, attack: &str, key: &str, spellings: &[(String, Reaches)]) {
    let (milvus, elsewhere, stage) = (Recorder::start(), Elsewhere::start(), Stage::wide());
    let mut wrong = Vec::new();
    for (spelling, reaches) in spellings {
        let spelling = spelling
            .replace("MILVUS", &format!("127.0.0.1:{}", milvus.port()))
            .replace("PORT", &milvus.port().to_string())
            .replace("EVIL", &elsewhere.authority())
            .replace("OTHER", &elsewhere.port().to_string());
        let seen = stage
            .attack(&milvus.uri(), attack, json!({ key: spelling }))
            .await;
        let rules: &[&str] = if *reaches == Reaches::Policy {
            &[rule]
        } else {
            &[]
        };
        if (seen.rules().as_slice(), seen.sent()) != (rules, 0) {
            wrong.push(format!("`{spelling}`: {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((milvus.connections(), elsewhere.connections()), (0, 0));
}

/// How far a request comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reaches {
    /// The policy, which refuses it.
    Policy,
    /// Not even that: a setter of wasi-http refuses it, and no request is made.
    Nothing,
}

fn policy(spellings: &[&str]) -> Vec<(String, Reaches)> {
    spellings
        .iter()
        .map(|spelling| ((*spelling).to_owned(), Reaches::Policy))
        .collect()
}

fn nothing(spellings: &[&str]) -> Vec<(String, Reaches)> {
    spellings
        .iter()
        .map(|spelling| ((*spelling).to_owned(), Reaches::Nothing))
        .collect()
}
