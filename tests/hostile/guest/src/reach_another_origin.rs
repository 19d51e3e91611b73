//! Tries to reach another machine, another port or another protocol than the configured one. Stands for allow-lists
//! that compare a part of the address, or another spelling of it than the one that is connected to: the userinfo
//! that reads as a host (`milvus:19530@evil`), the port that wraps around, the trailing dot, the zone, the number.

use serde_json::Value;

use crate::attack::{Attack, text};
use crate::attacks;
use crate::request::{Request, scheme};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ANOTHER_AUTHORITY,
        tries: "Sends a good request to the authority in `authority`: another host, port or spelling of this one.",
        run: another_authority,
    },
    Attack {
        name: attacks::NO_AUTHORITY,
        tries: "Leaves the authority out, so that a host header or a default decides.",
        run: |_, arguments| {
            Request {
                authority: None,
                ..named(text(arguments, "host"))
            }
            .send()
        },
    },
    Attack {
        name: attacks::ANOTHER_SCHEME,
        tries: "Asks for the scheme in `scheme`, so that the same host is reached by another protocol or unencrypted.",
        run: another_scheme,
    },
    Attack {
        name: attacks::NO_SCHEME,
        tries: "Leaves the scheme out, so that a default decides.",
        run: |milvus, _| {
            Request {
                scheme: None,
                ..Request::post(milvus)
            }
            .send()
        },
    },
];

fn another_authority(_: &str, arguments: &Value) -> Value {
    Request::post(text(arguments, "authority")).send()
}

fn another_scheme(milvus: &str, arguments: &Value) -> Value {
    Request {
        scheme: Some(scheme(text(arguments, "scheme"))),
        ..Request::post(milvus)
    }
    .send()
}

/// A request that names its host in a header only.
fn named(host: &str) -> Request<'_> {
    let mut request = Request::post(host);
    request.headers.push(("host", host.as_bytes().to_vec()));
    request
}
