//! One review: bytes in, bytes out, without I/O, clock or state.

mod denial;
mod request;
mod response;
mod warnings;

use std::borrow::Cow;

use self::request::{Operation, Request, Uid};
use self::response::{AuditAnnotations, Details, Response, Status};
use crate::engine::compile::stamp::{self, Stamped};
use crate::engine::configuration::Configuration;
use crate::engine::finding::{Finding, Findings, Severity};
use crate::engine::parse::Node;
use crate::engine::world::World;
use crate::engine::{self, Kind, Reading, Surroundings, defaults};

#[cfg(feature = "operator")]
pub(crate) use denial::printable;

/// The sides of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/mutate`: adds defaults, and denies what the schema would refuse.
    Mutate,
    /// `/validate`: judges.
    Validate,
    /// `/advise`: says whom a deletion affects, and who writes an OffloadAutoscaler what to write instead. It never refuses anything,
    /// whatever happens.
    Advise,
}

impl Endpoint {
    /// The name, as in the path.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
            Self::Advise => "advise",
        }
    }
}

/// What the judgement depends on beside the review.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What the operator was configured to.
    pub configuration: &'a Configuration,
    /// What is known of other objects.
    pub world: &'a World,
    /// Why nothing can be judged by it; none if it can. What need not be judged is admitted all the same.
    pub unready: Option<&'a str>,
}

impl Settings<'_> {
    /// Every object is judged alone, where nobody has configured anything.
    #[must_use]
    pub fn alone() -> Self {
        let Surroundings { configuration, world, .. } = Surroundings::alone("");
        Self { configuration, world, unready: None }
    }
}

/// What became of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Judged and admitted as it is.
    Admitted,
    /// Admitted with defaults added.
    Patched,
    /// Judged and denied.
    Denied,
    /// Admitted without being judged: a deletion, an unchanged spec, a subresource, a kind that is not ours.
    Passed,
    /// No readable review.
    Undecodable,
    /// Too many reviews were in flight.
    Full,
    /// The time was up.
    Late,
    /// Nobody knew yet, or any more, what else is in the cluster.
    Unready,
    /// The judgement broke down.
    Panicked,
    /// The body was over the cap, and not read.
    TooLarge,
    /// The content type was not JSON, and the body not read.
    Unsupported,
}

impl Verdict {
    /// The name, for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Patched => "patched",
            Self::Denied => "denied",
            Self::Passed => "passed",
            Self::Undecodable => "undecodable",
            Self::Full => "full",
            Self::Late => "late",
            Self::Unready => "unready",
            Self::Panicked => "panicked",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What a review was about, as far as it was read. Texts are as they came: escape them before they are shown.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The review's uid.
    pub uid: Option<String>,
    /// The kind, if it is one that is judged.
    pub kind: Option<Kind>,
    /// The kind as it was named.
    pub kind_name: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: Option<&'static str>,
    /// The namespace, empty if there is none.
    pub namespace: String,
    /// The name, or what it is generated from.
    pub name: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The codes of what was found, each once.
    pub codes: Vec<&'static str>,
    /// The other objects that this is about, which the author may not know of.
    pub about: Vec<String>,
}

/// The answer to a review.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status. With 200 the body is an AdmissionReview, otherwise a line of text.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// What became of the review.
    pub verdict: Verdict,
    /// What it was about.
    pub subject: Subject,
}

