//! Tries to leave work behind that goes on when the call is over. Stands for hosts that answer their caller while
//! requests of the call are still on the way, with nobody left to count them.

use serde_json::{Value, json};

use crate::attack::{Attack, number};
use crate::attacks;
use crate::request::{Request, Sent, pause};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::RETURN_WITH_REQUESTS_IN_FLIGHT,
        tries: "Makes `count` good requests and returns without waiting for one.",
        run: |milvus, arguments| {
            std::mem::forget(begin(milvus, arguments));
            json!({})
        },
    },
    Attack {
        name: attacks::TRAP_WITH_REQUESTS_IN_FLIGHT,
        tries: "Makes `count` good requests and traps without waiting for one.",
        run: |milvus, arguments| {
            let _kept = begin(milvus, arguments);
            core::arch::wasm32::unreachable()
        },
    },
    Attack {
        name: attacks::TIME_OUT_WITH_REQUESTS_IN_FLIGHT,
        tries: "Makes `count` good requests and computes until its time is up.",
        run: |milvus, arguments| {
            let _kept = begin(milvus, arguments);
            loop {
                core::hint::spin_loop();
            }
        },
    },
    Attack {
        name: attacks::GIVE_UP_REQUESTS_IN_FLIGHT,
        tries: "Makes `count` good requests, lets go of each before its answer, and returns.",
        run: |milvus, arguments| {
            drop(begin(milvus, arguments));
            json!({})
        },
    },
];

/// Makes `count` requests, and lets them go on for `milliseconds`.
fn begin(milvus: &str, arguments: &Value) -> Vec<Result<Sent, &'static str>> {
    let sent = (0..number(arguments, "count"))
        .map(|_| Request::post(milvus).start())
        .collect();
    pause(number(arguments, "milliseconds"));
    sent
}
