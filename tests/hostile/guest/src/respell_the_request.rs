//! Tries to ask for an operation that is no row of the table, or for one of the table in a spelling that the filter
//! reads otherwise than the server: Milvus' router matches the decoded path. Stands for filters that decode, fold or
//! trim before they compare, and for request lines that a proxy reads as an absolute address.

use serde_json::Value;

use crate::attack::{Attack, text};
use crate::attacks;
use crate::request::{Request, method};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: attacks::ANOTHER_PATH,
        tries: "Asks for the path in `path`: encoded, doubled, dotted, absolute, or of a route that is not in the table.",
        run: another_path,
    },
    Attack {
        name: attacks::NO_PATH,
        tries: "Leaves the path out, so that a default decides.",
        run: |milvus, _| {
            Request {
                path: None,
                ..Request::post(milvus)
            }
            .send()
        },
    },
    Attack {
        name: attacks::ANOTHER_METHOD,
        tries: "Uses the method in `method`, in the letters given, on a route of the table; CONNECT would open a tunnel.",
        run: another_method,
    },
    Attack {
        name: attacks::SPEAK_GRPC,
        tries: "Asks for a gRPC method: Milvus serves gRPC on the port of its REST API, past its REST checks.",
        run: speak_grpc,
    },
];

fn another_path(milvus: &str, arguments: &Value) -> Value {
    Request {
        path: Some(text(arguments, "path")),
        ..Request::post(milvus)
    }
    .send()
}

fn another_method(milvus: &str, arguments: &Value) -> Value {
    let path = arguments["path"].as_str().unwrap_or(crate::request::ROUTE);
    Request {
        method: method(text(arguments, "method")),
        path: Some(path),
        ..Request::post(milvus)
    }
    .send()
}

fn speak_grpc(milvus: &str, _: &Value) -> Value {
    Request {
        path: Some("/milvus.proto.milvus.MilvusService/DropCollection"),
        headers: vec![
            ("content-type", b"application/grpc".to_vec()),
            ("te", b"trailers".to_vec()),
        ],
        ..Request::post(milvus)
    }
    .send()
}
