//! Tries never to end. Stands for hosts whose deadline is looked at only between instructions, or only while they
//! wait, and for runaway recursion and traps that take the host with them.

use serde_json::json;
use std::hint::black_box;
use wasi::clocks::monotonic_clock::{now, subscribe_duration, subscribe_instant};
use wasi::http::outgoing_handler;
use wasi::http::types::{Fields, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use wasi::io::poll::poll;

use crate::attack::{Attack, number};
use crate::attacks;
use crate::request::ROUTE;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ENDLESS_LOOP,
        tries: "Runs without end and without a call to the host.",
        run: |_, _| loop {
            black_box(0);
        },
    },
    Attack {
        name: attacks::ENDLESS_CALLS,
        tries: "Asks the host for the time without end.",
        run: |_, _| loop {
            black_box(now());
        },
    },
    Attack {
        name: attacks::ENDLESS_RECURSION,
        tries: "Calls itself until the stack is used up.",
        run: |_, _| json!(recurse(0)),
    },
    Attack {
        name: attacks::ENDLESS_SLEEP,
        tries: "Waits for a clock for centuries.",
        run: |_, _| {
            subscribe_duration(u64::MAX).block();
            json!({})
        },
    },
    Attack {
        name: attacks::ENDLESS_POLL,
        tries: "Waits for many clocks at once, each far beyond the deadline.",
        run: |_, _| {
            let clocks: Vec<_> = (0..200)
                .map(|more| subscribe_instant(u64::MAX - more))
                .collect();
            json!(poll(&clocks.iter().collect::<Vec<_>>()))
        },
    },
    Attack {
        name: attacks::BUSY_SLEEP,
        tries: "Makes clocks without end that are over at once, and waits for each.",
        run: |_, _| loop {
            subscribe_duration(0).block();
        },
    },
    Attack {
        name: attacks::PATIENCE,
        tries: "Sets every time-out of a request to `nanoseconds`, and waits for the answer and its body.",
        run: |milvus, arguments| {
            let options = RequestOptions::new();
            let time = number(arguments, "nanoseconds");
            let _ = options.set_connect_timeout(Some(time));
            let _ = options.set_first_byte_timeout(Some(time));
            let _ = options.set_between_bytes_timeout(Some(time));
            let fields = Fields::new();
            let request = OutgoingRequest::new(fields);
            let _ = request.set_scheme(Some(&Scheme::Http));
            let _ = request.set_authority(Some(milvus));
            let _ = request.set_path_with_query(Some("/v1/vector/collections"));
            let Ok(body) = request.body() else {
                return json!({ "unbuilt": "body" });
            };
            let Ok(future) = outgoing_handler::handle(request, Some(options)) else {
                return json!({ "unbuilt": ROUTE });
            };
            let _ = OutgoingBody::finish(body, None);
            future.subscribe().block();
            json!({ "code": format!("{:?}", future.get()) })
        },
    },
    Attack {
        name: attacks::PANIC,
        tries: "Panics.",
        #[allow(clippy::panic, reason = "that is the attack")]
        run: |_, _| panic!("on purpose"),
    },
    Attack {
        name: attacks::UNREACHABLE,
        tries: "Runs into an instruction that traps.",
        run: |_, _| core::arch::wasm32::unreachable(),
    },
];

#[allow(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + 1
}
