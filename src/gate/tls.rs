//! The gate's certificate and key, from PEM files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, ServerConfig, crypto, version};

/// Why there is no TLS. Names the file, and shows nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{}: cannot read the {what}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// The file holds something else.
    #[error("{}: {fault}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The key belongs to another certificate.
    #[error("{}: the key does not belong to the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// The cryptography refuses what is asked of it.
    #[error("TLS cannot be set up: {0}")]
    Setup(Error),
}

/// TLS 1.2 and 1.3 with the certificate chain and the key of these files, offering HTTP/2 and HTTP/1.1.
///
/// # Errors
/// If a file is missing, is empty or holds something else, or if key and certificate do not belong together.
pub fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let content = |path: &Path, fault: &str| TlsError::Content { path: path.to_owned(), fault: fault.to_owned() };
    let chain = chain(certificate)?;
    let certified = match CertifiedKey::from_der(chain, private_key(key)?, &provider) {
        Ok(certified) => certified,
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            return Err(TlsError::Mismatch { key: key.to_owned(), certificate: certificate.to_owned() });
        }
        Err(Error::InvalidCertificate(_)) => {
            return Err(content(certificate, "the first certificate is not a valid one"));
        }
        Err(_) => return Err(content(key, "the private key is of no kind that TLS can use here")),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(TlsError::Setup)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // API servers keep no sessions to resume: tickets would be made, encrypted and stored for nobody. And whoever connects
    // proves anew who it is.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let sections = sections(path, "certificate")?;
    let found = sections.iter().map(|(kind, _)| *kind).next();
    let chain: Vec<_> = sections
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| CertificateDer::from(der))
        .collect();
    if chain.is_empty() { Err(lacks(path, "CERTIFICATE", found)) } else { Ok(chain) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let sections = sections(path, "private key")?;
    let found = sections.iter().map(|(kind, _)| *kind).next();
    sections
        .into_iter()
        .find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der))
        .ok_or_else(|| lacks(path, "PRIVATE KEY", found))
}

fn sections(path: &Path, what: &'static str) -> Result<Vec<(SectionKind, Vec<u8>)>, TlsError> {
    let pem = std::fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), what, error })?;
    if pem.is_empty() {
        return Err(TlsError::Content {
            path: path.to_owned(),
            fault: format!("the file is empty, and should hold a {what}"),
        });
    }
    // The reader's own errors quote the line, which may be one of a key.
    <(SectionKind, Vec<u8>)>::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::Content { path: path.to_owned(), fault: "the file is not well-formed PEM".to_owned() })
}

fn lacks(path: &Path, wanted: &str, found: Option<SectionKind>) -> TlsError {
    let instead = match found {
        None => "",
        Some(SectionKind::Certificate) => ", but a CERTIFICATE",
        Some(SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey) => ", but a PRIVATE KEY",
        Some(SectionKind::Csr) => ", but a CERTIFICATE REQUEST",
        Some(_) => ", but something else",
    };
    TlsError::Content { path: path.to_owned(), fault: format!("there is no {wanted} in PEM in it{instead}") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn fault(&self, certificate: &str, key: &str) -> String {
            let error = server_config(&self.path(certificate), &self.path(key)).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
            error.replace(&format!("{}/", self.0.path().display()), "")
        }
    }

    fn files() -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        for name in ["a", "b"] {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            fs::write(files.path(&format!("{name}.crt")), made.cert.pem()).unwrap();
            fs::write(files.path(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(files.path(name)).unwrap();
        fs::write(files.path("both.pem"), read("a.key") + &read("a.crt") + &read("b.crt")).unwrap();
        fs::write(files.path("cut.pem"), &read("a.key")[..80]).unwrap();
        fs::write(files.path("empty"), "").unwrap();
        fs::write(files.path("text"), "no PEM at all").unwrap();
        let label = "PRIVATE KEY";
        fs::write(files.path("hollow.key"), format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")).unwrap();
        fs::write(files.path("hollow.crt"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        files
    }

    #[test]
    fn a_pair_is_taken_also_from_one_file_and_with_a_chain() {
        let files = files();
        let config = server_config(&files.path("a.crt"), &files.path("a.key")).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        server_config(&files.path("both.pem"), &files.path("both.pem")).unwrap();
    }

    #[test]
    fn no_session_is_kept_to_be_resumed() {
        let files = files();
        let config = server_config(&files.path("a.crt"), &files.path("a.key")).unwrap();
        assert_eq!(config.send_tls13_tickets, 0);
        assert!(!config.session_storage.can_cache() && !config.ticketer.enabled());
    }

    #[test]
    fn every_fault_names_its_file_and_shows_nothing_of_it() {
        let files = files();
        for (certificate, key, fault) in [
            ("none.crt", "a.key", "none.crt: cannot read the certificate: No such file or directory (os error 2)"),
            ("a.crt", "none.key", "none.key: cannot read the private key: No such file or directory (os error 2)"),
            ("empty", "a.key", "empty: the file is empty, and should hold a certificate"),
            ("a.crt", "empty", "empty: the file is empty, and should hold a private key"),
            ("text", "a.key", "text: there is no CERTIFICATE in PEM in it"),
            ("a.key", "a.key", "a.key: there is no CERTIFICATE in PEM in it, but a PRIVATE KEY"),
            ("a.crt", "a.crt", "a.crt: there is no PRIVATE KEY in PEM in it, but a CERTIFICATE"),
            ("a.crt", "b.key", "b.key: the key does not belong to the certificate in a.crt"),
            ("a.crt", "cut.pem", "cut.pem: the file is not well-formed PEM"),
            ("a.crt", "hollow.key", "hollow.key: the private key is of no kind that TLS can use here"),
            ("hollow.crt", "a.key", "hollow.crt: the first certificate is not a valid one"),
        ] {
            assert_eq!(files.fault(certificate, key), fault);
        }
    }
}
