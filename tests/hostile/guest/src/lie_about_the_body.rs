//! Tries to have another body sent than the one that was looked at: longer, shorter, broken off, changed at the end.
//! Stands for filters that decide on the first part of a body, and for hosts that end a broken body as if it were
//! whole when the component traps or lets it go.

use serde_json::{Value, json};
use wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

use crate::attack::{Attack, number};
use crate::attacks;
use crate::request::{BODY, End, ROUTE, Request, pause};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ANOTHER_LENGTH,
        tries: "Declares `declared` bytes and writes `written`.",
        run: another_length,
    },
    Attack {
        name: attacks::NO_LENGTH,
        tries: "Declares no length, so that the body's end is the host's guess.",
        run: |milvus, _| {
            Request {
                declared: None,
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::TWO_LENGTHS,
        tries: "Declares two lengths, so that two readers see two bodies.",
        run: |milvus, _| {
            let mut request = Request::post(milvus);
            request.headers.push(("content-length", b"2".to_vec()));
            request.send()
        },
    },
    Attack {
        name: attacks::BODY_GIVEN_UP,
        tries: "Writes a whole body and lets it go without finishing it.",
        run: |milvus, _| {
            Request {
                end: End::Dropped,
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::BODY_NEVER_FINISHED,
        tries: "Writes a whole body, keeps it open, and waits for the answer.",
        run: |milvus, _| {
            Request {
                end: End::Open,
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::TRAP_IN_A_WHOLE_BODY,
        tries: "Writes a whole body and traps before it is finished, hoping that the host ends it.",
        run: |milvus, arguments| {
            let _kept = Request {
                end: End::Open,
                ..Request::post(milvus)
            }
            .start();
            pause(number(arguments, "milliseconds"));
            core::arch::wasm32::unreachable()
        },
    },
    Attack {
        name: attacks::RETURN_IN_A_WHOLE_BODY,
        tries: "Writes a whole body and returns before it is finished, hoping that the host ends it.",
        run: |milvus, arguments| {
            std::mem::forget(
                Request {
                    end: End::Open,
                    ..Request::post(milvus)
                }
                .start(),
            );
            pause(number(arguments, "milliseconds"));
            json!({})
        },
    },
    Attack {
        name: attacks::LENGTHS_ONLY_DECLARED,
        tries: "Declares `count` bodies of `bytes` bytes, writes nothing and waits, to leave no room for others.",
        run: |milvus, arguments| {
            let begin = |_| {
                Request {
                    declared: Some(number(arguments, "bytes")),
                    body: b"",
                    end: End::Open,
                    ..Request::post(milvus)
                }
                .start()
            };
            let begun: Vec<_> = (0..number(arguments, "count")).map(begin).collect();
            pause(number(arguments, "milliseconds"));
            json!({ "begun": begun.iter().flatten().count() })
        },
    },
    Attack {
        name: attacks::TRAILERS,
        tries: "Ends a good body with trailers, which some servers merge with the headers.",
        run: |milvus, _| {
            Request {
                end: End::Trailers,
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::BODY_ON_GET,
        tries: "Sends a GET that has a body, which the next request on the connection may start with.",
        run: |milvus, _| {
            Request {
                method: Method::Get,
                path: Some("/v1/vector/collections"),
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::LENGTH_WITHOUT_BODY,
        tries: "Declares a length and hands the request over without a body, `count` times.",
        run: |milvus, arguments| {
            let handed = (0..number(arguments, "count")).filter(|_| length_without_body(milvus));
            json!({ "handed": handed.count() })
        },
    },
    Attack {
        name: attacks::BODY_WITHOUT_END,
        tries: "Declares nothing and writes until the host stops reading, `most` bytes at most.",
        run: body_without_end,
    },
];

fn another_length(milvus: &str, arguments: &Value) -> Value {
    let written = usize::try_from(number(arguments, "written")).unwrap_or(0);
    let body = BODY
        .iter()
        .copied()
        .chain(core::iter::repeat(b' '))
        .take(written)
        .collect::<Vec<_>>();
    Request {
        declared: arguments["declared"].as_u64(),
        body: &body,
        ..Request::post(milvus)
    }
    .send()
}

fn length_without_body(milvus: &str) -> bool {
    let fields = Fields::new();
    let _ = fields.append("content-length", b"20");
    let request = OutgoingRequest::new(fields);
    let _ = request.set_method(&Method::Post);
    let _ = request.set_scheme(Some(&Scheme::Http));
    let _ = request.set_authority(Some(milvus));
    let _ = request.set_path_with_query(Some(ROUTE));
    wasi::http::outgoing_handler::handle(request, None).is_ok()
}

fn body_without_end(milvus: &str, arguments: &Value) -> Value {
    let request = OutgoingRequest::new(Fields::new());
    let _ = request.set_method(&Method::Post);
    let _ = request.set_scheme(Some(&Scheme::Http));
    let _ = request.set_authority(Some(milvus));
    let _ = request.set_path_with_query(Some(ROUTE));
    let Ok(body) = request.body() else {
        return json!({ "unbuilt": "body" });
    };
    let Ok(future) = wasi::http::outgoing_handler::handle(request, None) else {
        return json!({ "unbuilt": "handle" });
    };
    let mut written = 0_u64;
    if let Ok(stream) = body.write() {
        let chunk = [b'x'; 4096];
        while written < number(arguments, "most") && stream.blocking_write_and_flush(&chunk).is_ok()
        {
            written += 4096;
        }
    }
    let _ = OutgoingBody::finish(body, None);
    future.subscribe().block();
    let code = future.get().map(|answer| format!("{answer:?}"));
    json!({ "written": written, "code": code })
}
