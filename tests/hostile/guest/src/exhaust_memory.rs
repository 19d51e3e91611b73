//! Tries to use up memory: its own, and the host's by way of what the host keeps for it. Stands for hosts that count
//! a component's linear memory and nothing else: handles, fields and buffers of theirs are counted by nobody.

use serde_json::{Value, json};
use std::hint::black_box;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::types::{Fields, Method, OutgoingRequest, RequestOptions};
use wasi::io::poll::poll;

use crate::attack::{Attack, number};
use crate::attacks;
use crate::request::Request;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ALL_MEMORY,
        tries: "Fills memory with `~` until there is no more.",
        run: |_, _| {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![b'~'; 1 << 20]));
            }
        },
    },
    Attack {
        name: attacks::MANY_FIELDS,
        tries: "Makes header fields without end and lets none go.",
        run: |_, _| loop {
            std::mem::forget(Fields::new());
        },
    },
    Attack {
        name: attacks::MANY_POLLABLES,
        tries: "Makes clocks without end and lets none go.",
        run: |_, _| loop {
            std::mem::forget(subscribe_duration(u64::MAX));
        },
    },
    Attack {
        name: attacks::MANY_BODIES,
        tries: "Makes requests with bodies without end, sends none and lets none go.",
        run: |_, _| loop {
            let request = OutgoingRequest::new(Fields::new());
            if let Ok(body) = request.body() {
                std::mem::forget((body.write(), body));
            }
            std::mem::forget(request);
        },
    },
    Attack {
        name: attacks::MANY_FUTURES,
        tries: "Makes requests without end, waits for none and lets none go.",
        run: |milvus, _| loop {
            std::mem::forget(Request::post(milvus).start());
        },
    },
    Attack {
        name: attacks::MANY_STREAMS,
        tries: "Asks one stream without end when it is ready, and lets no answer go.",
        run: |_, _| {
            let request = OutgoingRequest::new(Fields::new());
            match request.body().and_then(|body| Ok((body.write()?, body))) {
                Ok((stream, _body)) => loop {
                    std::mem::forget(stream.subscribe());
                },
                Err(()) => json!({ "unbuilt": "body" }),
            }
        },
    },
    Attack {
        name: attacks::MANY_OPTIONS,
        tries: "Makes options for requests without end and lets none go.",
        run: |_, _| loop {
            std::mem::forget(RequestOptions::new());
        },
    },
    Attack {
        name: attacks::MANY_ANSWERS,
        tries: "Makes `count` requests, reads none of the answers and lets none go.",
        run: |milvus, arguments| {
            let answers: Vec<_> = (0..number(arguments, "count"))
                .map(|_| Request::post(milvus).start().map(|sent| sent.wait().ok()))
                .collect();
            json!({ "answered": answers.iter().flatten().flatten().count() })
        },
    },
    Attack {
        name: attacks::MANY_HEADERS,
        tries: "Adds small headers to one request without end.",
        run: |_, _| {
            let fields = Fields::new();
            let mut count = 0_u64;
            while fields.append(&format!("x-{count}"), b"1").is_ok() {
                count += 1;
            }
            json!({ "headers": count })
        },
    },
    Attack {
        name: attacks::HUGE_HEADER,
        tries: "Adds a header of `bytes` bytes.",
        run: |_, arguments| {
            let value = vec![b'x'; usize::try_from(number(arguments, "bytes")).unwrap_or(0)];
            json!({ "appended": Fields::new().append("x-huge", &value).is_ok() })
        },
    },
    Attack {
        name: attacks::HUGE_PARTS,
        tries: "Makes requests without end, each with a method, host and path of `bytes` bytes, and lets none go.",
        run: |_, arguments| {
            let huge = "x".repeat(usize::try_from(number(arguments, "bytes")).unwrap_or(0));
            let path = format!("/{huge}");
            loop {
                let request = OutgoingRequest::new(Fields::new());
                let _ = request.set_method(&Method::Other(huge.clone()));
                let _ = request.set_authority(Some(&huge));
                let _ = request.set_path_with_query(Some(&path));
                std::mem::forget(request);
            }
        },
    },
    Attack {
        name: attacks::HUGE_LIST,
        tries: "Hands the host one list of `count` entries at once.",
        run: huge_list,
    },
    Attack {
        name: attacks::HUGE_WAIT,
        tries: "Waits for one clock, named `count` times in one list.",
        run: |_, arguments| {
            let clock = subscribe_duration(0);
            let count = usize::try_from(number(arguments, "count")).unwrap_or(0);
            json!({ "ready": poll(&vec![&clock; count]).len() })
        },
    },
    Attack {
        name: attacks::HUGE_ZEROES,
        tries: "Has the host write `bytes` zeroes into a body, which costs the component nothing.",
        run: huge_zeroes,
    },
    Attack {
        name: attacks::HUGE_READ,
        tries: "Asks for the largest number of bytes of an answer at once.",
        run: |milvus, _| {
            let Ok(answer) = Request::post(milvus)
                .start()
                .map_err(|_| ())
                .and_then(|sent| sent.wait().map_err(|_| ()))
            else {
                return json!({ "code": "nothing" });
            };
            let read = answer.consume().and_then(|body| {
                let stream = body.stream()?;
                stream.blocking_read(u64::MAX).map_err(|_| ())
            });
            json!({ "bytes": read.map(|bytes| bytes.len()).ok() })
        },
    },
    Attack {
        name: attacks::HUGE_ANSWER,
        tries: "Answers its caller with `bytes` bytes.",
        run: |_, arguments| {
            Value::from("x".repeat(usize::try_from(number(arguments, "bytes")).unwrap_or(0)))
        },
    },
];

fn huge_list(_: &str, arguments: &Value) -> Value {
    let count = usize::try_from(number(arguments, "count")).unwrap_or(0);
    let entries = vec![("x".to_owned(), b"1".to_vec()); count];
    json!({ "made": Fields::from_list(&entries).is_ok() })
}

fn huge_zeroes(milvus: &str, arguments: &Value) -> Value {
    let request = OutgoingRequest::new(Fields::new());
    let _ = request.set_authority(Some(milvus));
    let Ok(stream) = request.body().and_then(|body| {
        let stream = body.write();
        std::mem::forget(body);
        stream
    }) else {
        return json!({ "unbuilt": "body" });
    };
    let _ = stream.check_write();
    let zeroes = stream.write_zeroes(number(arguments, "bytes"));
    json!({ "written": zeroes.is_ok() })
}
