//! Tries handles that it was never given, or has given away. Stands for hosts that index their own tables with what
//! the component says, where a number is another call's stream.

#![allow(
    unsafe_code,
    reason = "handles are made up; in a component that costs a trap"
)]

use serde_json::json;
use wasi::http::types::{Fields, IncomingBody};
use wasi::io::poll::Pollable;
use wasi::io::streams::InputStream;

use crate::attack::{Attack, number};
use crate::attacks;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::MADE_UP_CLOCK,
        tries: "Waits for the clock behind the number `handle`, which it was never given.",
        run: |_, arguments| {
            // SAFETY: the host checks every handle; a wrong one traps.
            unsafe { Pollable::from_handle(handle(arguments)) }.block();
            json!({})
        },
    },
    Attack {
        name: attacks::MADE_UP_STREAM,
        tries: "Reads from the stream behind the number `handle`, which it was never given.",
        run: |_, arguments| {
            // SAFETY: as above.
            let stream = unsafe { InputStream::from_handle(handle(arguments)) };
            json!({ "read": stream.read(1 << 16).is_ok() })
        },
    },
    Attack {
        name: attacks::HANDLE_OF_ANOTHER_KIND,
        tries: "Uses header fields as the body of an answer.",
        run: |_, _| {
            // SAFETY: as above.
            let body = unsafe { IncomingBody::from_handle(Fields::new().take_handle()) };
            json!({ "stream": body.stream().is_ok() })
        },
    },
    Attack {
        name: attacks::HANDLE_USED_TWICE,
        tries: "Uses header fields after it has given them back.",
        run: |_, _| {
            let fields = Fields::new();
            let number = fields.handle();
            drop(fields);
            // SAFETY: as above.
            let fields = unsafe { Fields::from_handle(number) };
            json!({ "entries": fields.entries().len() })
        },
    },
];

fn handle(arguments: &serde_json::Value) -> u32 {
    u32::try_from(number(arguments, "handle")).unwrap_or(u32::MAX)
}
