//! Clients that take their time: over headers, over bodies, over reading what they are told.

use std::time::{Duration, Instant};

use rustls::version::TLS13;
use tokio::io::AsyncWrite;
use tokio::time::{sleep, timeout};

use super::REVIEW;
use super::client::{Client, request_head};
use super::honest::{beside, memory, metric, review};
use super::process::Process;
use super::raw::{PATIENCE, narrow, narrow_tcp, tls, until_closed, write};

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_trickle_are_cut_off_in_time() {
    let process = Process::start(&["--header-timeout=1s"]);
    beside(&process, async {
        let mut slow = Vec::new();
        for _ in 0..50 {
            let mut stream = tls(&process, &[]).await;
            write(&mut stream, b"POST /validate HTTP/1.1\r\nx-slow: ").await;
            slow.push(stream);
        }
        let started = Instant::now();
        // A byte now and then does not extend the time.
        while !slow.is_empty() {
            let mut left = Vec::new();
            for mut stream in slow {
                if write(&mut stream, b"a").await {
                    left.push(stream);
                }
            }
            slow = left;
            assert!(started.elapsed() < PATIENCE, "{} are still open", slow.len());
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn between_requests_there_is_more_time_than_for_headers() {
    let process = Process::start(&["--header-timeout=300ms"]);
    let mut client = Client::connect(&process, &[&TLS13], false).await;
    for _ in 0..3 {
        sleep(Duration::from_secs(1)).await;
        review(&mut client).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_its_time_is_up_over_both_protocols() {
    let process = Process::start(&["--idle-timeout=1s", "--handshake-timeout=20s"]);
    for http2 in [false, true] {
        let mut client = Client::connect(&process, &[&TLS13], http2).await;
        review(&mut client).await;
        assert!(client.is_closed().await);
        let mut client = Client::connect(&process, &[&TLS13], http2).await;
        assert!(client.is_closed().await, "also one that never asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_trickle_do_not_take_the_places_of_those_that_come() {
    let process = Process::start(&["--max-in-flight=8"]);
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut client = Client::connect(&process, &[&TLS13], false).await;
        let head = request_head("/validate?timeout=30s", &format!("content-length: {}\r\n", REVIEW.len()));
        client.write(head.as_bytes()).await;
        client.write(&REVIEW.as_bytes()[..1000]).await;
        slow.push(client);
    }
    // Those that have been at it for long enough to give way.
    sleep(Duration::from_millis(300)).await;
    beside(&process, async {
        for _ in 0..20 {
            for client in &mut slow {
                client.write(b" ").await;
            }
            sleep(Duration::from_millis(50)).await;
        }
        slow.clear();
    })
    .await;
    assert!(metric(&process, "beamlit_operator_admission_reviews_turned_away_total").await >= 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_do_not_end_take_no_more_memory_than_a_few_may() {
    const MANY: usize = 6 * 1024 * 1024;
    let process = Process::start(&[]);
    beside(&process, async {
        let piece = vec![b' '; 64 * 1024];
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut stream = tls(&process, &[]).await;
            let head = request_head("/validate?timeout=30s", "content-length: 7340032\r\n");
            write(&mut stream, head.as_bytes()).await;
            let sending = async {
                for _ in 0..MANY / piece.len() {
                    if !write(&mut stream, &piece).await {
                        break;
                    }
                }
            };
            // One that must wait for its place is not read.
            _ = timeout(Duration::from_secs(1), sending).await;
            held.push(stream);
        }
    })
    .await;
}

/// The worst that fits into a body: nothing but tiny objects, each a fault.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_trees_are_judged_a_few_at_a_time_within_the_memory_that_is_shipped() {
    /// The limit in the Deployment, in MiB.
    const LIMIT: usize = 1024;
    let process = Process::start(&[]);
    let list = vec!["{\"name\":1}"; 499_000].join(",");
    let worst = REVIEW.replacen("\"policies\": [", &format!("\"policies\": [{list},"), 1);
    let ask = async || {
        let mut client = Client::connect(&process, &[&TLS13], false).await;
        client.review("/validate?timeout=30s", &worst).await.0
    };
    let statuses = tokio::join!(ask(), ask(), ask(), ask());
    for status in [statuses.0, statuses.1, statuses.2, statuses.3] {
        assert_eq!(status, 200);
    }
    let memory = memory(&process);
    println!("{memory:?}");
    assert!(memory.most < LIMIT, "{memory:?}");
    // Small ones are answered as ever.
    review(&mut Client::connect(&process, &[&TLS13], false).await).await;
}

/// Asks and asks, and reads nothing, until nobody listens any more.
async fn flood(mut stream: impl AsyncWrite + Unpin, request: Vec<u8>) {
    let started = Instant::now();
    while write(&mut stream, &request).await {
        assert!(started.elapsed() < 2 * PATIENCE, "it is still listened to");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let process = Process::start(&["--write-timeout=1s"]);
    beside(&process, async {
        // Some megabytes fit between the two ends before the first is not taken.
        let review = request_head("/validate", &format!("content-length: {}\r\n", REVIEW.len())) + REVIEW;
        let metrics = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let mut flooding = Vec::new();
        for _ in 0..2 {
            let reviews = flood(narrow(&process).await, review.clone().into_bytes());
            let plain = narrow_tcp(process.health).await;
            flooding.extend([tokio::spawn(reviews), tokio::spawn(flood(plain, metrics.repeat(10).into_bytes()))]);
        }
        for flood in flooding {
            timeout(3 * PATIENCE, flood).await.unwrap().unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn headers_that_are_too_long_are_refused() {
    let process = Process::start(&[]);
    for long in ["x".repeat(40_000), format!("x\r\n{}", "a: b\r\n".repeat(200))] {
        let mut stream = tls(&process, &[]).await;
        write(&mut stream, format!("POST /validate HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n").as_bytes()).await;
        let said = String::from_utf8(until_closed(&mut stream).await.0).unwrap();
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
}
