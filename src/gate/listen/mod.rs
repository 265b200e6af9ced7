//! Connections: how many, with TLS or without, how long each of their states may last, and how they end.
//!
//! [`serve`] accepts them. A `Progress` knows the state of one, learns it from its stream (`stream`) and its requests
//! (`requests`), and says when its time is up. Which connection gives way when there are too many is for
//! `Slots` to say.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::progress::{Due, Progress, Why};
use self::requests::Requests;
use self::stream::Observed;
use super::slots::{Granted, Slot, Slots, Standing};
use crate::telemetry::metrics::Metrics;

mod progress;
mod requests;
mod stream;

/// How many streams one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 64;

/// The largest headers of one request. In HTTP/2 they count as they are after decompression.
const MAX_HEADERS: u32 = 32 * 1024;

/// How much of a body is read ahead over HTTP/1.1.
const READ_AHEAD: usize = 128 * 1024;

/// How much of the bodies of one HTTP/2 stream, and of one connection, is taken before anybody reads it.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// How much of its answers one HTTP/2 stream keeps for a client that does not take them.
const SEND_BUFFER: usize = 64 * 1024;

/// How many streams of HTTP/2 a client may reset before anybody looked at them, and how many it may bring to be reset by
/// mistakes of its own (CVE-2023-44487, CVE-2025-8671), until the connection is ended.
const RESET_BY_CLIENT: usize = 20;
const RESET_FOR_MISTAKES: usize = 256;

/// How long to wait after a connection could not be accepted: usually because there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long to look, before the listener is closed, for connections that are made already: they would be reset.
const BACKLOG_WAIT: Duration = Duration::from_millis(20);

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
    /// How many there may be. For a further one, that which has been idle longest is closed; if none is, it waits.
    pub max_connections: usize,
    /// How long the TLS handshake may take as a whole.
    pub handshake_timeout: Duration,
    /// How long the headers of a request may take from their first byte to their last.
    pub header_timeout: Duration,
    /// How long the client may take to accept what is written.
    pub write_timeout: Duration,
    /// How long until the next request begins. Must be longer than the 90 s for which an API server keeps an idle connection: if
    /// it were the gate that hangs up, a review sent at that moment would fail.
    pub idle_timeout: Duration,
}

/// How the end comes: first one is told of it, then it is there.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// From now on HTTP/1.1 is answered with `connection: close`, so that clients go elsewhere for their next request.
    pub draining: CancellationToken,
    /// The listener is closed. Connections end with their request in flight; idle ones at once; one that has had no request yet
    /// may still send its first, within the time that headers may take.
    pub stop: CancellationToken,
}

/// The connections that are still open when nobody listens any more.
#[derive(Debug)]
pub struct StillOpen(mpsc::Receiver<Infallible>);

impl StillOpen {
    /// Returns when all have ended.
    pub async fn ended(mut self) {
        _ = self.0.recv().await;
    }
}

