//! Connections: how many, with TLS or without, how long they may be silent, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics::Metrics;

/// How many streams one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 64;

/// The largest headers of one request.
const MAX_HEADERS: u32 = 32 * 1024;

/// How long to wait after a connection could not be accepted: usually because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections speak below HTTP.
#[derive(Clone)]
pub enum Transport {
    /// Nothing.
    Plain,
    /// TLS, by what this returns when a connection comes: the certificate may have been renewed since the last one. A
    /// connection that comes while there is none is closed, and never spoken to in the clear.
    Tls(Arc<dyn Fn() -> Option<TlsAcceptor> + Send + Sync>),
}

/// Limits on connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many there may be; further ones wait to be accepted.
    pub max_connections: usize,
    /// How long the TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long until the headers of the next request have come. Must be longer than the 90 s for which an API server keeps an
    /// idle connection: if it were the gate that hangs up, a review sent at that moment would fail.
    pub idle_timeout: Duration,
}

/// Accepts connections until `stop`; then the listener is closed, and what is returned waits for those that are open.
pub async fn serve(
    listener: TcpListener,
    transport: Transport,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(limits.max_connections));
    let builder = builder(&limits);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return graceful,
            accepted = async {
                let place = Arc::clone(&free).acquire_owned().await;
                (listener.accept().await, place)
            } => accepted,
        };
        let (Ok((stream, _)), Ok(place)) = accepted else {
            tracing::warn!("a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = Connection {
            builder: builder.clone(),
            router: router.clone(),
            // Taken here, so that a stop during the handshake is not missed.
            watcher: graceful.watcher(),
        };
        let (transport, handshake_timeout, metrics) =
            (transport.clone(), limits.handshake_timeout, Arc::clone(&metrics));
        tokio::spawn(async move {
            metrics.connections.inc();
            connection.run(stream, transport, handshake_timeout).await;
            metrics.connections.dec();
            drop(place);
        });
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.idle_timeout).max_buf_size(128 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS)
        .keep_alive_interval(limits.idle_timeout / 4)
        .keep_alive_timeout(limits.handshake_timeout);
    builder
}

/// One connection to be served.
struct Connection {
    builder: Builder<TokioExecutor>,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn run(self, stream: TcpStream, transport: Transport, handshake_timeout: Duration) {
        // Only a matter of speed.
        _ = stream.set_nodelay(true);
        let Transport::Tls(acceptor) = transport else { return self.converse(stream, false).await };
        let Some(tls) = acceptor() else { return tracing::debug!("there is no certificate yet") };
        match timeout(handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.converse(stream, http2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
        // What was agreed upon is spoken; guessing from the first bytes would wait for them without a limit.
        let builder = if http2 { self.builder.http2_only() } else { self.builder.http1_only() };
        let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        if let Err(error) = self.watcher.watch(served.into_owned()).await {
            tracing::debug!(%error, "a connection broke");
        }
    }
}
