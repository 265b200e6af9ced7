//! Connections written and read byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::process::Process;

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Tls = TlsStream<TcpStream>;

pub(crate) fn config(process: &Process, alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(process.certificate.der.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) async fn tcp(process: &Process) -> TcpStream {
    timeout(PATIENCE, TcpStream::connect(process.gate)).await.unwrap().unwrap()
}

/// A connection after its TLS handshake.
pub(crate) async fn tls(process: &Process, alpn: &[&str]) -> Tls {
    shaken(config(process, alpn), tcp(process).await).await.unwrap()
}

/// A connection whose client has hardly room for what it does not read.
pub(crate) async fn narrow_tcp(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

/// The same after its TLS handshake.
pub(crate) async fn narrow(process: &Process) -> Tls {
    shaken(config(process, &[]), narrow_tcp(process.gate).await).await.unwrap()
}

pub(crate) async fn shaken(config: Arc<ClientConfig>, stream: TcpStream) -> std::io::Result<Tls> {
    let connector = TlsConnector::from(config);
    timeout(PATIENCE, connector.connect("localhost".try_into().unwrap(), stream)).await.unwrap()
}

/// Writes as long as the server takes it; false once it does not any more.
pub(crate) async fn write(stream: &mut (impl tokio::io::AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

/// What the server says until it closes the connection, and how long that took.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> (Vec<u8>, Duration) {
    let started = Instant::now();
    let mut all = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = timeout(PATIENCE, stream.read(&mut piece)).await;
        match read.unwrap_or_else(|_| panic!("not closed after {:?}", String::from_utf8_lossy(&all))) {
            Ok(0) | Err(_) => return (all, started.elapsed()),
            Ok(count) => all.extend_from_slice(&piece[..count]),
        }
    }
}
