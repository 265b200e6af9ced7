//! An AdmissionReview as the API server sends it, read in one pass: what is judged is borrowed from the body, the rest is
//! passed over.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

use crate::engine::Kind;
use crate::engine::finding::quoted;
use crate::engine::parse::{MAX_VALUES, Node, ObjectSeed, ParseError};

/// The uid of a review, kept as soon as it is met: what breaks off later can still be answered.
pub(super) type Uid<'a> = OnceCell<Cow<'a, str>>;

/// The longest uid that is taken for one. The API server sends 36 characters.
const MAX_UID: usize = 256;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What somebody wants to do to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

impl Operation {
    fn of(text: &str) -> Option<Self> {
        match text {
            "CREATE" => Some(Self::Create),
            "UPDATE" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            "CONNECT" => Some(Self::Connect),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// A group, a version and a kind.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TypeMeta<'a> {
    #[serde(borrow, default)]
    pub(super) group: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) version: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kind: Cow<'a, str>,
}

/// The part of a request that decides.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) of: TypeMeta<'a>,
    /// The subresource, empty if it is the object itself.
    pub(super) sub_resource: Cow<'a, str>,
    /// The name, empty where the API server does not send one: `generateName`, deletion of a collection.
    pub(super) name: Cow<'a, str>,
    pub(super) namespace: Cow<'a, str>,
    pub(super) operation: Operation,
    pub(super) dry_run: bool,
    /// The object; none on deletion, and not read where nobody will judge it.
    pub(super) object: Option<Node<'a>>,
    pub(super) old_object: Option<Node<'a>>,
}

impl Request<'_> {
    pub(super) fn kind(&self) -> Option<Kind> {
        kind_of(&self.of)
    }
}

fn kind_of(of: &TypeMeta<'_>) -> Option<Kind> {
    Kind::of(&of.group, &of.version, &of.kind)
}

/// Reads a review. Whatever comes of it, `uid` holds the uid if one was met.
///
/// # Errors
/// If the bytes are no review of the version that is spoken here; the message says what is wrong, and quotes nothing of an object.
pub(super) fn read<'a>(body: &'a [u8], uid: &Uid<'a>) -> Result<Request<'a>, String> {
    // Once for all texts, which is quicker than once for each.
    let text = std::str::from_utf8(body).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
    let budget = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_str(text);
    ReviewSeed { uid, budget: &budget }
        .deserialize(&mut reader)
        .and_then(|request| reader.end().map(|()| request))
        .map_err(|error| describe(&error))
}

/// The uid of a review of which no more can be read, or of which only the beginning is there.
pub(super) fn uid_of(bytes: &[u8]) -> Option<String> {
    let uid = OnceCell::new();
    // How it ends does not matter: it breaks off on purpose as soon as the uid is found.
    _ = LenientSeed { uid: &uid, inside: false }.deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    uid.into_inner()
}

/// serde_json says what it found instead, which may be a secret: only what was expected is passed on.
fn describe(error: &serde_json::Error) -> String {
    let ParseError { message, at } = ParseError::from_serde(error);
    let message = match message.rsplit_once(", expected ") {
        Some((_, expected)) if error.is_data() => format!("expected {expected}"),
        _ => message,
    };
    format!("{message} at line {} column {}", at.line, at.column)
}

/// A text, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Keeps a member, which may stand only once: nobody could say which of two was judged.
fn keep<T, E: Error>(slot: &mut Option<T>, name: &'static str, value: Result<T, E>) -> Result<(), E> {
    let value = value?;
    if slot.replace(value).is_some() { Err(E::custom(format_args!("{name} stands twice"))) } else { Ok(()) }
}

