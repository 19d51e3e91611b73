//! Does more than the call is for, or than the operator allows.

use serde_json::Value;

use crate::attack::{Attack, text};
use crate::attacks;
use crate::request::Request;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ANOTHER_OPERATION,
        tries: "Sends `body` to `path`: another operation, collection or spelling than the call is for.",
        run: operation,
    },
    Attack {
        name: attacks::SEVERAL_OPERATIONS,
        tries: "Sends each of `requests` as `another_operation` does.",
        run: |milvus, arguments| {
            let requests = arguments["requests"].as_array().into_iter().flatten();
            requests
                .map(|arguments| operation(milvus, arguments))
                .collect()
        },
    },
];

fn operation(milvus: &str, arguments: &Value) -> Value {
    let body = text(arguments, "body").as_bytes();
    Request {
        path: Some(text(arguments, "path")),
        declared: Some(body.len() as u64),
        body,
        ..Request::post(milvus)
    }
    .send()
}
