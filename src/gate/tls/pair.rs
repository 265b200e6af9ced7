//! A certificate chain and its key: read from PEM, and judged before anybody is shown them.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::files::Unreadable;

/// Text in PEM, and where it came from, for messages.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// A path, or the key of a Secret.
    pub(super) place: &'a str,
    pub(super) pem: &'a [u8],
}

/// Why a pair is not served. Names the place, and shows nothing of what stands there but names and times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It holds something else.
    #[error("{place}: {fault}")]
    Content {
        /// The place.
        place: String,
        /// What is wrong with it.
        fault: String,
    },
    /// The key belongs to another certificate.
    #[error("{key}: the key does not belong to the {}certificate in {certificate}", if *.chain { "first " } else { "" })]
    Mismatch {
        /// The place of the key.
        key: String,
        /// The place of the certificate.
        certificate: String,
        /// Whether there are others behind it.
        chain: bool,
    },
    /// The API server would not take the certificate for the webhook's.
    #[error("{place}: the certificate is not for {wanted}, by which the API server calls, but for {names}")]
    Name {
        /// The place of the certificate.
        place: String,
        /// The name it should have.
        wanted: String,
        /// The names it has.
        names: String,
    },
    /// Its time is over, or has not come.
    #[error("{place}: the certificate {} {}", if *.over { "expired at" } else { "is not valid before" }, moment(*.at))]
    Time {
        /// The place of the certificate.
        place: String,
        /// Whether its time is over.
        over: bool,
        /// When it was, or will come.
        at: OffsetDateTime,
    },
}

/// A moment for people, to the second.
pub(super) fn moment(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// A chain and its key that belong together, for the right name, at the right time.
#[derive(Clone)]
pub struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// From when every certificate of the chain is valid.
    pub(super) not_before: OffsetDateTime,
    /// Until when every certificate of the chain is valid.
    pub(super) not_after: OffsetDateTime,
}

/// Never the key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("not_before", &self.not_before).field("not_after", &self.not_after).finish()
    }
}

impl Pair {
    /// Reads a chain and a key, and judges them.
    ///
    /// # Errors
    /// If either is empty or holds something else, if they do not belong together, if the certificate does not have this
    /// name, is not for servers, or is not valid now.
    pub(super) fn read(
        certificate: Source<'_>,
        key: Source<'_>,
        name: &ServerName<'_>,
        now: OffsetDateTime,
        provider: &CryptoProvider,
    ) -> Result<Self, PairError> {
        let content = |source: Source<'_>, fault: &str| content(source.place, fault.to_owned());
        let chain = certificates(certificate)?;
        let others = chain.len() > 1;
        let invalid = "the first certificate is not a valid one";
        let certified = match CertifiedKey::from_der(chain, private_key(key)?, provider) {
            Ok(certified) => certified,
            Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                return Err(PairError::Mismatch {
                    key: key.place.to_owned(),
                    certificate: certificate.place.to_owned(),
                    chain: others,
                });
            }
            Err(Error::InvalidCertificate(_)) => return Err(content(certificate, invalid)),
            Err(_) => return Err(content(key, "the private key is of no kind that TLS can use here")),
        };
        let leaf = certified.end_entity_cert().map_err(|_| content(certificate, invalid))?;
        named(leaf, name, certificate.place)?;
        let (not_before, not_after) = validity(&certified.cert, certificate.place)?;
        let pair = Self { certified: Arc::new(certified), not_before, not_after };
        pair.valid_at(now, certificate.place).map(|()| pair)
    }

    /// Whether the time of the chain has come and is not over.
    ///
    /// # Errors
    /// If it is.
    pub(super) fn valid_at(&self, now: OffsetDateTime, place: &str) -> Result<(), PairError> {
        let time = |over, at| Err(PairError::Time { place: place.to_owned(), over, at });
        if now > self.not_after {
            time(true, self.not_after)
        } else if now < self.not_before {
            time(false, self.not_before)
        } else {
            Ok(())
        }
    }

    /// Whether this is the same chain, for the same key.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

/// What stands in the label or in the first lines of a key with a passphrase, and in no other PEM.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn content(place: &str, fault: String) -> PairError {
    PairError::Content { place: place.to_owned(), fault }
}

