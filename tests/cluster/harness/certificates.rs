//! Certificates for one run: an authority, and what it signs for servers and clients.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// An authority that lives as long as the run.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    /// The authority's own certificate, as a file.
    pub(crate) certificate: PathBuf,
}

impl Authority {
    /// Makes an authority that keeps its files in `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn new(folder: &Path, name: &str) -> Result<Self, String> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, key()?).map_err(text)?;
        let certificate = folder.join(format!("{name}.pem"));
        fs::write(&certificate, issuer.pem()).map_err(text)?;
        Ok(Self { issuer, folder: folder.to_owned(), certificate })
    }

    /// The authority's own certificate in PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a server that is known by these DNS names and addresses.
    ///
    /// # Errors
    /// If a name is none, or a file cannot be written.
    pub(crate) fn server(&self, file: &str, names: &[&str]) -> Result<Pair, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(text)?;
        params.distinguished_name.push(DnType::CommonName, file);
        self.sign(file, params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate by which the API server knows a user and, optionally, a group.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> Result<Pair, String> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        self.sign(&user.replace(':', "-"), params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, file: &str, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Result<Pair, String> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(text)?;
        let pair =
            Pair { certificate: self.folder.join(format!("{file}.pem")), key: self.folder.join(format!("{file}.key")) };
        fs::write(&pair.certificate, certificate.pem()).map_err(text)?;
        fs::write(&pair.key, key.serialize_pem()).map_err(text)?;
        Ok(pair)
    }
}

/// The key pair by which service account tokens are signed and checked: (private, public) files.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn service_account_keys(folder: &Path) -> Result<(PathBuf, PathBuf), String> {
    let pair = key()?;
    let (private, public) = (folder.join("service-accounts.key"), folder.join("service-accounts.pub"));
    fs::write(&private, pair.serialize_pem()).map_err(text)?;
    fs::write(&public, pair.public_key_pem()).map_err(text)?;
    Ok((private, public))
}

fn key() -> Result<KeyPair, String> {
    KeyPair::generate().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    format!("certificates: {error}")
}
