//! Tries to steer the server by headers: Milvus takes the database from `DB-Name` and a deadline from
//! `Request-Timeout`, servers take the sender from `X-Forwarded-For`, and a length or encoding of the component's own
//! splits the request in two. Stands for hosts that filter headers by a list of bad ones.

use serde_json::{Value, json};
use wasi::http::types::{Fields, OutgoingRequest};

use crate::attack::Attack;
use crate::attacks;
use crate::request::Request;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::HEADERS_OF_ITS_OWN,
        tries: "Sends the headers in `headers` with a good request.",
        run: headers_of_its_own,
    },
    Attack {
        name: attacks::CHANGE_HEADERS_LATER,
        tries: "Keeps the fields of a request and changes them after it was made.",
        run: change_headers_later,
    },
];

/// The pairs in `headers`.
pub(crate) fn given(arguments: &Value) -> Vec<(&str, Vec<u8>)> {
    let pairs = arguments["headers"].as_array().into_iter().flatten();
    pairs
        .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?.as_bytes().to_vec())))
        .collect()
}

fn headers_of_its_own(milvus: &str, arguments: &Value) -> Value {
    Request {
        headers: given(arguments),
        ..Request::post(milvus)
    }
    .send()
}

fn change_headers_later(_: &str, _: &Value) -> Value {
    let request = OutgoingRequest::new(Fields::new());
    let fields = request.headers();
    let appended = fields.append("authorization", b"Bearer stolen").is_ok();
    json!({ "appended": appended, "seen": request.headers().has("authorization") })
}