#[derive(Clone, Copy)]
struct ReviewSeed<'c, 'de> {
    uid: &'c Uid<'de>,
    budget: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for ReviewSeed<'_, 'de> {
    type Value = Request<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReviewSeed<'_, 'de> {
    type Value = Request<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut api_version, mut kind, mut request) = (None, None, None);
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "apiVersion" => keep(&mut api_version, "apiVersion", map.next_value::<Text<'de>>())?,
                "kind" => keep(&mut kind, "kind", map.next_value::<Text<'de>>())?,
                "request" => keep(&mut request, "request", map.next_value_seed(RequestSeed(self)))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        for (name, found, wanted) in [("kind", kind, KIND), ("apiVersion", api_version, API_VERSION)] {
            match found {
                Some(Text(found)) if found == wanted => {}
                Some(Text(found)) => {
                    return Err(A::Error::custom(format_args!("{name} must be {wanted}, not {}", quoted(&found))));
                }
                None => return Err(A::Error::custom(format_args!("{name} is missing, which must be {wanted}"))),
            }
        }
        request.ok_or_else(|| A::Error::custom("request is missing"))
    }
}

struct RequestSeed<'c, 'de>(ReviewSeed<'c, 'de>);

impl<'de> DeserializeSeed<'de> for RequestSeed<'_, 'de> {
    type Value = Request<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> RequestSeed<'_, 'de> {
    fn keep_uid<E: Error>(&self, Text(uid): Text<'de>) -> Result<(), E> {
        if uid.is_empty() || uid.len() > MAX_UID {
            return Err(E::custom(format_args!("request.uid must have 1 to {MAX_UID} bytes")));
        }
        self.0.uid.set(uid).map_err(|_| E::custom("request.uid stands twice"))
    }

    /// Reads an object; none if it is null. What nobody will judge is passed over: the API server sends an object last.
    fn object<A: MapAccess<'de>>(&self, map: &mut A, idle: bool) -> Result<Option<Node<'de>>, A::Error> {
        if idle {
            return map.next_value::<IgnoredAny>().map(|_| None);
        }
        let node = map.next_value_seed(ObjectSeed::object(self.0.budget))?;
        Ok(Some(node).filter(|node| !node.is_null()))
    }
}

impl<'de> Visitor<'de> for RequestSeed<'_, 'de> {
    type Value = Request<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionRequest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut of, mut sub_resource, mut name, mut namespace) = (None, None, None, None);
        let (mut operation, mut dry_run, mut object, mut old_object) = (None, None, None, None);
        while let Some(Text(key)) = map.next_key()? {
            let idle = matches!(operation, Some(Operation::Delete | Operation::Connect))
                || of.as_ref().is_some_and(|of| kind_of(of).is_none())
                || matches!(&sub_resource, Some(Some(Text(name))) if !name.is_empty());
            match key.as_ref() {
                "uid" => self.keep_uid(map.next_value()?)?,
                "kind" => keep(&mut of, "request.kind", map.next_value::<TypeMeta<'de>>())?,
                "subResource" => keep(&mut sub_resource, "request.subResource", map.next_value::<Option<Text<'de>>>())?,
                "name" => keep(&mut name, "request.name", map.next_value::<Option<Text<'de>>>())?,
                "namespace" => keep(&mut namespace, "request.namespace", map.next_value::<Option<Text<'de>>>())?,
                "operation" => {
                    let Text(text) = map.next_value()?;
                    let known = Operation::of(&text)
                        .ok_or_else(|| A::Error::custom("request.operation must be CREATE, UPDATE, DELETE or CONNECT"));
                    keep(&mut operation, "request.operation", known)?;
                }
                "dryRun" => keep(&mut dry_run, "request.dryRun", map.next_value::<Option<bool>>())?,
                "object" => keep(&mut object, "request.object", self.object(&mut map, idle))?,
                "oldObject" => keep(&mut old_object, "request.oldObject", self.object(&mut map, idle))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if self.0.uid.get().is_none() {
            return Err(A::Error::custom("request.uid is missing"));
        }
        let text = |text: Option<Option<Text<'de>>>| text.flatten().map(|Text(text)| text).unwrap_or_default();
        Ok(Request {
            of: of.ok_or_else(|| A::Error::custom("request.kind is missing"))?,
            sub_resource: text(sub_resource),
            name: text(name),
            namespace: text(namespace),
            operation: operation.ok_or_else(|| A::Error::custom("request.operation is missing"))?,
            dry_run: dry_run.flatten().unwrap_or_default(),
            object: object.flatten(),
            old_object: old_object.flatten(),
        })
    }
}

/// Looks for `request.uid` and at nothing else.
struct LenientSeed<'c> {
    uid: &'c OnceCell<String>,
    inside: bool,
}

impl<'de> DeserializeSeed<'de> for LenientSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LenientSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match key.as_ref() {
                "request" if !self.inside => map.next_value_seed(LenientSeed { uid: self.uid, inside: true })?,
                "uid" if self.inside => {
                    let Text(uid) = map.next_value()?;
                    if (1..=MAX_UID).contains(&uid.len()) {
                        _ = self.uid.set(uid.into_owned());
                    }
                    return Err(A::Error::custom("found"));
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(request: &str) -> String {
        format!(r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{request}}}"#)
    }

    const KIND: &str = r#""kind":{"group":"authorization.beamlit.com","version":"v1alpha1","kind":"Policy"}"#;

    #[test]
    fn what_decides_is_read_and_the_rest_passed_over() {
        let body = review(&format!(
            r#"{{"uid":"u-1",{KIND},"resource":{{"a":[1,{{}}]}},"name":"p","namespace":"n","operation":"UPDATE","dryRun":true,
               "object":{{"spec":{{"a":1}},"status":{{"b":2}}}},"oldObject":{{"spec":{{"a":2}}}},"options":null}}"#
        ));
        let uid = Uid::new();
        let request = read(body.as_bytes(), &uid).unwrap();
        assert_eq!(uid.get().unwrap(), "u-1");
        assert_eq!(request.kind(), Some(Kind::Policy));
        assert_eq!((request.name.as_ref(), request.namespace.as_ref()), ("p", "n"));
        assert_eq!((request.operation, request.dry_run), (Operation::Update, true));
        assert_eq!(request.sub_resource, "");
        let object = request.object.unwrap();
        assert_eq!(object.find(&["spec", "a"]).unwrap().integer(), Some(1));
        assert!(object.get("status").is_none());
        assert_eq!(request.old_object.unwrap().find(&["spec", "a"]).unwrap().integer(), Some(2));
    }

    #[test]
    fn texts_are_borrowed_from_the_body() {
        let body = review(&format!(r#"{{"uid":"u","operation":"CREATE","name":"plain",{KIND}}}"#));
        let uid = Uid::new();
        let request = read(body.as_bytes(), &uid).unwrap();
        assert!(matches!(request.name, Cow::Borrowed("plain")));
        assert!(matches!(uid.get(), Some(Cow::Borrowed("u"))));
    }

    #[test]
    fn an_object_that_nobody_judges_is_passed_over() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for head in [
            format!(r#""operation":"DELETE",{KIND}"#),
            format!(r#""operation":"CONNECT",{KIND}"#),
            format!(r#""operation":"UPDATE","subResource":"status",{KIND}"#),
            r#""operation":"CREATE","kind":{"group":"","version":"v1","kind":"Pod"}"#.to_owned(),
        ] {
            let body =
                review(&format!(r#"{{"uid":"u",{head},"object":{{"spec":{deep}}},"oldObject":{{"spec":{deep}}}}}"#));
            assert!(read(body.as_bytes(), &Uid::new()).unwrap().object.is_none(), "{head}");
        }
        let body = review(&format!(r#"{{"uid":"u","operation":"CREATE",{KIND},"object":{{"spec":{deep}}}}}"#));
        assert!(read(body.as_bytes(), &Uid::new()).unwrap_err().starts_with("recursion limit exceeded"));
    }

    #[test]
    fn what_is_no_review_is_refused_and_its_uid_kept() {
        let whole = r#""operation":"CREATE","object":{}"#;
        for (body, uid, message) in [
            (String::new(), None, "EOF while parsing a value"),
            ("null".into(), None, "expected an AdmissionReview"),
            ("[]".into(), None, "expected an AdmissionReview"),
            ("{}".into(), None, "kind is missing"),
            (review("null"), None, "expected an AdmissionRequest"),
            (review("{}"), None, "request.uid is missing"),
            (review(r#"{"uid":""}"#), None, "request.uid must have 1 to 256 bytes"),
            (review(r#"{"uid":7}"#), None, "expected"),
            (review(&format!(r#"{{"uid":"u",{whole}}}"#)), Some("u"), "request.kind is missing"),
            (review(&format!(r#"{{"uid":"u",{KIND}}}"#)), Some("u"), "request.operation is missing"),
            (review(&format!(r#"{{"uid":"u","operation":"PATCH",{KIND}}}"#)), Some("u"), "request.operation must be"),
            (review(&format!(r#"{{"uid":"u",{whole},{whole},{KIND}}}"#)), Some("u"), "request.operation stands twice"),
            (review(&format!(r#"{{"uid":"u","uid":"v",{whole},{KIND}}}"#)), Some("u"), "request.uid stands twice"),
            (review(r#"{"uid":"u","object":{"a":1,"a":2}}"#), Some("u"), "a map has the same key twice"),
            (review(r#"{"uid":"u"}"#) + "x", Some("u"), "request.kind is missing"),
            (review(&format!(r#"{{"uid":"u",{whole},{KIND}}}"#)) + "x", Some("u"), "trailing characters"),
            (
                r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","kind":{}}}"#.into(),
                Some("u"),
                "apiVersion must be admission.k8s.io/v1, not \"admission.k8s.io/v1beta1\"",
            ),
            (r#"{"kind":"Pod","apiVersion":"v1"}"#.into(), None, "kind must be AdmissionReview, not \"Pod\""),
            (r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#.into(), None, "request is missing"),
            (r#"{"request":{"uid":"u","object":{"spec":{"secret":"hun"#.into(), Some("u"), "EOF while parsing a string"),
        ] {
            let cell = Uid::new();
            let error = read(body.as_bytes(), &cell).unwrap_err();
            assert!(error.starts_with(message), "{body}: {error}");
            assert_eq!(cell.get().map(AsRef::as_ref), uid, "{body}");
        }
    }

    #[test]
    fn an_error_quotes_nothing_of_an_object() {
        let body = review(r#"{"uid":"u","kind":"hunter2","object":"hunter2"}"#);
        let error = read(body.as_bytes(), &Uid::new()).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_uid_is_found_wherever_it_stands_and_whatever_follows() {
        for (body, uid) in [
            (r#"{"request":{"uid":"u""#, Some("u")),
            (r#"{"request":{"object":{"uid":"no"},"x":[{}],"uid":"u"}}"#, Some("u")),
            (r#"{"uid":"no","request":{"uid":"u\u0031"#, None),
            (r#"{"uid":"no","request":{"uid":"u\u0031",,,"#, Some("u1")),
            (r#"{"request":{"uid":"#, None),
            (r#"{"request":{"uid":""}}"#, None),
            (r#"{"request":[{"uid":"u"}]}"#, None),
            ("", None),
        ] {
            assert_eq!(uid_of(body.as_bytes()).as_deref(), uid, "{body}");
        }
        assert_eq!(uid_of(b"{\"request\":{\"name\":\"\xff\",\"uid\":\"u\"}}").as_deref(), Some("u"));
        let long = format!(r#"{{"request":{{"uid":"{}"}}}}"#, "u".repeat(257));
        assert_eq!(uid_of(long.as_bytes()), None);
    }
}