/// The times in which every certificate of a chain is valid.
fn validity(chain: &[CertificateDer<'_>], place: &str) -> Result<(OffsetDateTime, OffsetDateTime), PairError> {
    let (mut from, mut until) = (OffsetDateTime::UNIX_EPOCH, None);
    for (index, certificate) in chain.iter().enumerate() {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| content(place, format!("certificate {} of the chain is not a valid one", index + 1)))?;
        let (start, end) = (parsed.validity().not_before.to_datetime(), parsed.validity().not_after.to_datetime());
        from = from.max(start);
        until = Some(until.map_or(end, |until: OffsetDateTime| until.min(end)));
    }
    Ok((from, until.unwrap_or(from)))
}

/// Whether a client that calls this name takes the certificate, as Go's TLS does.
fn named(leaf: &CertificateDer<'_>, name: &ServerName<'_>, place: &str) -> Result<(), PairError> {
    let invalid = |_| content(place, "the first certificate is not a valid one".to_owned());
    let end_entity = EndEntityCert::try_from(leaf).map_err(|_| invalid(()))?;
    if end_entity.verify_is_valid_for_subject_name(name).is_err() {
        let names: Vec<&str> = end_entity.valid_dns_names().collect();
        let names =
            if names.is_empty() { "no DNS name (the common name does not count)".to_owned() } else { names.join(", ") };
        return Err(PairError::Name { place: place.to_owned(), wanted: name.to_str().into_owned(), names });
    }
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| invalid(()))?;
    match parsed.extended_key_usage() {
        Ok(Some(usage)) if !usage.value.server_auth && !usage.value.any => {
            Err(content(place, "the certificate is not for servers (extendedKeyUsage lacks serverAuth)".to_owned()))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(invalid(())),
    }
}

/// Every certificate in a PEM text, in its order; at least one.
///
/// # Errors
/// If the text is empty, is no PEM or holds no certificate.
pub(super) fn certificates(source: Source<'_>) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let sections = sections(source, "certificate")?;
    let found = sections.iter().map(|(kind, _)| *kind).next();
    let chain: Vec<_> = sections
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| CertificateDer::from(der))
        .collect();
    if chain.is_empty() { Err(lacks(source, "CERTIFICATE", found)) } else { Ok(chain) }
}

fn private_key(source: Source<'_>) -> Result<PrivateKeyDer<'static>, PairError> {
    let sections = sections(source, "private key")?;
    let found = sections.iter().map(|(kind, _)| *kind).next();
    sections
        .into_iter()
        .find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der))
        .ok_or_else(|| lacks(source, "PRIVATE KEY", found))
}

fn sections(source: Source<'_>, what: &str) -> Result<Vec<(SectionKind, Vec<u8>)>, PairError> {
    if source.pem.is_empty() {
        return Err(content(source.place, format!("is empty, and should hold a {what}")));
    }
    if source.pem.windows(ENCRYPTED.len()).any(|text| text == ENCRYPTED) {
        return Err(content(source.place, "the key is encrypted; it must be without a passphrase".to_owned()));
    }
    // Some editors begin a text with a byte order mark.
    let pem = source.pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source.pem);
    // The reader's own errors quote the line, which may be one of a key.
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| content(source.place, "is not well-formed PEM".to_owned()))
}

