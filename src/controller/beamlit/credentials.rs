//! Who the operator is on Beamlit: a client's id and its secret, from files that somebody else keeps or from the environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::Error;
use crate::files::Contents;

/// What nobody may see.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(secret: String) -> Self {
        Self(secret)
    }

    pub(super) fn revealed(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// Where the credentials are.
#[derive(Clone, Debug)]
pub struct Credentials(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The folder of a mounted Secret.
    Folder(PathBuf),
    /// Given once.
    Fixed(Arc<Pair>),
}

/// A client's id and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) secret: Secret,
}

const CLIENT_ID: &str = "clientId";
const CLIENT_SECRET: &str = "clientSecret";
const TOKEN: &str = "token";

/// Both alphabets are around, with and without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The longest id or secret.
const LONGEST: usize = 4096;

impl Credentials {
    /// Those in the folder of a mounted Secret: `clientId` and `clientSecret`, or else `token`, which is the base64 of both with a
    /// colon between them. The files are read again when they change.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(Source::Folder(folder.into()))
    }

    /// Those in a token: the base64 of `id:secret`, as `BEAMLIT_TOKEN` has it.
    ///
    /// # Errors
    /// If it is nothing of the kind.
    pub fn in_token(token: &str) -> Result<Self, Error> {
        Pair::of_token(token).map(|pair| Self(Source::Fixed(Arc::new(pair)))).map_err(Error::NoCredentials)
    }

    /// A client's id and its secret.
    ///
    /// # Errors
    /// If one is empty, or cannot be one.
    pub fn of(id: &str, secret: &str) -> Result<Self, Error> {
        Pair::of(id, secret).map(|pair| Self(Source::Fixed(Arc::new(pair)))).map_err(Error::NoCredentials)
    }

    /// Reads them. Files are small, and it is not done often.
    pub(super) fn read(&self) -> Result<Arc<Pair>, Error> {
        match &self.0 {
            Source::Fixed(pair) => Ok(Arc::clone(pair)),
            Source::Folder(folder) => of_folder(folder).map(Arc::new).map_err(Error::NoCredentials),
        }
    }
}

fn of_folder(folder: &Path) -> Result<Pair, String> {
    let path = |name: &str| folder.join(name);
    let there = |name: &str| path(name).exists();
    if there(CLIENT_ID) || there(CLIENT_SECRET) {
        let contents = Contents::read(&[path(CLIENT_ID), path(CLIENT_SECRET)]).map_err(|error| error.to_string())?;
        Pair::of(text(contents.file(0))?, text(contents.file(1))?)
            .map_err(|fault| format!("{}: {fault}", folder.display()))
    } else if there(TOKEN) {
        let contents = Contents::read(&[path(TOKEN)]).map_err(|error| error.to_string())?;
        Pair::of_token(text(contents.file(0))?).map_err(|fault| format!("{}: {fault}", path(TOKEN).display()))
    } else {
        Err(format!("{} has neither {CLIENT_ID} and {CLIENT_SECRET} nor {TOKEN}", folder.display()))
    }
}

fn text<'c>((place, bytes): (&str, &'c [u8])) -> Result<&'c str, String> {
    std::str::from_utf8(bytes).map_err(|_| format!("{place} is no text"))
}

impl Pair {
    fn of(id: &str, secret: &str) -> Result<Self, String> {
        // Whoever writes such a file ends it with a line break.
        let (id, secret) = (id.trim(), secret.trim_end_matches(['\r', '\n']));
        for (what, value) in [("client id", id), ("client secret", secret)] {
            if value.is_empty() {
                return Err(format!("the {what} is empty"));
            }
            if value.len() > LONGEST {
                return Err(format!("the {what} is longer than {LONGEST} bytes"));
            }
            if value.chars().any(char::is_control) {
                return Err(format!("the {what} has control characters in it"));
            }
        }
        Ok(Self { id: id.to_owned(), secret: Secret::new(secret.to_owned()) })
    }

    fn of_token(token: &str) -> Result<Self, String> {
        let token = token.trim();
        if token.is_empty() {
            return Err("the token is empty".to_owned());
        }
        let alphabet = if token.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let decoded = GeneralPurpose::new(alphabet, LENIENT)
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or("the token is no base64 of a text")?;
        // An id has no colon; a secret may.
        let (id, secret) =
            decoded.split_once(':').ok_or("the token is not the base64 of id:secret: it has no colon")?;
        Self::of(id, secret)
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn token(text: &str) -> Result<Pair, String> {
        Pair::of_token(&BASE64_STANDARD.encode(text))
    }

    /// original-defects.md: "secrets containing `:` rejected".
    #[test]
    fn a_secret_may_have_colons() {
        let pair = token("me:a:b:").unwrap();
        assert_eq!((pair.id.as_str(), pair.secret.revealed()), ("me", "a:b:"));
    }

    /// original-defects.md: "Missing token accepted silently".
    #[test]
    fn what_are_no_credentials_is_said() {
        for (token, fault) in [
            ("", "the token is empty"),
            (" \n", "the token is empty"),
            ("%", "the token is no base64 of a text"),
            ("/w==", "the token is no base64 of a text"),
        ] {
            assert_eq!(Pair::of_token(token).unwrap_err(), fault);
        }
        for (text, fault) in [
            ("me", "the token is not the base64 of id:secret: it has no colon"),
            ("me:", "the client secret is empty"),
            (":secret", "the client id is empty"),
            ("me:a\u{0}b", "the client secret has control characters in it"),
        ] {
            assert_eq!(token(text).unwrap_err(), fault);
        }
        assert!(Credentials::in_token("").is_err() && Credentials::of("me", "").is_err());
    }

    #[test]
    fn base64_of_every_sort_is_read() {
        // Its base64 has both characters that the alphabets differ in.
        let text = "me:~~~???>>>\u{fb}";
        let standard = BASE64_STANDARD.encode(text);
        assert!(standard.contains('/') || standard.contains('+'), "{standard}");
        let url_safe = standard.replace('+', "-").replace('/', "_");
        for token in [standard.clone(), format!(" {standard}\n"), standard.trim_end_matches('=').to_owned(), url_safe] {
            assert_eq!(Pair::of_token(&token).unwrap().secret.revealed(), "~~~???>>>\u{fb}", "{token}");
        }
    }

    #[test]
    fn a_folder_has_both_keys_or_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let credentials = Credentials::in_folder(folder.path());
        let fault = || credentials.read().unwrap_err().to_string();
        assert!(fault().ends_with("has neither clientId and clientSecret nor token"), "{}", fault());
        write(TOKEN, &BASE64_STANDARD.encode("a:b"));
        assert_eq!(credentials.read().unwrap().id, "a");
        write(CLIENT_ID, "me\n");
        assert!(fault().contains("clientSecret: cannot be read"), "{}", fault());
        write(CLIENT_SECRET, "s e:c\n");
        let pair = credentials.read().unwrap();
        assert_eq!((pair.id.as_str(), pair.secret.revealed()), ("me", "s e:c"));
        write(CLIENT_SECRET, "hunter2\n\nhunter3");
        assert!(fault().ends_with("the client secret has control characters in it"), "{}", fault());
    }

    #[test]
    fn nothing_shows_a_secret() {
        let credentials = Credentials::of("me", "hunter2").unwrap();
        let shown = format!("{credentials:?} {:?}", credentials.read());
        assert!(shown.contains("me") && !shown.contains("hunter2"), "{shown}");
    }
}
