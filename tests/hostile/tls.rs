//! What is no TLS, or not quite, on the port that speaks nothing else.

use std::time::Duration;

use rustls::ClientConnection;

use super::honest::beside;
use super::process::Process;
use super::raw::{config, tcp, until_closed, write};

/// The first flight of a client.
fn client_hello(process: &Process) -> Vec<u8> {
    let mut client = ClientConnection::new(config(process, &[]), "localhost".try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// Bytes that look like nothing, the same each time.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_closed_in_time() {
    let process = Process::start(&["--handshake-timeout=1s"]);
    let hello = client_hello(&process);
    let mut longer = hello.clone();
    longer[3..5].copy_from_slice(&[0xff, 0xff]);
    longer.extend(noise(70_000));
    let mut promising = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    promising.extend(noise(0x4000 - 4));
    let shapes: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("noise", noise(64 * 1024)),
        ("HTTP", b"POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        ("an alert", vec![0x15, 3, 3, 0, 2, 2, 40]),
        ("warnings", [0x15, 3, 3, 0, 2, 1, 90].repeat(1000)),
        ("data before the handshake", [&[0x17, 3, 3, 0x40, 0][..], &noise(0x4000)].concat()),
        ("half a hello", hello[..hello.len() / 2].to_vec()),
        ("a hello of SSL 2", vec![0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80, 2, 0, 0x80, 3, 0, 0x80]),
        ("a record longer than may be", longer),
        ("a handshake of 16 MiB", promising),
        ("empty records", [0x16, 3, 1, 0, 0].repeat(10_000)),
        ("a hello twice", hello.repeat(2)),
        ("TLS 1.0", vec![0x16, 3, 1, 0, 0x2d, 1, 0, 0, 0x29, 3, 1]),
    ];
    beside(&process, async {
        for (what, bytes) in &shapes {
            for _ in 0..5 {
                let mut stream = tcp(&process).await;
                write(&mut stream, bytes).await;
                let (said, took) = until_closed(&mut stream).await;
                assert!(took < Duration::from_secs(10), "{what}: {took:?}");
                assert!(!said.starts_with(b"HTTP"), "{what}: nothing is said in the clear");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_trickles_is_cut_off_in_time() {
    let process = Process::start(&["--handshake-timeout=1s"]);
    let hello = client_hello(&process);
    beside(&process, async {
        let mut trickling = Vec::new();
        for _ in 0..50 {
            trickling.push(tcp(&process).await);
        }
        let mut sent = 0;
        for byte in &hello[..hello.len() - 1] {
            for stream in &mut trickling {
                sent += usize::from(write(stream, &[*byte]).await);
            }
            if sent == 0 {
                break;
            }
            sent = 0;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for stream in &mut trickling {
            until_closed(stream).await;
        }
        // A byte every tenth of a second for the whole hello would have taken far longer than the second that it may.
        assert!(hello.len() > 150);
    })
    .await;
}
