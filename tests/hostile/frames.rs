//! HTTP/2, written frame by frame: also in ways in which no library would.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::REVIEW;
use super::process::Process;
use super::raw::{PATIENCE, Tls, tls, until_closed, write};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const ACK: u8 = 1;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header as a literal that no table remembers.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        assert!(text.len() < 127);
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The headers of a review to this path.
pub(crate) fn head(path: &str) -> Vec<u8> {
    // :method POST and :scheme https stand in the static table.
    let mut block = vec![0x83, 0x87];
    for (name, value) in [(":path", path), (":authority", "localhost"), ("content-type", "application/json")] {
        block.extend(literal(name, value));
    }
    block
}

/// A whole review.
pub(crate) fn review(stream: u32) -> Vec<u8> {
    let mut bytes = frame(HEADERS, END_HEADERS, stream, &head("/validate?timeout=5s"));
    bytes.extend(frame(DATA, END_STREAM, stream, REVIEW.as_bytes()));
    bytes
}

/// What a server said in one frame.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Said {
    /// The error of a RST_STREAM, or of a GOAWAY.
    pub(crate) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A connection after the prefaces of both sides.
pub(crate) async fn connect(process: &Process, settings: &[(u16, u32)]) -> Tls {
    let mut stream = tls(process, &["h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings: Vec<u8> =
        settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    bytes.extend(frame(SETTINGS, 0, 0, &settings));
    bytes.extend(frame(SETTINGS, ACK, 0, &[]));
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// The next frame.
pub(crate) async fn next(stream: &mut Tls) -> std::io::Result<Said> {
    let read = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        Ok(Said { kind: head[3], stream: u32::from_be_bytes(head[5..9].try_into().unwrap()), payload })
    };
    timeout(PATIENCE, read).await.unwrap()
}

/// Sends these bytes over and over, without reading, until the server has had enough; then whatever it said at last is the error
/// of its GOAWAY, if that came through.
pub(crate) async fn flood(stream: &mut Tls, bytes: &[u8], most: usize) -> Option<u32> {
    let sending = async {
        for _ in 0..most {
            if !write(stream, bytes).await {
                return true;
            }
        }
        false
    };
    // A server that takes no more has had enough as well, but it must close.
    _ = timeout(PATIENCE, sending).await;
    goaway(&until_closed(stream).await.0)
}

/// The error of the GOAWAY among these frames.
fn goaway(mut bytes: &[u8]) -> Option<u32> {
    while bytes.len() >= 9 {
        let length = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        if bytes[3] == GOAWAY {
            return Some(u32::from_be_bytes(bytes.get(13..17)?.try_into().unwrap()));
        }
        bytes = bytes.get(9 + length..)?;
    }
    None
}