/// Why a review was not judged to the end.
#[derive(Clone, Copy, Debug)]
pub enum Failure<'a> {
    /// The body is no review that can be read, and why.
    Undecodable(&'a str),
    /// Too many reviews are in flight.
    Full,
    /// The time is up.
    Late,
    /// Nobody knows what else is in the cluster, and why.
    Unready(&'a str),
    /// The judgement broke down.
    Panicked,
}

/// After how many seconds to ask a gate again that was full.
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// Answers a review.
#[must_use]
pub fn answer(endpoint: Endpoint, body: &[u8], settings: Settings<'_>) -> Answer {
    let uid = Uid::new();
    let read = request::read(body, &uid);
    let uid = uid.into_inner();
    match (read, uid) {
        (Ok(request), Some(uid)) => decide(endpoint, request, &uid, settings),
        (Ok(_), None) => Answer::failed(endpoint, None, Failure::Undecodable("request.uid is missing")),
        (Err(error), uid) => {
            let uid = uid.map(Cow::into_owned).or_else(|| request::uid_of(body));
            Answer::failed(endpoint, uid, Failure::Undecodable(&error))
        }
    }
}

/// The uid of a review of which only the beginning is there, or of which no more can be read.
#[must_use]
pub fn uid_of(beginning: &[u8]) -> Option<String> {
    request::uid_of(beginning)
}

/// Runs the judge once, so that what it prepares at first use is there before the first review.
pub fn warm_up(settings: Settings<'_>) {
    for kind in Kind::ALL {
        let mut node = Node::default();
        _ = defaults::apply(kind, &mut node);
        _ = engine::judge(kind, &node, &surroundings("default", "", settings), Reading::Review);
    }
}

fn surroundings<'a>(namespace: &'a str, name: &'a str, settings: Settings<'a>) -> Surroundings<'a> {
    let Settings { configuration, world, unready: _ } = settings;
    Surroundings { namespace, name, configuration, world }
}

/// Whether the request is nobody's to look at: never in the way of what is being deleted, or of what is somebody else's.
fn passes(request: &Request<'_>) -> bool {
    if request.operation == Operation::Connect || !request.sub_resource.is_empty() {
        return true;
    }
    // Of an object that is only being created the API server drops the mark, after it was asked about here.
    request.operation == Operation::Update
        && request.object.as_ref().is_some_and(|object| object.find(&["metadata", "deletionTimestamp"]).is_some())
}

/// Whether the spec is left alone, in whose way nobody stands: the change is not judged.
fn leaves_the_spec(request: &Request<'_>) -> bool {
    let both = request.object.as_ref().zip(request.old_object.as_ref());
    request.operation == Operation::Update && both.is_some_and(|(object, old)| object.get("spec") == old.get("spec"))
}

/// Whether the stamps are what they were.
fn leaves_the_stamps(request: &Request<'_>) -> bool {
    fn stamp<'o>(object: Option<&'o Node<'_>>, key: &str) -> Option<&'o str> {
        object?.find(&["metadata", "annotations", key])?.text()
    }
    let (object, old) = (request.object.as_ref(), request.old_object.as_ref());
    stamp::KEYS.iter().all(|key| stamp(object, key) == stamp(old, key))
}

