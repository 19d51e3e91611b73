//! A server that nobody is to reach: it counts who does.

use std::net::TcpListener;

use super::Server;

/// Listens on both loopback addresses where there are two, at one port.
#[derive(Debug)]
pub(crate) struct Elsewhere(Server);

impl Elsewhere {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let first = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = first.local_addr().expect("is bound").port();
        let mut listeners = vec![first];
        listeners.extend(TcpListener::bind(("::1", port)));
        // Answers nothing: who comes here waits until the connection ends.
        Self(Server::on(listeners, |stream| async move {
            let _ = stream.readable().await;
        }))
    }

    /// Its port, on 127.0.0.1 and ::1.
    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    /// `127.0.0.1:<port>`.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// How many connections came until now.
    pub(crate) fn connections(&self) -> usize {
        self.0.connections()
    }
}
