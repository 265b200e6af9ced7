//! How connections end when the process does: no client is hung up on that could not know.

use std::time::Duration;

use rustls::version::TLS13;
use tokio::io::AsyncReadExt as _;
use tokio::time::{sleep, timeout};

use super::REVIEW;
use super::client::{Client, request_head};
use super::frames::{self, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR};
use super::honest::review;
use super::process::Process;
use super::raw::{PATIENCE, tls, until_closed, write};

fn request() -> String {
    request_head("/validate", &format!("content-length: {}\r\n", REVIEW.len())) + REVIEW
}

/// Waits until nobody listens any more.
async fn listener_is_closed(process: &Process) {
    timeout(PATIENCE, async {
        while tokio::net::TcpStream::connect(process.gate).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn while_it_waits_to_end_it_sends_clients_of_http1_elsewhere() {
    let mut process = Process::start(&["--shutdown-delay=1h"]);
    let mut kept = tls(&process, &[]).await;
    write(&mut kept, request().as_bytes()).await;
    let mut piece = [0; 4096];
    let count = timeout(PATIENCE, kept.read(&mut piece)).await.unwrap().unwrap();
    let said = String::from_utf8(piece[..count].to_vec()).unwrap();
    assert!(said.starts_with("HTTP/1.1 200 ") && !said.contains("connection: close"), "{said}");

    process.signal("TERM");
    process.wait_for_probe("/readyz", 503).await;
    let mut new = tls(&process, &[]).await;
    for stream in [&mut kept, &mut new] {
        write(stream, request().as_bytes()).await;
        let said = String::from_utf8(until_closed(stream).await.0).unwrap();
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("\r\nconnection: close\r\n"), "{said}");
    }
    // The second signal: nobody has to wait for the end of this, and nothing is in flight that it could cut off.
    process.signal("TERM");
    assert_eq!(process.wait().code(), Some(0));
}

#[tokio::test]
async fn who_has_just_come_may_still_ask_once_and_who_idles_is_closed() {
    let mut process = Process::start(&["--shutdown-delay=500ms", "--header-timeout=20s"]);
    let mut idle = Client::connect(&process, &[&TLS13], false).await;
    review(&mut idle).await;
    let mut new = tls(&process, &[]).await;
    let mut new_over_http2 = frames::connect(&process, &[]).await;
    let mut amid_headers = tls(&process, &[]).await;
    let (first, rest) = (&request()[..30], &request()[30..]);
    write(&mut amid_headers, first.as_bytes()).await;
    process.signal("TERM");
    assert!(idle.is_closed().await);
    listener_is_closed(&process).await;
    sleep(Duration::from_millis(300)).await;

    write(&mut new, request().as_bytes()).await;
    write(&mut amid_headers, rest.as_bytes()).await;
    for stream in [&mut new, &mut amid_headers] {
        let said = String::from_utf8(until_closed(stream).await.0).unwrap();
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("\r\nconnection: close\r\n"), "{said}");
    }
    write(&mut new_over_http2, &frames::review(1)).await;
    let (mut answered, mut goaway) = (false, None);
    while let Ok(said) = frames::next(&mut new_over_http2).await {
        answered |= said.kind == DATA && said.stream == 1;
        if said.kind == GOAWAY {
            goaway = Some(said.error());
        }
        // A client answers the ping that comes with it.
        if said.kind == frames::PING {
            write(&mut new_over_http2, &frames::frame(frames::PING, frames::ACK, 0, &said.payload)).await;
        }
    }
    assert_eq!((answered, goaway), (true, Some(NO_ERROR)));
    assert_eq!(process.wait().code(), Some(0));
}

#[tokio::test]
async fn over_http2_a_request_in_flight_is_finished_after_the_goodbye() {
    let mut process = Process::start(&["--shutdown-delay=0"]);
    let mut stream = frames::connect(&process, &[]).await;
    write(&mut stream, &frames::frame(HEADERS, END_HEADERS, 1, &frames::head("/validate?timeout=25s"))).await;
    process.wait_for_metric("beamlit_operator_admission_reviews_in_flight 1").await;
    process.signal("TERM");
    let goaway = loop {
        let said = frames::next(&mut stream).await.unwrap();
        if said.kind == GOAWAY {
            break said;
        }
    };
    assert_eq!(goaway.error(), NO_ERROR);
    write(&mut stream, &frames::frame(DATA, END_STREAM, 1, REVIEW.as_bytes())).await;
    let mut body = Vec::new();
    while let Ok(said) = frames::next(&mut stream).await {
        match said.kind {
            DATA => body.extend(said.payload),
            frames::PING => {
                write(&mut stream, &frames::frame(frames::PING, frames::ACK, 0, &said.payload)).await;
            }
            _ => {}
        }
    }
    assert!(String::from_utf8(body).unwrap().contains("\"allowed\":true"));
    assert_eq!(process.wait().code(), Some(0));
}

#[tokio::test]
async fn who_never_asks_does_not_hold_up_the_end_for_long() {
    let mut process = Process::start(&["--shutdown-delay=0", "--header-timeout=1s", "--shutdown-timeout=1h"]);
    let mut silent = tls(&process, &[]).await;
    let mut silent_over_http2 = tls(&process, &["h2"]).await;
    process.signal("TERM");
    until_closed(&mut silent).await;
    until_closed(&mut silent_over_http2).await;
    assert_eq!(process.wait().code(), Some(0));
}