fn decide(endpoint: Endpoint, mut request: Request<'_>, uid: &str, settings: Settings<'_>) -> Answer {
    let subject = Subject {
        uid: Some(uid.to_owned()),
        kind: request.kind(),
        kind_name: request.of.kind.clone().into_owned(),
        operation: Some(request.operation.name()),
        namespace: request.namespace.clone().into_owned(),
        name: name_of(&request).to_owned(),
        dry_run: request.dry_run,
        codes: Vec::new(),
        about: Vec::new(),
    };
    // At /advise there is nothing else to learn.
    let advised = |kind| request.operation == Operation::Delete || kind == Kind::OffloadAutoscaler;
    let looked_at = |kind: &Kind| (endpoint != Endpoint::Advise || advised(*kind)) && !passes(&request);
    let Some(kind) = subject.kind.filter(looked_at) else {
        return Answer::review(&Response::allowed(uid), Verdict::Passed, subject);
    };
    if request.operation == Operation::Delete {
        return going(endpoint, kind, uid, subject, settings);
    }
    let unchanged = leaves_the_spec(&request);
    let never_stamps = endpoint != Endpoint::Mutate || settings.unready.is_some();
    if unchanged && (never_stamps || leaves_the_stamps(&request)) {
        return Answer::review(&Response::allowed(uid), Verdict::Passed, subject);
    }
    // An OffloadAutoscaler is judged by itself, whatever else there may be.
    if let Some(why) = settings.unready.filter(|_| kind != Kind::OffloadAutoscaler) {
        let failed = Answer::failed(endpoint, subject.uid.clone(), Failure::Unready(why));
        return Answer { subject, ..failed };
    }
    let Some(mut object) = request.object.take() else {
        return Answer::unreadable(endpoint, subject, "request.object is missing");
    };
    let mut patch = defaults::apply(kind, &mut object);
    let surroundings = surroundings(&subject.namespace, &subject.name, settings);
    let mut findings = match (request.operation, &mut request.old_object) {
        (Operation::Update, Some(old)) => engine::judge_update(kind, &object, old, &surroundings),
        (Operation::Update, None) => return Answer::unreadable(endpoint, subject, "request.oldObject is missing"),
        _ => engine::judge(kind, &object, &surroundings, Reading::Review),
    };
    // What the schema refuses never reaches /validate, and the API server would name one fault in its own words. The rest is left
    // to /validate.
    if endpoint == Endpoint::Mutate && !findings.of(Severity::Error).any(|finding| finding.schema) {
        let stamped = match findings.refuse() {
            // /validate will say so.
            true => Stamped::default(),
            false => stamp::stamp(kind, &object, request.old_object.as_ref(), &surroundings, &findings),
        };
        if unchanged {
            patch.0.clear();
            if stamped.patch.is_empty() {
                return Answer::review(&Response::allowed(uid), Verdict::Passed, subject);
            }
        }
        patch.0.extend(stamped.patch);
        // /validate sees the object once more, and its author would be told twice; but it no longer sees what was stamped over.
        findings = stamped.findings;
    }
    conclude(endpoint, kind, uid, subject, &patch, &findings)
}

/// A deletion is never refused, and nothing is patched: its author is told whom it affects. Where a whole namespace goes there is
/// no name, and nobody who reads.
fn going(endpoint: Endpoint, kind: Kind, uid: &str, mut subject: Subject, settings: Settings<'_>) -> Answer {
    let mut response = Response::allowed(uid);
    let findings = match endpoint {
        Endpoint::Mutate => Findings::default(),
        Endpoint::Validate | Endpoint::Advise if settings.unready.is_some() => Findings::default(),
        Endpoint::Validate | Endpoint::Advise => {
            engine::judge_deletion(kind, &surroundings(&subject.namespace, &subject.name, settings))
        }
    };
    response.warnings = warnings::lines(&findings);
    subject.codes = codes(findings.list());
    Answer::review(&response, Verdict::Passed, subject)
}

/// Puts what was found into an answer.
fn conclude(
    endpoint: Endpoint,
    kind: Kind,
    uid: &str,
    mut subject: Subject,
    patch: &json_patch::Patch,
    findings: &Findings,
) -> Answer {
    let denied = endpoint != Endpoint::Advise && findings.refuse();
    let mut response = if denied {
        Response::refused(uid, denial::status(kind, &subject.name, findings))
    } else {
        Response::allowed(uid)
    };
    if denied {
        let codes = codes(findings.of(Severity::Error)).join(",");
        let about = findings.of(Severity::Error).filter_map(|finding| finding.about.as_deref()).collect::<Vec<_>>();
        response.audit_annotations = Some(AuditAnnotations { codes, about: about.join(",") });
    }
    response.warnings = warnings::lines(findings);
    subject.codes = codes(findings.list());
    subject.about = findings.list().iter().filter_map(|finding| finding.about.clone()).collect();
    if !denied && endpoint == Endpoint::Mutate && response.patch(patch).is_err() {
        return Answer::failed(endpoint, subject.uid, Failure::Panicked);
    }
    let verdict = match (denied, response.patches()) {
        (true, _) => Verdict::Denied,
        (false, true) => Verdict::Patched,
        (false, false) => Verdict::Admitted,
    };
    Answer::review(&response, verdict, subject)
}

