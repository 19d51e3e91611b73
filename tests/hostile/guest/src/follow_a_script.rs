//! Does what it is told, step by step: a program that a test made up at random. Stands for every attack that nobody
//! thought of.

use serde_json::{Value, json};

use crate::attack::{Attack, number, text};
use crate::attacks;
use crate::remember::{found, masked};
use crate::request::{End, Request, Sent, method, pause, scheme};

pub(crate) const ATTACKS: &[Attack] = &[Attack {
    name: attacks::SCRIPT,
    tries: "Does each of `steps`: requests with any part of them wrong, several at once, given up, waited for; sleeps, traps, loops.",
    run: script,
}];

fn script(milvus: &str, arguments: &Value) -> Value {
    let (mut said, mut under_way) = (Vec::new(), Vec::new());
    for step in arguments["steps"].as_array().into_iter().flatten() {
        match text(step, "do") {
            "request" => match request(milvus, step) {
                Ok(sent) if step["at_once"] == true => under_way.push(sent),
                Ok(sent) => said.push(sent.outcome()),
                Err(unbuilt) => said.push(json!({ "unbuilt": unbuilt })),
            },
            "wait" => said.extend(under_way.drain(..).map(Sent::outcome)),
            "give up" => under_way.clear(),
            "sleep" => pause(number(step, "milliseconds")),
            "look" => said.push(json!({ "found": found(&masked(step)) })),
            "return" => break,
            "loop" => loop {
                std::hint::black_box(0);
            },
            _ => core::arch::wasm32::unreachable(),
        }
    }
    json!({ "said": said })
}

/// Hands a request over as `step` says; what it leaves out is as an ordinary request has it. Bodies and values of
/// headers are text whose characters are bytes.
fn request(milvus: &str, step: &Value) -> Result<Sent, &'static str> {
    let body = bytes(text(step, "body"));
    let ordinary = Request::post(milvus);
    let or = |key: &str, ordinary: Option<&str>| match &step[key] {
        Value::String(text) => Some(text.clone()),
        Value::Null => ordinary.map(str::to_owned),
        _ => None,
    };
    let (authority, path) = (
        or("authority", ordinary.authority),
        or("path", ordinary.path),
    );
    let headers = step["headers"].as_array().into_iter().flatten();
    Request {
        method: method(or("method", Some("POST")).as_deref().unwrap_or_default()),
        scheme: or("scheme", Some("http")).as_deref().map(scheme),
        authority: authority.as_deref(),
        path: path.as_deref(),
        headers: headers
            .filter_map(|header| Some((header[0].as_str()?, bytes(header[1].as_str()?))))
            .collect(),
        declared: step["declared"].as_u64(),
        body: &body,
        end: match text(step, "end") {
            "trailers" => End::Trailers,
            "dropped" => End::Dropped,
            "open" => End::Open,
            _ => End::Finished,
        },
    }
    .start()
}

fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| character as u8).collect()
}
