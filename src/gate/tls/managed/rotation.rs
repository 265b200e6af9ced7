//! What should stand in the Secret: a pure function of what stands there and of the time.
//!
//! A leaf is renewed at two thirds of its life. So is the authority, in two steps, because whoever calls must trust it
//! before it is used: a new one is first announced, in the bundle of those that are trusted, and signs only when every API
//! server has had time to learn it. The old one stays in the bundle until its own time is over, and no leaf outlives its
//! authority: so whatever leaf a replica still shows, as long as that leaf is valid, its authority is trusted.

use std::fmt;

use rcgen::Error;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use time::{Duration, OffsetDateTime};

use super::issue;
use super::stored::{Authority, Signer, Stored, Understood};
use crate::gate::tls::pair::Pair;

/// What is made.
pub(super) struct Rules {
    /// The Secret, in words.
    pub(super) place: String,
    /// The name that a leaf must have.
    pub(super) name: ServerName<'static>,
    /// Every name that a new leaf gets.
    pub(super) names: Vec<String>,
    pub(super) leaf_lifetime: Duration,
    pub(super) authority_lifetime: Duration,
    pub(super) provider: CryptoProvider,
}

/// What to do.
pub(super) enum Decision {
    /// The content is good until then; this is to be served. The authority itself is valid until `authority_until`.
    Keep { pair: Pair, until: OffsetDateTime, authority_until: OffsetDateTime },
    /// This content takes the place of what is there.
    Write { content: Stored, why: Why },
}

/// Why the content changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no Secret.
    Missing,
    /// Somebody damaged the Secret, or took it away; what was good is put back.
    Restored(String),
    /// No authority can sign.
    Authority(String),
    /// The leaf is of no use.
    Leaf(String),
    /// The leaf has lived two thirds of its life.
    LeafDue,
    /// The authority has lived two thirds of its life.
    AuthorityDue,
    /// Every API server knows the new authority.
    Announced,
    /// An authority's time is over.
    Outdated,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no Secret yet: a new authority and a certificate"),
            Self::Restored(fault) => write!(f, "put back what was good: {fault}"),
            Self::Authority(fault) => write!(f, "a new authority and a certificate: {fault}"),
            Self::Leaf(fault) => write!(f, "a new certificate: {fault}"),
            Self::LeafDue => f.write_str("a new certificate: the old one has lived two thirds of its life"),
            Self::AuthorityDue => {
                f.write_str("announced a new authority: the old one has lived two thirds of its life")
            }
            Self::Announced => f.write_str("a certificate of the new authority, which has been announced long enough"),
            Self::Outdated => f.write_str("left out an authority whose time is over"),
        }
    }
}

impl Rules {
    /// Decides. `remembered` is the last content that was good; `announced` says whether whoever calls trusts everything
    /// in the bundle by now.
    ///
    /// # Errors
    /// If the cryptography fails.
    pub(super) fn decide(
        &self,
        stored: Option<&Stored>,
        remembered: Option<&Stored>,
        announced: bool,
        now: OffsetDateTime,
    ) -> Result<Decision, Error> {
        let good = remembered.filter(|content| {
            let found = self.understand(content, now);
            found.signer.is_ok() && found.pair.is_ok()
        });
        let Some(stored) = stored else {
            return match good {
                Some(good) => Ok(restored(good, format!("{} was gone", self.place))),
                None => self.begin(Vec::new(), Why::Missing, now),
            };
        };
        let found = self.understand(stored, now);
        match (found.signer, found.next, good) {
            (Err(_), Some(next), _) => self.promote(stored, &next, found.trusted, Why::Announced, now),
            (Err(fault), None, Some(good)) => Ok(restored(good, fault)),
            // What is still trusted stays so: other replicas may show leaves of it.
            (Err(fault), None, None) => self.begin(found.trusted, Why::Authority(fault), now),
            (Ok(_), Some(next), _) if announced => self.promote(stored, &next, found.trusted, Why::Announced, now),
            (Ok(signer), next, _) => {
                self.tend(stored, &signer, next.is_some(), found.pair, &found.trusted, found.outdated, now)
            }
        }
    }

