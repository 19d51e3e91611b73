//! Hostile components: what they try, and the audit line of its refusal. The verdict is the listener's and the
//! audit's, never the guest's.

use crate::milvus::Server;
use crate::show::Steps;
use anyhow::{Context, Result, ensure};
use host_harness::{Audit, Credential, Endpoint, Host, Policy};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Runs some of the attacks of `tests/hostile/guest`, and shows what became of them.
pub(crate) async fn refused(steps: &mut Steps, target: &Path, server: &Server) -> Result<()> {
    steps.begin("a hostile component in the same sandbox");
    let path = target.join("component/hostile_guest.wasm");
    let guest = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let audit = Audit::to(move |line: &str| {
        if let Ok(mut lines) = sink.lock() {
            lines.push(line.to_owned());
        }
    });
    let host = Host::builder().component(guest).audit(audit).build()?;
    let endpoint = Endpoint::builder(&server.uri, Policy::full())
        .credential(Credential::new(server.token.clone()))
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let elsewhere = listener.local_addr()?;
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let listening = tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let milvus = endpoint.origin().to_string();
    let milvus = milvus.trim_start_matches("http://");
    let attacks = [
        (
            "send the rows to another host",
            "another_authority",
            json!({"authority": elsewhere.to_string()}),
        ),
        (
            "hide that host behind a user name",
            "another_authority",
            json!({"authority": format!("{milvus}@{elsewhere}")}),
        ),
        (
            "speak another protocol",
            "another_scheme",
            json!({"scheme": "https"}),
        ),
        (
            "drop a collection by another spelling",
            "another_path",
            json!({"path": "/v2/vectordb/collections/%64rop"}),
        ),
        (
            "make itself a user",
            "another_path",
            json!({"path": "/v2/vectordb/users/create"}),
        ),
        (
            "send less than it declared",
            "another_length",
            json!({"declared": 100, "written": 10}),
        ),
        (
            "read another collection than it was called for",
            "another_operation",
            json!({
                "collection_name": "docs",
                "path": "/v2/vectordb/entities/query",
                "body": r#"{"collectionName":"payroll","filter":"id > 0"}"#,
            }),
        ),
        (
            "delete rows with a tool that says it reads",
            "another_operation",
            json!({
                "collection_name": "docs",
                "path": "/v2/vectordb/entities/delete",
                "body": r#"{"collectionName":"docs","filter":"id >= 0"}"#,
            }),
        ),
    ];
    // The last one is below: it is not even compiled.
    let mut shown = 1;
    for (words, attack, arguments) in attacks {
        let _ = host
            .call_tool(&endpoint, attack, &arguments.to_string())
            .await;
        let lines: Vec<String> = lines
            .lock()
            .map(|mut lines| lines.drain(..).collect())
            .unwrap_or_default();
        let line = lines
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["tool"] == attack && line["verdict"] == "refused")
            .with_context(|| format!("`{attack}` was not refused: {lines:?}"))?;
        shown += 1;
        println!(
            "       {words}: refused by rule `{}`",
            line["rule"].as_str().unwrap_or_default()
        );
        println!(
            "         {}",
            lines
                .iter()
                .find(|text| text.contains(attack) && text.contains("\"refused\""))
                .map_or("", String::as_str)
        );
    }
    listening.abort();
    let connections = connections.load(Ordering::SeqCst);
    ensure!(
        connections == 0,
        "the listener elsewhere saw {connections} connections"
    );
    let greedy = wants_a_file()?;
    let error = Host::builder()
        .component(greedy)
        .build()
        .err()
        .context("a component that wants files was loaded")?;
    println!("       read the files of the machine: not even compiled\n         {error}");
    steps.done(&format!(
        "{shown} attacks refused; a listener elsewhere saw {connections} connections"
    ));
    Ok(())
}

/// A component that does nothing but import the folders of the machine.
fn wants_a_file() -> Result<Vec<u8>> {
    Ok(wat::parse_str(
        r#"(component (import "wasi:filesystem/preopens@0.2.12" (instance)))"#,
    )?)
}
