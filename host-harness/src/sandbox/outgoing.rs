//! Outgoing requests, as wasmtime-wasi-http has them, but for two things: a request that it refuses itself (no scheme, no
//! host, a length without a body) is written down like every other, and the parts of a request are no longer than any that
//! could be let out: a component may hold as many requests as it has handles.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, HostOutgoingRequest as _, Method, RequestOptions,
};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};

use super::Guest;

/// The longest method that a request can be given, in bytes. Milvus' routes know GET and POST.
const METHOD: usize = 32;
/// The longest authority: a name in DNS has 253 bytes, a port five digits.
const AUTHORITY: usize = 300;
/// The longest path with its query: a route's, and two names of 255 bytes.
const PATH: usize = 4096;

type Request = Resource<HostOutgoingRequest>;
type Text = (Request, Option<String>);
type Arguments = (Request, Option<Resource<RequestOptions>>);
type Handed = Result<Resource<HostFutureIncomingResponse>, ErrorCode>;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, Guest>, (request, method): (Request, Method)| {
            if matches!(&method, Method::Other(text) if text.len() > METHOD) {
                return Ok((Err(()),));
            }
            let mut http = store.data_mut().http();
            Ok((http.set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, Guest>, (request, authority): Text| {
            if is_longer(authority.as_deref(), AUTHORITY) {
                return Ok((Err(()),));
            }
            let mut http = store.data_mut().http();
            Ok((http.set_authority(request, authority)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut store: StoreContextMut<'_, Guest>, (request, path): Text| {
            if is_longer(path.as_deref(), PATH) {
                return Ok((Err(()),));
            }
            let mut http = store.data_mut().http();
            Ok((http.set_path_with_query(request, path)?,))
        },
    )?;
    linker.allow_shadowing(false);
    let mut interface = linker.instance("wasi:http/outgoing-handler@0.2.12")?;
    interface.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, Guest>, arguments: Arguments| {
            handle(store.data_mut(), arguments).map(|handed| (handed,))
        },
    )
}

fn is_longer(text: Option<&str>, most: usize) -> bool {
    text.is_some_and(|text| text.len() > most)
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
