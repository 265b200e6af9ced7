//! The server itself: HTTP over TLS, for an API server that shows a certificate, which is not asked for.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::super::certificates::Pair;
use super::answer::{Request, answer};
use super::{Answer, State, locked};

type Body = BoxBody<Bytes, std::io::Error>;

/// Serves on a free port until the runtime is dropped.
///
/// # Errors
/// If there is no port, or the certificate is none.
pub(super) fn start(pair: &Pair, state: Arc<Mutex<State>>) -> Result<(Runtime, u16), String> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(pair)?));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    listener.set_nonblocking(true).map_err(text)?;
    let port = listener.local_addr().map_err(text)?.port();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(text)?;
    runtime.spawn(async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        // A connection that fails is the client's to make again.
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request| respond(request, &state));
                _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok((runtime, port))
}

fn tls(pair: &Pair) -> Result<ServerConfig, String> {
    let certificate = CertificateDer::from_pem_file(&pair.certificate).map_err(text)?;
    let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(text)?;
    ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(text)
}

async fn respond(request: hyper::Request<Incoming>, state: &Mutex<State>) -> Result<hyper::Response<Body>, Infallible> {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    // Neither the groups' own paths nor a schema is served, and need not be.
    let Some(request) = Request::read(path, query) else { return Ok(response(404, "text/plain", full("not found"))) };
    let (how, (status, values)) = {
        let mut state = locked(state);
        let values = answer(&request, &state);
        if request.is_discovery() {
            (Answer::Values, values)
        } else {
            let asked = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
            state.asked.push((request.namespace.to_owned(), asked));
            (state.answers.get(request.namespace).cloned().unwrap_or(Answer::Values), values)
        }
    };
    let values = values.to_string();
    Ok(match how {
        Answer::Values => response(status, "application/json", full(values)),
        Answer::Late(by) => {
            tokio::time::sleep(by).await;
            response(status, "application/json", full(values))
        }
        Answer::Cut => {
            let half = values.len() / 2;
            response(status, "application/json", cut(Bytes::from(values).slice(..half)))
        }
        Answer::Instead { status, content_type, body, headers } => {
            let mut response = response(status, content_type, full(body));
            for (name, value) in headers {
                if let Ok(value) = value.parse() {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
    })
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed()
}

/// This, and then nothing but the end of the connection.
fn cut(text: Bytes) -> Body {
    let ends = async {
        // What came before has to be sent first.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err(std::io::Error::other("the answer ends here"))
    };
    let frames = futures::stream::iter([Ok(Frame::data(text))]).chain(futures::stream::once(ends));
    BodyExt::boxed(StreamBody::new(frames))
}

fn response(status: u16, content_type: &str, body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(body);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = content_type.parse() {
        response.headers_mut().insert("content-type", content_type);
    }
    response
}

fn text(error: impl std::fmt::Display) -> String {
    format!("metrics of tests: {error}")
}
