//! What there is to be held against: servers of axum and rustls that judge nothing. They are processes of their own, started from
//! this same program.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::post;
use beamlit_operator::gate::tls::Serving;
use beamlit_operator::gate::tls::files::Files;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::HandshakeKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a floor does with a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Floor {
    /// Reads the bytes and sends an answer that was made before.
    Fixed,
    /// Parses them into a generic tree, and answers under the uid that is in it.
    Parsing,
}

type Response = Result<([(HeaderName, &'static str); 1], Bytes), StatusCode>;

fn json(body: impl Into<Bytes>) -> Response {
    Ok(([(CONTENT_TYPE, "application/json")], body.into()))
}

fn admission(uid: &Value) -> Vec<u8> {
    let response = json!({ "uid": uid, "allowed": true });
    json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response }).to_string().into()
}

async fn parsing(body: Bytes) -> Response {
    let review: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    json(admission(review.pointer("/request/uid").ok_or(StatusCode::BAD_REQUEST)?))
}

/// Serves until the process is ended. TLS is that of the operator.
///
/// # Errors
/// If it cannot start.
pub(crate) fn serve(floor: Floor, review: &Path, certificate: &Path, key: &Path) -> Result<(), String> {
    let router = match floor {
        Floor::Parsing => Router::new().route("/validate", post(parsing)),
        Floor::Fixed => {
            let review = std::fs::read(review).map_err(|error| error.to_string())?;
            let review: Value = serde_json::from_slice(&review).map_err(|error| error.to_string())?;
            let answer = Bytes::from(admission(review.pointer("/request/uid").ok_or("there is no uid in the review")?));
            let fixed = async move |_: Bytes| json(answer.clone());
            Router::new().route("/validate", post(fixed))
        }
    };
    let serving = Serving::new(Arc::default());
    let name = "localhost".try_into().map_err(|_| "localhost is no name")?;
    let files = Files { certificate: certificate.to_owned(), key: key.to_owned(), name };
    files.load(&serving).map_err(|error| error.to_string())?;
    let acceptor = serving.acceptor().ok_or("there is no certificate")?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(listen(router, acceptor)).map_err(|error| error.to_string())
}

async fn listen(router: Router, tls: TlsAcceptor) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening gate={}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            _ = stream.set_nodelay(true);
            let Ok(stream) = tls.accept(stream).await else { return };
            if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                // Counted by lines: what is logged otherwise is the address alone.
                eprintln!("resumed");
            }
            _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
