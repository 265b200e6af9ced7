//! Client certificates: who may send reviews at all. With this, only the API server is answered.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::pair::{PairError, Source, certificates};

/// Takes clients with a certificate of one of these authorities that has one of these names, as its common name or as a DNS
/// name; without names, any of them.
///
/// # Errors
/// If there is no authority in PEM.
pub(super) fn verifier(
    authorities: Source<'_>,
    names: Vec<String>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, PairError> {
    let fault = |fault: String| PairError::Content { place: authorities.place.to_owned(), fault };
    let mut roots = RootCertStore::empty();
    for (index, authority) in certificates(authorities)?.into_iter().enumerate() {
        roots.add(authority).map_err(|_| fault(format!("certificate {} cannot be an authority", index + 1)))?;
    }
    let signed = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| fault(error.to_string()))?;
    Ok(if names.is_empty() { signed } else { Arc::new(Named { signed, names }) })
}

/// Takes of what an authority signed only what has one of some names: a cluster's own CA signs for every node and user.
struct Named {
    signed: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Named {
    fn has_name(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
        let wanted = |name: &str| self.names.iter().any(|wanted| wanted == name);
        let common = parsed.subject().iter_common_name().any(|name| name.as_str().is_ok_and(wanted));
        let alternative = parsed.subject_alternative_name().ok().flatten().is_some_and(|names| {
            names.value.general_names.iter().any(|name| matches!(name, GeneralName::DNSName(name) if wanted(name)))
        });
        common || alternative
    }
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.signed.verify_client_cert(end_entity, intermediates, now)?;
        if self.has_name(end_entity) {
            Ok(verified)
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};

    use super::super::provider;
    use super::*;

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn client(authority: &CertifiedIssuer<'static, KeyPair>, common: &str, dns: &[&str]) -> CertificateDer<'static> {
        let dns: Vec<String> = dns.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.signed_by(&KeyPair::generate().unwrap(), authority).unwrap().der().clone()
    }

    #[test]
    fn only_the_named_ones_of_the_authority_are_taken() {
        let (ours, theirs) = (authority(), authority());
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        let takes = |names: &[&str], certificate: &CertificateDer<'_>| {
            let pem = ours.pem();
            let source = Source { place: "ca.crt", pem: pem.as_bytes() };
            let names = names.iter().map(|&name| name.to_owned()).collect();
            verifier(source, names, &Arc::new(provider())).unwrap().verify_client_cert(certificate, &[], now).is_ok()
        };
        let by_common = client(&ours, "kube-apiserver", &[]);
        let by_dns = client(&ours, "somebody", &["kube-apiserver"]);
        let other = client(&ours, "node", &["node.local"]);
        let forged = client(&theirs, "kube-apiserver", &[]);
        for (certificate, without_names, with_name) in
            [(&by_common, true, true), (&by_dns, true, true), (&other, true, false), (&forged, false, false)]
        {
            assert_eq!(takes(&[], certificate), without_names);
            assert_eq!(takes(&["kube-apiserver", "another"], certificate), with_name);
        }
    }

    #[test]
    fn a_file_without_an_authority_is_at_fault() {
        let source = Source { place: "ca.crt", pem: b"" };
        let error = verifier(source, Vec::new(), &Arc::new(provider())).unwrap_err();
        assert_eq!(error.to_string(), "ca.crt: is empty, and should hold a certificate");
    }
}