/// The name; with `generateName` the mutating side sees none yet.
fn name_of<'r>(request: &'r Request<'_>) -> &'r str {
    if !request.name.is_empty() {
        return &request.name;
    }
    let metadata = request.object.as_ref().and_then(|object| object.get("metadata"));
    ["name", "generateName"]
        .into_iter()
        .find_map(|key| metadata?.text_of(key).filter(|text| !text.is_empty()))
        .unwrap_or_default()
}

/// The codes, each once, in the order of the findings.
fn codes<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<&'static str> {
    let mut codes = Vec::new();
    for finding in findings {
        if !codes.contains(&finding.rule.code) {
            codes.push(finding.rule.code);
        }
    }
    codes
}

impl Answer {
    fn review(response: &Response<'_>, verdict: Verdict, subject: Subject) -> Self {
        match response.encode() {
            Ok(body) => Self { status: 200, body, verdict, subject },
            Err(_) => Self::plain(500, "the answer could not be written", Verdict::Panicked),
        }
    }

    fn unreadable(endpoint: Endpoint, subject: Subject, message: &str) -> Self {
        let failed = Self::failed(endpoint, subject.uid.clone(), Failure::Undecodable(message));
        Self { subject, ..failed }
    }

    /// An answer that is no review: a status and a line of text.
    #[must_use]
    pub fn plain(status: u16, message: &str, verdict: Verdict) -> Self {
        Self { status, body: format!("{message}\n").into_bytes(), verdict, subject: Subject::default() }
    }

    /// The answer to a review that was not judged to the end: `/validate` refuses it; from `/mutate` and `/advise` it must look
    /// like a failed call, so that `failurePolicy: Ignore` works. A review of a creation or a change that cannot be read is refused
    /// by both who are asked.
    #[must_use]
    pub fn failed(endpoint: Endpoint, uid: Option<String>, failure: Failure<'_>) -> Self {
        let (verdict, reason, code, http) = match failure {
            Failure::Undecodable(_) => (Verdict::Undecodable, "BadRequest", 400, 400),
            Failure::Full => (Verdict::Full, "TooManyRequests", 429, 503),
            Failure::Late => (Verdict::Late, "Timeout", 504, 504),
            Failure::Unready(_) => (Verdict::Unready, "ServiceUnavailable", 503, 503),
            Failure::Panicked => (Verdict::Panicked, "InternalError", 500, 500),
        };
        let message = match failure {
            Failure::Undecodable(why) => format!("the admission review cannot be read: {why}"),
            Failure::Full => "too many admission reviews are in flight; try again".to_owned(),
            Failure::Late => "the time of the admission review was up before it was judged; try again".to_owned(),
            Failure::Unready(why) => {
                format!(
                    "the operator does not know what else is in the cluster ({why}), and so judges nothing; try again"
                )
            }
            Failure::Panicked => {
                "the judgement broke down, which is a fault of the operator; its log says where".to_owned()
            }
        };
        let speaks = match endpoint {
            Endpoint::Validate => true,
            Endpoint::Mutate => matches!(failure, Failure::Undecodable(_)),
            Endpoint::Advise => false,
        };
        match &uid {
            Some(id) if speaks => {
                let details = matches!(failure, Failure::Full | Failure::Unready(_))
                    .then(|| Details { retry_after_seconds: Some(RETRY_AFTER_SECONDS), ..Details::default() });
                let status = Status { status: "Failure", message, reason, details, code };
                let body = Response::refused(id, status);
                Self::review(&body, verdict, Subject { uid: Some(id.clone()), ..Subject::default() })
            }
            _ => {
                let plain = Self::plain(http, &message, verdict);
                Self { subject: Subject { uid, ..Subject::default() }, ..plain }
            }
        }
    }
}

#[cfg(test)]
mod tests;
