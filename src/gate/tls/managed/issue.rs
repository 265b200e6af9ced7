//! Makes authorities and leaves.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::stored::{Authority, Signer};
use crate::gate::tls::pair::moment;

/// The most by which a certificate starts before it is made: for clocks that are behind ours.
const BACKDATED: Duration = Duration::HOUR;

/// From when to when a certificate made now is valid.
fn validity(now: OffsetDateTime, lifetime: Duration) -> (OffsetDateTime, OffsetDateTime) {
    (now - BACKDATED.min(lifetime / 10), now + lifetime)
}

/// A new authority with its key in PEM. It can sign for servers and nothing else.
///
/// # Errors
/// If the cryptography fails.
pub(super) fn authority(now: OffsetDateTime, lifetime: Duration) -> Result<(Signer, String), Error> {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = validity(now, lifetime);
    // Each has a name of its own, so that people can tell them apart in a bundle.
    params.distinguished_name.push(DnType::CommonName, format!("beamlit-operator webhook CA {}", moment(now)));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let der = issuer.der().clone();
    let key = issuer.key().serialize_pem();
    let signing = rcgen::Issuer::from_ca_cert_der(&der, KeyPair::from_pem(&key)?)?;
    let authority = Authority::read(der).ok_or(Error::CouldNotParseCertificate)?;
    Ok((Signer { authority, issuer: signing }, key))
}

/// A new leaf for these DNS names and its key, both in PEM. It does not outlive its authority.
///
/// # Errors
/// If a name is none, or the cryptography fails.
pub(super) fn leaf(
    signer: &Signer,
    names: &[String],
    now: OffsetDateTime,
    lifetime: Duration,
) -> Result<(String, String), Error> {
    let mut params = CertificateParams::new(names)?;
    let (not_before, not_after) = validity(now, lifetime);
    params.not_before = not_before.max(signer.authority.not_before);
    params.not_after = not_after.min(signer.authority.not_after);
    params.distinguished_name.push(DnType::CommonName, "beamlit-operator webhook");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, &signer.issuer)?.pem(), key.serialize_pem()))
}