/// Accepts connections until told to stop; then the listener is closed, and those that are open come to their end.
pub async fn serve(
    listener: TcpListener,
    transport: Transport,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> StillOpen {
    let (open, still_open) = mpsc::channel(1);
    let slots = Slots::new(limits.max_connections, Duration::ZERO);
    let http = Http::new(&limits);
    let spawn = |stream: TcpStream, Granted { slot, evicted }: Granted| {
        if evicted {
            metrics.connections_evicted.inc();
        }
        let connection = Connection {
            http: http.clone(),
            router: router.clone(),
            limits: limits.clone(),
            shutdown: shutdown.clone(),
        };
        let (transport, metrics, open) = (transport.clone(), Arc::clone(&metrics), open.clone());
        tokio::spawn(async move {
            let _counted = Counted::new(metrics);
            connection.run(stream, transport, slot).await;
            drop(open);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = shutdown.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                if slots.clear_one() {
                    metrics.connections_evicted.inc();
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        tokio::select! {
            () = shutdown.stop.cancelled() => break,
            granted = slots.taken_in_turn() => spawn(stream, granted),
        }
    }
    for _ in 0..limits.max_connections {
        let Ok(Ok((stream, _))) = timeout(BACKLOG_WAIT, listener.accept()).await else { break };
        let Some(granted) = slots.take() else { break };
        spawn(stream, granted);
    }
    StillOpen(still_open)
}

/// An open connection among those that are counted, however it ends.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: Arc<Metrics>) -> Self {
        metrics.connections.inc();
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// How HTTP is spoken.
#[derive(Clone)]
struct Http {
    one: http1::Builder,
    two: http2::Builder<TokioExecutor>,
}

impl Http {
    fn new(limits: &Limits) -> Self {
        let (mut one, mut two) = (http1::Builder::new(), http2::Builder::new(TokioExecutor::new()));
        one.timer(TokioTimer::new())
            // The progress measures more exactly.
            .header_read_timeout(None)
            .max_header_size(MAX_HEADERS as usize)
            .max_buf_size(READ_AHEAD);
        two.timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADERS)
            .max_pending_accept_reset_streams(RESET_BY_CLIENT)
            .max_local_error_reset_streams(RESET_FOR_MISTAKES)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(limits.idle_timeout / 4)
            .keep_alive_timeout(limits.handshake_timeout);
        Self { one, two }
    }
}

/// One connection to be served.
struct Connection {
    http: Http,
    router: Router,
    limits: Limits,
    shutdown: Shutdown,
}

impl Connection {
    async fn run(self, stream: TcpStream, transport: Transport, slot: Slot) {
        // Only a matter of speed.
        _ = stream.set_nodelay(true);
        let Transport::Tls(acceptor) = transport else { return self.converse(stream, slot, false).await };
        let Some(tls) = acceptor() else { return tracing::debug!("there is no certificate yet") };
        // The limit holds for the whole: a byte now and then does not extend it.
        let shaken = tokio::select! {
            biased;
            shaken = timeout(self.limits.handshake_timeout, tls.accept(stream)) => shaken,
            () = slot.lost() => return tracing::debug!("a connection gave way in its TLS handshake"),
        };
        match shaken {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                slot.stands(Standing::Unproven(Instant::now()));
                self.converse(stream, slot, http2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, slot: Slot, http2: bool) {
        let Self { http, router, limits, shutdown } = self;
        let progress = Arc::new(Progress::new(slot, http2, limits.clone()));
        let requests = Requests::new(router, Arc::clone(&progress), shutdown.draining);
        let stream = TokioIo::new(Observed::new(stream, Arc::clone(&progress)));
        // What was agreed upon is spoken; guessing from the first bytes would wait for them.
        if http2 {
            attend(http.two.serve_connection(stream, requests), &progress, &limits, &shutdown.stop).await;
        } else {
            attend(http.one.serve_connection(stream, requests), &progress, &limits, &shutdown.stop).await;
        }
    }
}

/// Serves a connection until it ends, is to end, takes too long or loses its slot.
async fn attend(
    served: impl GracefulConnection<Error = hyper::Error>,
    progress: &Progress,
    limits: &Limits,
    stop: &CancellationToken,
) {
    let mut served = pin!(served);
    let mut time_is_up = pin!(sleep(limits.idle_timeout));
    let mut leaves = pin!(async {
        stop.cancelled().await;
        _ = timeout(limits.header_timeout, progress.began()).await;
    });
    let mut leaving = false;
    loop {
        tokio::select! {
            // The connection first: an answer that is ready is written, whatever else has happened.
            biased;
            result = served.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(?error, "a connection broke");
                }
                return;
            }
            () = progress.lost() => return tracing::debug!("a connection gave way"),
            why = overdue(progress, time_is_up.as_mut()) => {
                tracing::debug!(?why, "a connection took too long");
                if why == Why::Idle {
                    // The client did nothing wrong, and is told.
                    served.as_mut().graceful_shutdown();
                    tokio::select! {
                        _ = timeout(limits.header_timeout, served) => {}
                        () = progress.lost() => {}
                    }
                }
                return;
            }
            () = leaves.as_mut(), if !leaving => {
                leaving = true;
                progress.leaving();
                served.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Returns when something took too long. It is asked anew whenever the connection has done something: what it did may have
/// made something due earlier. What has become due later is seen when the time is up.
async fn overdue(progress: &Progress, mut time_is_up: Pin<&mut Sleep>) -> Why {
    poll_fn(|context| {
        loop {
            let Some(Due { at, why }) = progress.due() else { return Poll::Pending };
            if at < time_is_up.deadline() || time_is_up.is_elapsed() {
                time_is_up.as_mut().reset(at);
            }
            match time_is_up.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if at <= Instant::now() => return Poll::Ready(why),
                Poll::Ready(()) => {}
            }
        }
    })
    .await
}
