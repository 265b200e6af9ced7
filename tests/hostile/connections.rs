//! Connections that do nothing: too many of them, half open, broken off.

use std::time::Duration;

use rustls::version::TLS13;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::REVIEW;
use super::client::{Client, request_head};
use super::honest::{beside, memory, metric, review};
use super::process::Process;
use super::raw::{PATIENCE, config, shaken, tcp, tls, until_closed, write};

const EVICTED: &str = "beamlit_operator_connections_evicted_total";

/// As many files as these tests need, several at a time.
fn enough_files() {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft = line.split_whitespace().next().unwrap();
    assert!(soft.parse::<usize>().unwrap_or(usize::MAX) >= 4096, "{soft} open files are too few: ulimit -n 4096");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing_keep_nobody_out() {
    enough_files();
    let process = Process::start(&[]);
    beside(&process, async {
        let mut idle = Vec::new();
        for _ in 0..1000 {
            idle.push(tcp(&process).await);
        }
        // The cap is 512, and an honest client has one of them.
        while metric(&process, EVICTED).await < 480 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(metric(&process, "beamlit_operator_connections").await <= 512 + 64 + 8);
        tokio::time::sleep(Duration::from_millis(500)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_only_shake_hands_keep_nobody_out_and_leave_no_memory_behind() {
    enough_files();
    let process = Process::start(&[]);
    let config = config(&process, &[]);
    let mut after = Vec::new();
    for _ in 0..6 {
        beside(&process, async {
            let (mut idle, mut failed) = (Vec::new(), 0);
            for _ in 0..1000 {
                match shaken(config.clone(), tcp(&process).await).await {
                    Ok(stream) => idle.push(stream),
                    Err(_) => failed += 1,
                }
            }
            assert_eq!(failed, 0, "who comes now is not sent away for who came before");
        })
        .await;
        after.push(memory(&process).now);
    }
    assert!(metric(&process, EVICTED).await >= 6 * 400);
    // The allocator takes some rounds until it has all that it needs; what leaks goes on.
    assert!(after[5] <= after[2] + 10, "MiB after each round: {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_the_plain_port_keep_no_scraper_out() {
    let process = Process::start(&[]);
    beside(&process, async {
        let mut idle = Vec::new();
        for number in 0..300 {
            let mut stream = TcpStream::connect(process.health).await.unwrap();
            if number % 2 == 0 {
                write(&mut stream, b"GET /metrics HTTP/1.1\r\n").await;
            }
            idle.push(stream);
            if number % 50 == 49 {
                assert_eq!(timeout(PATIENCE, process.probe("/metrics")).await.unwrap().0, 200);
            }
        }
        assert!(metric(&process, EVICTED).await >= 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_off_leave_nothing_behind() {
    let process = Process::start(&["--handshake-timeout=1s"]);
    beside(&process, async {
        for round in 0..100 {
            let reset = round % 2 == 0;
            let end = |stream: &TcpStream| {
                if reset {
                    stream.set_zero_linger().unwrap();
                }
            };
            // Before a word is said, amid the handshake, after it, amid the headers, amid the body.
            end(&tcp(&process).await);
            let mut stream = tcp(&process).await;
            write(&mut stream, &[0x16, 3, 1, 2, 0, 1]).await;
            end(&stream);
            for said in ["", "POST /validate HTTP/1.1\r\nhost:", &request_head("/validate", "content-length: 100\r\n")]
            {
                let mut stream = tls(&process, &[]).await;
                write(&mut stream, said.as_bytes()).await;
                end(stream.get_ref().0);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn who_comes_takes_the_place_of_a_stranger_and_not_of_a_client_that_is_known() {
    let process = Process::start(&["--max-connections=2"]);
    let mut known = Client::connect(&process, &[&TLS13], false).await;
    review(&mut known).await;
    let mut stranger = tls(&process, &[]).await;
    for evicted in 1..4 {
        // It has been idle for longer than the stranger.
        let next = tls(&process, &[]).await;
        assert!(until_closed(&mut stranger).await.0.is_empty());
        stranger = next;
        assert_eq!(metric(&process, EVICTED).await, evicted);
    }
    review(&mut known).await;
}

#[tokio::test]
async fn a_review_in_flight_keeps_its_connection_and_others_wait() {
    let process = Process::start(&["--max-connections=1"]);
    let mut first = Client::connect(&process, &[&TLS13], false).await;
    first
        .write(request_head("/validate?timeout=25s", &format!("content-length: {}\r\n", REVIEW.len())).as_bytes())
        .await;
    process.wait_for_metric("beamlit_operator_admission_reviews_in_flight 1").await;
    let second = async {
        review(&mut Client::connect(&process, &[&TLS13], false).await).await;
    };
    let mut second = std::pin::pin!(second);
    assert!(timeout(Duration::from_millis(500), second.as_mut()).await.is_err());
    first.write(REVIEW.as_bytes()).await;
    assert_eq!(first.raw_response().await.0, 200);
    timeout(PATIENCE, second).await.unwrap();
    assert!(first.is_closed().await);
    assert_eq!(metric(&process, EVICTED).await, 1);
}
