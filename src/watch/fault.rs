//! Why a watch is lost, in words for people: one line, cut, and never a whole page that some proxy sent.

use std::fmt;
use std::iter::successors;

use kube::core::Status;
use kube::runtime::watcher;

use crate::engine::finding::{escaped, presentable};

/// How many characters of what somebody else said are shown.
const MOST: usize = 300;

const NOT_SERVED: &str = "the API server does not serve them";

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What was tried: `list` or `watch`.
    pub(crate) act: &'static str,
    pub(crate) cause: String,
    pub(crate) kind: Kind,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The API server has no such resource.
    NotServed,
    /// The API server no longer knows what happened since: what there is now is to be listed again, and nothing is wrong.
    Expired,
    /// Anything else.
    Other,
}

impl Fault {
    /// What a watcher stumbled over.
    pub(crate) fn of(error: &watcher::Error) -> Self {
        use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
        match error {
            InitialListFailed(error) => Self::request("list", error),
            WatchStartFailed(error) | WatchFailed(error) => Self::request("watch", error),
            WatchError(status) => Self::status("watch", status),
            NoResourceVersion => {
                Self { act: "list", cause: "the answer has no resourceVersion".to_owned(), kind: Kind::Other }
            }
        }
    }

    /// What came of a request that failed.
    pub(crate) fn request(act: &'static str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::status(act, status),
            // A cut-off answer or a page in place of one: what could not be read is not shown.
            kube::Error::SerdeError(error) => {
                let cause = format!("the answer cannot be read ({:?} error)", error.classify()).to_lowercase();
                Self { act, cause, kind: Kind::Other }
            }
            _ => {
                let first: &(dyn std::error::Error + 'static) = error;
                let innermost = successors(Some(first), |error| error.source()).last().unwrap_or(first);
                Self { act, cause: line(&innermost.to_string()), kind: Kind::Other }
            }
        }
    }

    /// The API server does not have the resource, or not yet.
    pub(crate) fn not_served() -> Self {
        Self { act: "find", cause: NOT_SERVED.to_owned(), kind: Kind::NotServed }
    }

    /// The task that watches came to an end.
    pub(crate) fn stopped() -> Self {
        Self { act: "watch", cause: "the task that does so broke down".to_owned(), kind: Kind::Other }
    }

    fn status(act: &'static str, status: &Status) -> Self {
        let said = status.message.as_str();
        // The client gives this reason to what is no Status: whatever page came instead.
        let said = if status.reason == "Failed to parse error data" { "" } else { said };
        let (cause, kind) = match status.code {
            // services is forbidden: User "u" cannot list resource "services" …
            403 => {
                (format!("forbidden: {}", said.split_once(" is forbidden: ").map_or(said, |(_, why)| why)), Kind::Other)
            }
            404 => (NOT_SERVED.to_owned(), Kind::NotServed),
            410 => (said.to_owned(), Kind::Expired),
            code if said.is_empty() => (format!("the API server answered with status {code}"), Kind::Other),
            _ => (said.to_owned(), Kind::Other),
        };
        Self { act, cause: line(&cause), kind }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

fn line(text: &str) -> String {
    let text = presentable(text.trim());
    let cut: String = text.chars().take(MOST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", escaped(&cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, reason: &str, message: &str) -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(Status::failure(message, reason).with_code(code).boxed()))
    }

    #[test]
    fn a_fault_is_one_line_in_plain_words() {
        let page = format!("<html>\n{}</html>", "<p>bad gateway</p>\n".repeat(100));
        for (error, cause, kind) in [
            (
                api(403, "Forbidden", "services is forbidden: User \"u\" cannot list resource \"services\""),
                "forbidden: User \"u\" cannot list resource \"services\"",
                Kind::Other,
            ),
            (api(404, "NotFound", "page not found"), "the API server does not serve them", Kind::NotServed),
            (api(404, "Failed to parse error data", &page), "the API server does not serve them", Kind::NotServed),
            (api(502, "Failed to parse error data", &page), "the API server answered with status 502", Kind::Other),
            (api(500, "InternalError", "one\ntwo"), "one\\u{a}two", Kind::Other),
            (api(410, "Expired", "too old resource version"), "too old resource version", Kind::Expired),
        ] {
            let fault = Fault::of(&error);
            assert_eq!((fault.act, fault.cause.as_str(), fault.kind), ("list", cause, kind));
        }
        let long = Fault::of(&api(500, "InternalError", &"ä".repeat(1000))).cause;
        assert_eq!(long.chars().count(), MOST + 1);
        assert!(long.ends_with("ä…"));
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        let error = serde_json::from_str::<u8>("\"secret\"").unwrap_err();
        let fault = Fault::of(&watcher::Error::WatchFailed(kube::Error::SerdeError(error)));
        assert_eq!((fault.act, fault.cause.as_str()), ("watch", "the answer cannot be read (data error)"));
    }
}
