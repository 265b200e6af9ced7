//! Over TLS: who is trusted, and who is not.

use std::sync::Arc;

use beamlit_operator::controller::beamlit::{Credentials, Error, Settings};
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::common::{client_of, key};

const ANSWER: &[u8] =
    b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 26\r\nconnection: close\r\n\r\n{\"error\":\"invalid_client\"}";

#[tokio::test]
async fn only_who_a_known_authority_vouches_for_is_told_who_we_are() {
    let key_pair = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key_pair).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key_pair.serialize_der()));
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let acceptor = TlsAcceptor::from(Arc::new(server.with_no_client_auth().with_single_cert(chain, private).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                _ = stream.read(&mut [0; 4096]).await;
                _ = stream.write_all(ANSWER).await;
                _ = stream.shutdown().await;
            });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    std::fs::write(&file, certificate.pem()).unwrap();
    let mut settings = Settings::new(Credentials::of("me", "secret").unwrap()).unwrap();
    settings.pace.retries = 0;
    // The certificate is for the name, and for no address.
    for (host, ca_file, refused) in [
        ("localhost", Some(file.clone()), Error::CredentialsRefused("invalid_client".to_owned())),
        ("localhost", None, Error::Unreachable("invalid peer certificate".to_owned())),
        ("127.0.0.1", Some(file), Error::Unreachable("invalid peer certificate".to_owned())),
    ] {
        settings.base = format!("https://{host}:{port}/v0").parse().unwrap();
        settings.ca_file = ca_file;
        let error = client_of(settings.clone()).0.get(&key()).await.unwrap_err();
        assert!(error.to_string().starts_with(&refused.to_string()), "{host}: {error}");
    }
}
