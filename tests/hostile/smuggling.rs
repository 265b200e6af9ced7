//! Requests over HTTP/1.1 whose end is in doubt, with another one hidden inside: it must never be answered.

use super::REVIEW;
use super::honest::beside;
use super::process::Process;
use super::raw::{tls, until_closed, write};

/// The uid of what is hidden.
const HIDDEN: &str = "smuggled-request";

fn post(headers: &str, body: &str) -> String {
    format!("POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n{body}")
}

fn sized(review: &str) -> String {
    post(&format!("content-length: {}\r\n", review.len()), review)
}

fn last(review: &str) -> String {
    post(&format!("connection: close\r\ncontent-length: {}\r\n", review.len()), review)
}

/// Sends bytes over a connection of their own, and gives the statuses of the answers until it is closed.
async fn statuses(process: &Process, bytes: &str) -> (Vec<u16>, String) {
    let mut stream = tls(process, &[]).await;
    write(&mut stream, bytes.as_bytes()).await;
    let said = String::from_utf8(until_closed(&mut stream).await.0).unwrap();
    let statuses = said.match_indices("HTTP/1.1 ").map(|(at, start)| said[at + start.len()..][..3].parse().unwrap());
    (statuses.collect(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_hidden_in_another_is_never_answered() {
    let process = Process::start(&["--header-timeout=1s"]);
    let hidden = sized(&REVIEW.replace("0bc58afb-9fff-4261-9b05-2e5fad3465f1", HIDDEN));
    let whole = REVIEW.len();
    let chunked = |size: &str| format!("{size}\r\n{REVIEW}\r\n0\r\n\r\n");
    let hex = format!("{whole:x}");
    // What is sent before the hidden one, and what is answered before the connection is closed.
    let shapes: Vec<(&str, String, &[u16])> = vec![
        ("both", post(&format!("content-length: {whole}\r\ntransfer-encoding: chunked\r\n"), &chunked(&hex)), &[411]),
        ("both, the other way round", post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n"), &[411]),
        ("chunks", post("transfer-encoding: chunked\r\n", &chunked(&hex)), &[411]),
        ("chunks, twice", post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), &[411]),
        ("capitals", post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), &[411]),
        ("a list", post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"), &[411]),
        ("identity last", post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"), &[400]),
        ("another word", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"), &[400]),
        ("a tab in front", post("transfer-encoding:\x0bchunked\r\n", "0\r\n\r\n"), &[400]),
        ("a blank behind the name", post("transfer-encoding : chunked\r\n", "0\r\n\r\n"), &[400]),
        ("a blank in front of the name", post(" transfer-encoding: chunked\r\n", "0\r\n\r\n"), &[400]),
        ("a line feed in the name", post("transfer-\nencoding: chunked\r\n", "0\r\n\r\n"), &[400]),
        ("a chunk with an extension", post("transfer-encoding: chunked\r\n", &chunked(&format!("{hex};a=b"))), &[411]),
        ("a chunk of any size", post("transfer-encoding: chunked\r\n", &chunked("ffffffffffffffff0")), &[411]),
        ("chunks of HTTP/1.0", post("transfer-encoding: chunked\r\n", "0\r\n\r\n").replace("/1.1", "/1.0"), &[400]),
        ("two lengths", post(&format!("content-length: {whole}\r\ncontent-length: 0\r\n"), REVIEW), &[400]),
        ("two lengths in one", post(&format!("content-length: {whole}, 0\r\n"), REVIEW), &[400]),
        ("a sign", post(&format!("content-length: +{whole}\r\n"), REVIEW), &[400]),
        ("less than nothing", post("content-length: -1\r\n", REVIEW), &[400]),
        ("a blank within", post("content-length: 1 0\r\n", REVIEW), &[400]),
        ("hexadecimal", post("content-length: 0x10\r\n", REVIEW), &[400]),
        ("no number", post("content-length:\r\n", REVIEW), &[400]),
        ("an overflow", post("content-length: 18446744073709551616\r\n", REVIEW), &[400]),
        ("a blank behind the length's name", post(&format!("content-length : {whole}\r\n"), REVIEW), &[400]),
        ("a folded line", post(&format!("x: y\r\n z\r\ncontent-length: {whole}\r\n"), REVIEW), &[400]),
        (
            "a carriage return alone",
            post(&format!("x: y\rcontent-length: 0\r\ncontent-length: {whole}\r\n"), REVIEW),
            &[400],
        ),
        ("a NUL", post(&format!("x: y\0\r\ncontent-length: {whole}\r\n"), REVIEW), &[400]),
        ("two spaces", sized(REVIEW).replacen(' ', "  ", 1), &[400]),
        ("HTTP/2 in the clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("HTTP/0.9", "GET /validate\r\n\r\n".to_owned(), &[400]),
    ];
    beside(&process, async {
        for (what, bytes, expected) in &shapes {
            let (found, said) = statuses(&process, &(bytes.clone() + &hidden)).await;
            assert_eq!(&found, expected, "{what}: {said}");
            assert!(!said.contains(HIDDEN), "{what}: {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_only_unusual_is_answered_right() {
    let process = Process::start(&[]);
    let whole = REVIEW.len();
    let hidden = sized(&REVIEW.replace("0bc58afb-9fff-4261-9b05-2e5fad3465f1", HIDDEN));
    let upgrade = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    for (what, bytes, expected) in [
        ("one after the other", sized(REVIEW).repeat(3), &[200, 200, 200, 200][..]),
        (
            "the same length twice",
            post(&format!("content-length: {whole}\r\ncontent-length: {whole}\r\n"), REVIEW),
            &[200, 200],
        ),
        (
            "line feeds alone",
            sized("").replace("\r\n", "\n").replace("content-length: 0", &format!("content-length: {whole}")) + REVIEW,
            &[200, 200],
        ),
        (
            "an absolute target",
            sized(REVIEW).replacen("/validate", "https://elsewhere.example/validate", 1),
            &[200, 200],
        ),
        ("an upgrade", post(&format!("{upgrade}content-length: {whole}\r\n"), REVIEW), &[200, 200]),
        ("empty lines in front", "\r\n\r\n".to_owned() + &sized(REVIEW), &[200, 200]),
        // The second is the body of the first, which nobody reads.
        ("hidden in a body", sized(&hidden).replacen("POST /validate", "GET /validate", 1), &[405]),
        ("hidden in a body of no review", sized(&hidden), &[400, 200]),
        ("a tunnel", "CONNECT localhost:443 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(), &[404, 200]),
    ] {
        let (found, said) = statuses(&process, &(bytes + &last(REVIEW))).await;
        assert_eq!(found, expected, "{what}: {said}");
        assert!(!said.contains(HIDDEN), "{what}: {said}");
    }
}
