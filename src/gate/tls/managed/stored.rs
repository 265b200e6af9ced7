//! What stands in the Secret that all replicas share, as it is written and as it is understood.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use rcgen::{Issuer, KeyPair, PublicKeyData as _};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::gate::tls::pair::{Pair, Source, certificates, moment};

/// The leaf and its key, under the names that a Secret of type `kubernetes.io/tls` must have.
const LEAF: &str = "tls.crt";
const LEAF_KEY: &str = "tls.key";

/// Every authority that is to be trusted: the one that signs, the one that will, and those that did.
const AUTHORITIES: &str = "ca.crt";

/// The key of the authority that signs.
const AUTHORITY_KEY: &str = "ca.key";

/// The key of the authority that will sign next, while it is being announced.
const NEXT_KEY: &str = "next-ca.key";

/// Every key of the Secret that is ours.
pub(super) const KEYS: [&str; 5] = [LEAF, LEAF_KEY, AUTHORITIES, AUTHORITY_KEY, NEXT_KEY];

/// The content of the Secret. Empty texts where something is missing.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) leaf: String,
    pub(super) leaf_key: String,
    pub(super) authorities: String,
    pub(super) authority_key: String,
    pub(super) next_key: String,
}

/// Never a key.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("leaf", &self.leaf)
            .field("authorities", &self.authorities)
            .finish_non_exhaustive()
    }
}

impl Stored {
    /// Reads the data of a Secret. What is no text counts as missing.
    pub(super) fn from_data(data: &BTreeMap<String, ByteString>) -> Self {
        let text = |key: &str| {
            data.get(key).and_then(|bytes| std::str::from_utf8(&bytes.0).ok()).unwrap_or_default().to_owned()
        };
        Self {
            leaf: text(LEAF),
            leaf_key: text(LEAF_KEY),
            authorities: text(AUTHORITIES),
            authority_key: text(AUTHORITY_KEY),
            next_key: text(NEXT_KEY),
        }
    }

    /// The data of the Secret.
    pub(super) fn data(&self) -> BTreeMap<String, ByteString> {
        let Self { leaf, leaf_key, authorities, authority_key, next_key } = self;
        KEYS.into_iter()
            .zip([leaf, leaf_key, authorities, authority_key, next_key])
            .filter(|(key, text)| *key != NEXT_KEY || !text.is_empty())
            .map(|(key, text)| (key.to_owned(), ByteString(text.clone().into_bytes())))
            .collect()
    }
}

/// A certificate that is to be trusted.
#[derive(Clone)]
pub(super) struct Authority {
    pub(super) der: CertificateDer<'static>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Authority {
    pub(super) fn read(der: CertificateDer<'static>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let valid = parsed.validity();
        let (not_before, not_after) = (valid.not_before.to_datetime(), valid.not_after.to_datetime());
        parsed.is_ca().then_some(())?;
        Some(Self { der, not_before, not_after })
    }

    pub(super) fn valid_at(&self, now: OffsetDateTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    fn belongs_to(&self, key: &KeyPair) -> bool {
        X509Certificate::from_der(&self.der)
            .is_ok_and(|(_, parsed)| parsed.public_key().raw == key.subject_public_key_info().as_slice())
    }
}

/// An authority that signs, with its key.
pub(super) struct Signer {
    pub(super) authority: Authority,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

/// What the content of a Secret amounts to.
pub(super) struct Understood {
    /// The authority that signs, or why none can.
    pub(super) signer: Result<Signer, String>,
    /// The authority that will sign next.
    pub(super) next: Option<Signer>,
    /// The leaf and its key, or why they are of no use.
    pub(super) pair: Result<Pair, String>,
    /// The authorities that are valid, each once, in their order.
    pub(super) trusted: Vec<Authority>,
    /// Whether there are others beside them.
    pub(super) outdated: bool,
}

impl Stored {
    /// Judges the content at this moment. `place` names the Secret in messages.
    pub(super) fn understand(
        &self,
        place: &str,
        name: &ServerName<'_>,
        now: OffsetDateTime,
        provider: &CryptoProvider,
    ) -> Understood {
        let source = |key: &str| format!("{key} in {place}");
        let (leaf, leaf_key, authorities) = (source(LEAF), source(LEAF_KEY), source(AUTHORITIES));
        let listed = certificates(Source { place: &authorities, pem: self.authorities.as_bytes() });
        let mut all: Vec<Authority> = Vec::new();
        for authority in listed.iter().flatten().cloned().filter_map(Authority::read) {
            if !all.iter().any(|known| known.der == authority.der) {
                all.push(authority);
            }
        }
        let trusted: Vec<Authority> = all.iter().filter(|authority| authority.valid_at(now)).cloned().collect();
        let signer = match &listed {
            Err(error) => Err(error.to_string()),
            Ok(_) => signer(&self.authority_key, &source(AUTHORITY_KEY), &all, now),
        };
        let next = signer_if_any(&self.next_key, &source(NEXT_KEY), &all, now);
        let pair = Pair::read(
            Source { place: &leaf, pem: self.leaf.as_bytes() },
            Source { place: &leaf_key, pem: self.leaf_key.as_bytes() },
            name,
            now,
            provider,
        )
        .map_err(|error| error.to_string())
        .and_then(|pair| trusts(&trusted, &pair, now, provider).map(|()| pair).map_err(|why| format!("{leaf}: {why}")));
        let outdated = listed.map_or(0, |listed| listed.len()) > trusted.len();
        Understood { signer, next, pair, trusted, outdated }
    }
}

fn signer_if_any(key: &str, place: &str, authorities: &[Authority], now: OffsetDateTime) -> Option<Signer> {
    if key.is_empty() { None } else { signer(key, place, authorities, now).ok() }
}

fn signer(pem: &str, place: &str, authorities: &[Authority], now: OffsetDateTime) -> Result<Signer, String> {
    if pem.is_empty() {
        return Err(format!("{place}: is missing"));
    }
    // The error could quote the key.
    let key = KeyPair::from_pem(pem).map_err(|_| format!("{place}: is no private key"))?;
    let authority = authorities
        .iter()
        .find(|authority| authority.belongs_to(&key))
        .ok_or_else(|| format!("{place}: belongs to none of the authorities in {AUTHORITIES}"))?;
    if !authority.valid_at(now) {
        let (from, until) = (moment(authority.not_before), moment(authority.not_after));
        return Err(format!("{place}: the authority is valid from {from} until {until}, and not now"));
    }
    let issuer = Issuer::from_ca_cert_der(&authority.der, key)
        .map_err(|_| format!("{place}: its certificate in {AUTHORITIES} cannot sign"))?;
    Ok(Signer { authority: authority.clone(), issuer })
}

/// Whether who trusts these authorities trusts the pair.
fn trusts(
    authorities: &[Authority],
    pair: &Pair,
    now: OffsetDateTime,
    provider: &CryptoProvider,
) -> Result<(), &'static str> {
    let untrusted = "the certificate is signed by none of the authorities in ca.crt";
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().map(|authority| authority.der.clone()));
    let (Some((leaf, chain)), Ok(seconds)) = (pair.certified.cert.split_first(), u64::try_from(now.unix_timestamp()))
    else {
        return Err(untrusted);
    };
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let leaf = EndEntityCert::try_from(leaf).map_err(|_| untrusted)?;
    let algorithms = provider.signature_verification_algorithms.all;
    leaf.verify_for_usage(algorithms, &roots.roots, chain, time, KeyUsage::server_auth(), None, None)
        .map(|_| ())
        .map_err(|_| untrusted)
}
