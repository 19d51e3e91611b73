//! What needs a resolver of the test's own. Servers are spoken to by the end-to-end tests.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::resolve::{Addresses, Resolver};

/// A resolver that answers something else each time.
#[derive(Clone)]
struct Flipping(Arc<Mutex<VecDeque<&'static [&'static str]>>>);

impl Service<Name> for Flipping {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let next = self.0.lock().unwrap().pop_front();
        let next = next.expect("it is asked no more often than the test says");
        let found: Vec<SocketAddr> = next.iter().map(|ip| (address(ip), 0).into()).collect();
        ready(Ok(found.into_iter()))
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// What is connected to, call by call, while the resolver answers `answers`.
async fn resolved(
    addresses: Addresses,
    answers: &[&'static [&'static str]],
    calls: usize,
) -> Vec<Result<Vec<String>, String>> {
    let mut resolver = Resolver {
        system: Flipping(Arc::new(Mutex::new(answers.iter().copied().collect()))),
        addresses: Arc::new(addresses),
    };
    let mut seen = Vec::new();
    for _ in 0..calls {
        let found = resolver
            .call(Name::from_str("milvus.example").unwrap())
            .await;
        seen.push(match found {
            Ok(found) => Ok(found.map(|socket| socket.ip().to_string()).collect()),
            Err(error) => Err(error.to_string()),
        });
    }
    seen
}

fn to(addresses: &[&str]) -> Result<Vec<String>, String> {
    Ok(addresses.iter().map(|ip| (*ip).to_owned()).collect())
}

#[tokio::test]
async fn t10_a_name_that_is_pinned_and_later_stands_for_another_address_is_refused() {
    let answers: &[&[&str]] = &[
        &["192.0.2.1", "192.0.2.2"],
        &["127.0.0.1"],
        &["169.254.169.254", "192.0.2.2"],
        &["192.0.2.2", "192.0.2.1"],
    ];
    let seen = resolved(Addresses::First(OnceLock::new()), answers, 4).await;
    let changed = super::ConnectError::AddressesChanged.to_string();
    assert_eq!(
        seen,
        [
            to(&["192.0.2.1", "192.0.2.2"]),
            Err(changed),
            to(&["192.0.2.2"]),
            to(&["192.0.2.2", "192.0.2.1"]),
        ]
    );
}

#[tokio::test]
async fn t10_without_a_pin_the_resolver_decides_each_time() {
    let seen = resolved(Addresses::Any, &[&["192.0.2.1"], &["127.0.0.1"]], 2).await;
    assert_eq!(seen, [to(&["192.0.2.1"]), to(&["127.0.0.1"])]);
}

#[tokio::test]
async fn t10_where_the_addresses_are_given_nobody_is_asked() {
    let given = Addresses::Only(vec![address("192.0.2.7"), address("2001:db8::7")]);
    let seen = resolved(given, &[], 2).await;
    assert_eq!(
        seen,
        [
            to(&["192.0.2.7", "2001:db8::7"]),
            to(&["192.0.2.7", "2001:db8::7"])
        ]
    );
}

#[tokio::test]
async fn t10_an_answer_without_an_address_pins_nothing() {
    let answers: &[&[&str]] = &[&[], &["192.0.2.1"], &["192.0.2.2"]];
    let seen = resolved(Addresses::First(OnceLock::new()), answers, 3).await;
    assert_eq!(seen[1], to(&["192.0.2.1"]));
    assert!(seen[0] == to(&[]) && seen[2].is_err(), "{seen:?}");
}
