//! Servers that the tests talk to: some that must not be reached, some that record, some that misbehave.
//!
//! Each runs on a thread and a runtime of its own, so that a test may block as it likes; binds port 0; gives a
//! connection half a minute at most; and ends when it is dropped.

mod elsewhere;
mod faulty;
pub(crate) mod grpc;
pub(crate) mod local;
mod recorder;
pub(crate) mod tls;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub(crate) use elsewhere::Elsewhere;
pub(crate) use faulty::Faulty;
pub(crate) use recorder::{Recorded, Recorder, ok};

/// The longest that a connection is served.
const CONNECTION: Duration = Duration::from_secs(30);
/// The longest wait for something that has happened already to be seen.
const SEEN: Duration = Duration::from_secs(5);

/// A TCP server; what it says is up to `serve`.
#[derive(Debug)]
struct Server {
    addresses: Vec<SocketAddr>,
    /// Who connected, in order.
    peers: Arc<Mutex<Vec<SocketAddr>>>,
    /// How many of them are closed, by whoever it was.
    closed: Arc<AtomicUsize>,
    /// Those of them that [`Server::connections`] made.
    own: Mutex<Vec<SocketAddr>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves one new port on the IPv4 loopback.
    fn start<F, S>(serve: F) -> Self
    where
        F: Fn(tokio::net::TcpStream) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self::on(
            vec![TcpListener::bind("127.0.0.1:0").expect("a free port")],
            serve,
        )
    }

    fn on<F, S>(listeners: Vec<TcpListener>, serve: F) -> Self
    where
        F: Fn(tokio::net::TcpStream) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let addresses = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("is bound"))
            .collect();
        let peers = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicUsize::new(0));
        let ended = Arc::clone(&closed);
        let (stop, stopped) = oneshot::channel();
        let (seen, serve) = (Arc::clone(&peers), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                for listener in listeners {
                    listener.set_nonblocking(true).expect("a socket");
                    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                    let (seen, serve) = (Arc::clone(&seen), Arc::clone(&serve));
                    let ended = Arc::clone(&ended);
                    tokio::spawn(async move {
                        while let Ok((stream, peer)) = listener.accept().await {
                            seen.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(peer);
                            let _ = stream.set_nodelay(true);
                            let (served, ended) = (serve(stream), Arc::clone(&ended));
                            tokio::spawn(async move {
                                let _ = tokio::time::timeout(CONNECTION, served).await;
                                ended.fetch_add(1, Ordering::SeqCst);
                            });
                        }
                    });
                }
                let _ = stopped.await;
            });
        });
        Self {
            addresses,
            peers,
            closed,
            own: Mutex::default(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn port(&self) -> u16 {
        self.addresses[0].port()
    }

    fn uri(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    /// How many connections came until now. Connects once itself, to each address: connections are accepted in
    /// order, so that every one that was opened before is counted.
    fn connections(&self) -> usize {
        for address in &self.addresses {
            let stream = TcpStream::connect_timeout(address, SEEN).expect("it listens");
            let own = stream.local_addr().expect("is connected");
            self.own
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(own);
            let until = Instant::now() + SEEN;
            while !self.peers().contains(&own) {
                assert!(
                    Instant::now() < until,
                    "the server at {address} accepts nothing"
                );
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        self.peers()
            .iter()
            .filter(|peer| !own.contains(peer))
            .count()
    }

    /// How many connections are open now.
    fn open(&self) -> usize {
        self.peers().len() - self.closed.load(Ordering::SeqCst)
    }

    fn peers(&self) -> Vec<SocketAddr> {
        self.peers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
