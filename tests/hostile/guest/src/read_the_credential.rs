//! Tries to learn the credential that the host adds: asks a server that repeats it, and looks at every header, every
//! byte of the answer and every byte of its own memory. Stands for hosts that hand the server's answer on, or put
//! the credential where the component can read it.

use serde_json::{Value, json};

use crate::attack::{Attack, text};
use crate::attacks;
use crate::remember::found;
use crate::request::Request;
use crate::send_headers::given;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::SEARCH_FOR_THE_CREDENTIAL,
        tries: "Tells all of an answer, and how often each masked text in `marks` stands in its memory.",
        run: search_for_the_credential,
    },
    Attack {
        name: attacks::GUESS_THE_CREDENTIAL,
        tries: "Sends the credential in `headers` beside the host's, to learn from the answer which one counts.",
        run: |milvus, arguments| {
            Request {
                headers: given(arguments),
                ..Request::post(milvus)
            }
            .send()
        },
    },
];

fn search_for_the_credential(milvus: &str, arguments: &Value) -> Value {
    let answer = match text(arguments, "path") {
        "" => Request::post(milvus).send(),
        path => Request {
            path: Some(path),
            ..Request::post(milvus)
        }
        .send(),
    };
    let marks = arguments["marks"].as_array().into_iter().flatten();
    let counts: Vec<usize> = marks
        .filter_map(|mark| mark.as_str())
        .map(|mark| {
            let bytes: Vec<u8> = mark
                .as_bytes()
                .chunks(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect();
            found(&bytes)
        })
        .collect();
    json!({ "answer": answer, "found": counts })
}
