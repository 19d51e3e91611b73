//! Does more than the call is for, or than the operator allows.

use crate::attack::{Attack, text};
use crate::request::Request;

pub(crate) const ATTACKS: &[Attack] = &[Attack {
    name: "another_operation",
    tries: "Sends `body` to `path`: another operation, collection or spelling than the call is for.",
    run: |milvus, arguments| {
        let body = text(arguments, "body").as_bytes();
        Request {
            path: Some(text(arguments, "path")),
            declared: Some(body.len() as u64),
            body,
            ..Request::post(milvus)
        }
        .send()
    },
}];
