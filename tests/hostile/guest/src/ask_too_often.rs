//! Tries to use the host as a hammer: more requests in a call than one call may make, one after the other or all at
//! once. Stands for hosts that limit what one request may do, and not how many there are.

use serde_json::{Value, json};

use crate::attack::{Attack, number, text};
use crate::attacks;
use crate::request::Request;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ORDINARY_REQUEST,
        tries: "No attack: one good request, and all that is seen of its answer. `times` repeats it.",
        run: ordinary_request,
    },
    Attack {
        name: attacks::THOUSANDS_OF_REQUESTS,
        tries: "Makes `count` requests, one after the other, to `path` if there is one.",
        run: thousands_of_requests,
    },
    Attack {
        name: attacks::REQUESTS_AT_ONCE,
        tries: "Makes `count` requests before it waits for the first.",
        run: requests_at_once,
    },
];

fn ordinary_request(milvus: &str, arguments: &Value) -> Value {
    let body = text(arguments, "body").as_bytes();
    let once = || match body {
        b"" => Request::post(milvus).send(),
        body => Request {
            declared: Some(body.len() as u64),
            body,
            ..Request::post(milvus)
        }
        .send(),
    };
    match number(arguments, "times") {
        0 => once(),
        times => (0..times).map(|_| once()).collect(),
    }
}

fn thousands_of_requests(milvus: &str, arguments: &Value) -> Value {
    let path = arguments["path"].as_str().unwrap_or(crate::request::ROUTE);
    let answered = (0..number(arguments, "count"))
        .filter(|_| {
            Request {
                path: Some(path),
                ..Request::post(milvus)
            }
            .send()["status"]
                .is_number()
        })
        .count();
    json!({ "answered": answered })
}

fn requests_at_once(milvus: &str, arguments: &Value) -> Value {
    let sent: Vec<_> = (0..number(arguments, "count"))
        .map(|_| Request::post(milvus).start())
        .collect();
    let answered = sent
        .into_iter()
        .filter_map(Result::ok)
        .map(|sent| sent.outcome())
        .filter(|outcome| outcome["status"].is_number())
        .count();
    json!({ "answered": answered })
}
