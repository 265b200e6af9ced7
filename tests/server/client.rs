//! A client that speaks one protocol over one TLS connection, also byte by byte.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::process::Process;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) enum Client {
    Http1(Box<TlsStream<TcpStream>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// The head of a review over HTTP/1.1, to be followed by a body.
pub(crate) fn request_head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n")
}

impl Client {
    pub(crate) async fn connect(
        process: &Process,
        versions: &[&'static SupportedProtocolVersion],
        http2: bool,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(process.certificate.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The API server offers nothing but HTTP/1.1, and not by ALPN.
        config.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { Vec::new() };
        let stream = TcpStream::connect(process.gate).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let connected = timeout(PATIENCE, connector.connect("localhost".try_into().unwrap(), stream)).await.unwrap();
        let stream = connected.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(versions[0].version));
        if !http2 {
            return Self::Http1(Box::new(stream));
        }
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Http2(sender)
    }

    pub(crate) async fn review(&mut self, path: &str, body: &str) -> (u16, Bytes) {
        self.post(path, "application/json", body.as_bytes().to_vec()).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> (u16, Bytes) {
        self.send(Method::GET, path, "application/json", Vec::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Bytes) {
        self.send(Method::POST, path, content_type, body).await
    }

    async fn send(&mut self, method: Method, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Bytes) {
        match self {
            Self::Http1(_) => {
                let head = format!(
                    "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                self.write(head.as_bytes()).await;
                self.write(&body).await;
                self.raw_response().await
            }
            Self::Http2(sender) => {
                let request = Request::builder()
                    .method(method)
                    .uri(format!("https://localhost{path}"))
                    .header("content-type", content_type)
                    .body(Full::from(body))
                    .unwrap();
                let response = timeout(PATIENCE, sender.send_request(request)).await.unwrap().unwrap();
                let status = response.status().as_u16();
                (status, response.into_body().collect().await.unwrap().to_bytes())
            }
        }
    }

    fn stream(&mut self) -> &mut TlsStream<TcpStream> {
        match self {
            Self::Http1(stream) => stream,
            Self::Http2(_) => panic!("HTTP/2 is not written by hand"),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // A server that has seen enough may close while more is being written; the response tells.
        if self.stream().write_all(bytes).await.is_ok() {
            _ = self.stream().flush().await;
        }
    }

    pub(crate) async fn raw_status(&mut self) -> u16 {
        self.raw_response().await.0
    }

    /// Reads one response of HTTP/1.1 that has a length.
    pub(crate) async fn raw_response(&mut self) -> (u16, Bytes) {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
                let length: usize =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, Bytes::copy_from_slice(&bytes[end + 4..]));
                }
            }
            let mut piece = [0; 16 * 1024];
            let count = timeout(PATIENCE, self.stream().read(&mut piece)).await.unwrap().unwrap();
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&piece[..count]);
        }
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        match self {
            Self::Http1(stream) => !matches!(timeout(PATIENCE, stream.read(&mut [0; 64])).await, Err(_) | Ok(Ok(1..))),
            Self::Http2(sender) => timeout(PATIENCE, async {
                while sender.ready().await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            })
            .await
            .is_ok(),
        }
    }
}
