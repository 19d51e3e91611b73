//! `wasi:http/outgoing-handler`, as wasmtime-wasi-http has it, but for one thing: a request that it refuses itself
//! (no scheme, no host, a length without a body) is written down like every other.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Method, RequestOptions};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};

use super::Guest;

type Arguments = (
    Resource<HostOutgoingRequest>,
    Option<Resource<RequestOptions>>,
);
type Handed = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let mut interface = linker.instance("wasi:http/outgoing-handler@0.2.12")?;
    interface.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, Guest>, arguments: Arguments| {
            handle(store.data_mut(), arguments).map(|handed| (handed,))
        },
    )
}

/// The outer error is a trap.
fn handle(guest: &mut Guest, (request, options): Arguments) -> Result<Handed> {
    let (method, target) = {
        let request = guest.table.get(&request)?;
        (spelt(&request.method), request.path_with_query.clone())
    };
    let begun = guest.egress.begun();
    let code = match guest.http().handle(request, options) {
        Ok(future) => return Ok(Ok(future)),
        Err(error) => error.downcast()?,
    };
    if guest.egress.begun() == begun {
        let target = target.unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        guest.egress.malformed(&method, path, &code);
    }
    Ok(Err(code))
}

fn spelt(method: &Method) -> String {
    let known: Result<hyper::Method, _> = method.clone().try_into();
    known.map_or_else(|_| String::new(), |method| method.to_string())
}