fn lacks(source: Source<'_>, wanted: &str, found: Option<SectionKind>) -> PairError {
    let instead = match found {
        None => "",
        Some(SectionKind::Certificate) => ", but a CERTIFICATE",
        Some(SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey) => ", but a PRIVATE KEY",
        Some(SectionKind::Csr) => ", but a CERTIFICATE REQUEST",
        Some(_) => ", but something else",
    };
    content(source.place, format!("there is no {wanted} in PEM in it{instead}"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
    use rustls::crypto::aws_lc_rs::default_provider;
    use time::Duration;

    use super::*;

    const NAME: &str = "hook.ns.svc";

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    /// A self-signed certificate and its key in PEM.
    fn made(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.not_before = now() - Duration::HOUR;
        params.not_after = now() + Duration::HOUR;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(certificate: &str, key: &str) -> Result<Pair, PairError> {
        let source = |place, pem: &str| (place, pem.as_bytes().to_vec());
        let (certificate, key) = (source("tls.crt", certificate), source("tls.key", key));
        Pair::read(
            Source { place: certificate.0, pem: &certificate.1 },
            Source { place: key.0, pem: &key.1 },
            &NAME.try_into().unwrap(),
            now(),
            &default_provider(),
        )
    }

    fn fault(certificate: &str, key: &str) -> String {
        let error = read(certificate, key).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    }

    #[test]
    fn a_pair_is_taken_also_from_one_text_and_with_a_chain() {
        let (certificate, key) = made(|_| {});
        let (other, _) = made(|params| params.not_after = now() + Duration::MINUTE);
        let pair = read(&certificate, &key).unwrap();
        assert_eq!(pair.not_after, now() + Duration::HOUR);
        let all = format!("{key}{certificate}{other}");
        let pair = read(&all, &all).unwrap();
        assert_eq!(pair.certified.cert.len(), 2);
        assert_eq!(pair.not_after, now() + Duration::MINUTE, "a chain is as good as its shortest certificate");
        assert!(!format!("{pair:?}").contains("key"));
        read(&format!("\u{feff}{certificate}"), &format!("\u{feff}{key}")).unwrap();
    }

    #[test]
    fn every_fault_names_its_place_and_shows_nothing_of_it() {
        let (certificate, key) = made(|_| {});
        let (_, other) = made(|_| {});
        let label = "PRIVATE KEY";
        let hollow_key = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        let hollow = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (certificate, key, expected) in [
            ("", key.as_str(), "tls.crt: is empty, and should hold a certificate"),
            (&certificate, "", "tls.key: is empty, and should hold a private key"),
            ("no PEM at all", &key, "tls.crt: there is no CERTIFICATE in PEM in it"),
            (&key, &key, "tls.crt: there is no CERTIFICATE in PEM in it, but a PRIVATE KEY"),
            (&certificate, &certificate, "tls.key: there is no PRIVATE KEY in PEM in it, but a CERTIFICATE"),
            (&certificate, &other, "tls.key: the key does not belong to the certificate in tls.crt"),
            (&certificate, &key[..80], "tls.key: is not well-formed PEM"),
            (&certificate[..200], &key, "tls.crt: is not well-formed PEM"),
            (&certificate, &hollow_key, "tls.key: the private key is of no kind that TLS can use here"),
            (
                &certificate,
                &key.replace("BEGIN ", "BEGIN ENCRYPTED "),
                "tls.key: the key is encrypted; it must be without a passphrase",
            ),
            (
                &format!("{certificate}{certificate}"),
                &other,
                "tls.key: the key does not belong to the first certificate in tls.crt",
            ),
            (hollow, &key, "tls.crt: the first certificate is not a valid one"),
            (&format!("{certificate}{hollow}"), &key, "tls.crt: certificate 2 of the chain is not a valid one"),
        ] {
            assert_eq!(fault(certificate, key), expected);
        }
    }

    #[test]
    fn the_name_and_the_time_and_the_usage_must_fit() {
        let of = |change: fn(&mut CertificateParams)| {
            let (certificate, key) = made(change);
            fault(&certificate, &key)
        };
        let names = |names: &[&str]| {
            let params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
            let key = KeyPair::generate().unwrap();
            fault(&params.self_signed(&key).unwrap().pem(), &key.serialize_pem())
        };
        assert_eq!(
            names(&["hook.other.svc", "localhost"]),
            "tls.crt: the certificate is not for hook.ns.svc, by which the API server calls, but for hook.other.svc, localhost"
        );
        assert_eq!(
            names(&[]),
            "tls.crt: the certificate is not for hook.ns.svc, by which the API server calls, but for no DNS name (the common name does not count)"
        );
        assert_eq!(
            of(|params| params.not_after = now() - Duration::SECOND),
            "tls.crt: the certificate expired at 2027-01-15T07:59:59Z"
        );
        assert_eq!(
            of(|params| params.not_before = now() + Duration::SECOND),
            "tls.crt: the certificate is not valid before 2027-01-15T08:00:01Z"
        );
        assert_eq!(
            of(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "tls.crt: the certificate is not for servers (extendedKeyUsage lacks serverAuth)"
        );
        let (certificate, key) = made(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]);
        read(&certificate, &key).unwrap();
    }
}