    fn understand(&self, content: &Stored, now: OffsetDateTime) -> Understood {
        content.understand(&self.place, &self.name, now, &self.provider)
    }

    /// What there is to do while the authority is good.
    #[allow(clippy::too_many_arguments, reason = "the parts of what was understood, each used once")]
    fn tend(
        &self,
        stored: &Stored,
        signer: &Signer,
        announcing: bool,
        pair: Result<Pair, String>,
        trusted: &[Authority],
        outdated: bool,
        now: OffsetDateTime,
    ) -> Result<Decision, Error> {
        let renewed = |why| self.renew(stored, signer, why, now);
        let pair = match pair {
            Ok(pair) => pair,
            Err(fault) => return renewed(Why::Leaf(fault)),
        };
        let leaf_due = due(pair.not_before, pair.not_after);
        let authority_due = due(signer.authority.not_before, signer.authority.not_after);
        if now >= authority_due && !announcing {
            let (next, key) = issue::authority(now, self.authority_lifetime)?;
            let mut trusted = trusted.to_vec();
            trusted.push(next.authority);
            let content = Stored { authorities: bundle(&trusted), next_key: key, ..stored.clone() };
            return Ok(Decision::Write { content, why: Why::AuthorityDue });
        }
        if now >= leaf_due {
            return renewed(Why::LeafDue);
        }
        if outdated {
            let content = Stored { authorities: bundle(trusted), ..stored.clone() };
            return Ok(Decision::Write { content, why: Why::Outdated });
        }
        let ends = trusted.iter().map(|authority| authority.not_after + Duration::SECOND);
        let authority_due = if announcing { signer.authority.not_after } else { authority_due };
        let until = ends.chain([leaf_due, authority_due]).min().unwrap_or(leaf_due);
        Ok(Decision::Keep { pair, until, authority_until: signer.authority.not_after })
    }

    /// A new leaf of the authority that signs.
    fn renew(&self, stored: &Stored, signer: &Signer, why: Why, now: OffsetDateTime) -> Result<Decision, Error> {
        let (leaf, leaf_key) = issue::leaf(signer, &self.names, now, self.leaf_lifetime)?;
        Ok(Decision::Write { content: Stored { leaf, leaf_key, ..stored.clone() }, why })
    }

    /// A new authority that signs at once, beside those that are trusted.
    fn begin(&self, trusted: Vec<Authority>, why: Why, now: OffsetDateTime) -> Result<Decision, Error> {
        let (signer, authority_key) = issue::authority(now, self.authority_lifetime)?;
        let (leaf, leaf_key) = issue::leaf(&signer, &self.names, now, self.leaf_lifetime)?;
        let mut all = vec![signer.authority];
        all.extend(trusted);
        let content = Stored { leaf, leaf_key, authorities: bundle(&all), authority_key, next_key: String::new() };
        Ok(Decision::Write { content, why })
    }

    /// The next authority signs from now on.
    fn promote(
        &self,
        stored: &Stored,
        next: &Signer,
        mut trusted: Vec<Authority>,
        why: Why,
        now: OffsetDateTime,
    ) -> Result<Decision, Error> {
        let (leaf, leaf_key) = issue::leaf(next, &self.names, now, self.leaf_lifetime)?;
        trusted.sort_by_key(|authority| authority.der != next.authority.der);
        let content = Stored {
            leaf,
            leaf_key,
            authorities: bundle(&trusted),
            authority_key: stored.next_key.clone(),
            next_key: String::new(),
        };
        Ok(Decision::Write { content, why })
    }
}

fn restored(good: &Stored, fault: String) -> Decision {
    Decision::Write { content: good.clone(), why: Why::Restored(fault) }
}

/// Two thirds of a life.
fn due(from: OffsetDateTime, until: OffsetDateTime) -> OffsetDateTime {
    from + (until - from) * 2 / 3
}

/// Certificates in PEM, one after the other.
fn bundle(authorities: &[Authority]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    authorities
        .iter()
        .map(|authority| pem::encode_config(&pem::Pem::new("CERTIFICATE", authority.der.to_vec()), config))
        .collect()
}

#[cfg(test)]
mod tests;
