//! Reading a request's body within a cap and a deadline, and only as long as nobody else needs its slot more; what had come by
//! then is kept.

use std::pin::pin;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use tokio::time::{Instant, timeout_at};

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is longer than the cap.
    TooLarge,
    /// The time was up; this had come.
    Late(Bytes),
    /// Another took its slot; this had come.
    Evicted(Bytes),
    /// The client broke off.
    Broken,
}

/// Reads a body of at most `cap` bytes, until `evicted` returns.
pub(super) async fn read(
    mut body: Body,
    cap: usize,
    deadline: Instant,
    evicted: impl Future<Output = ()>,
) -> Result<Bytes, Unread> {
    let mut evicted = pin!(evicted);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let whole = |first: Bytes, all: BytesMut| if all.is_empty() { first } else { all.freeze() };
        let frame = tokio::select! {
            // What is there is read, and what nobody waits for costs nothing.
            biased;
            frame = timeout_at(deadline, body.frame()) => frame,
            () = evicted.as_mut() => return Err(Unread::Evicted(whole(first, all))),
        };
        let frame = match frame {
            Err(_) => return Err(Unread::Late(whole(first, all))),
            Ok(None) => return Ok(whole(first, all)),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len().max(all.len()) + data.len() > cap {
            return Err(Unread::TooLarge);
        }
        if all.is_empty() && first.is_empty() {
            // Nearly every review comes in one piece, which is not copied.
            if body.is_end_stream() {
                return Ok(data);
            }
            first = data;
        } else {
            if all.is_empty() {
                let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(cap);
                all.reserve(first.len() + data.len() + announced);
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
}

/// The beginning of a body that is not judged, and whether the whole of it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) bytes: Bytes,
    pub(super) whole: bool,
}

/// Reads a body to throw it away: a connection of HTTP/1.1 can go on only after the whole body. Keeps the first `keep` bytes,
/// and gives up after `most` or at the deadline.
pub(super) async fn dismiss(mut body: Body, keep: usize, most: usize, deadline: Instant) -> Beginning {
    let (mut kept, mut read) = (BytesMut::new(), 0_usize);
    let whole = loop {
        if body.is_end_stream() {
            break true;
        }
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                read = read.saturating_add(data.len());
                let room = keep.saturating_sub(kept.len());
                kept.extend_from_slice(data.get(..room).unwrap_or(&data));
                if read > most {
                    break false;
                }
            }
            Ok(None) => break true,
            Ok(Some(Err(_))) | Err(_) => break false,
        }
    };
    Beginning { bytes: kept.freeze(), whole }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use hyper::body::Frame;

    use super::*;

    /// A body that comes in pieces, and then ends or hangs.
    struct Pieces(Vec<&'static str>, bool);

    impl hyper::body::Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match (self.0.is_empty(), self.1) {
                (false, _) => Poll::Ready(Some(Ok(Frame::data(Bytes::from(self.0.remove(0)))))),
                (true, true) => Poll::Pending,
                (true, false) => Poll::Ready(None),
            }
        }
    }

    fn body(pieces: &[&'static str], hangs: bool) -> Body {
        Body::new(Pieces(pieces.to_vec(), hangs))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn pieces_are_put_together_up_to_the_cap() {
        let ways: [&[&'static str]; 4] = [&["abcdef"], &["abc", "def"], &["a", "b", "", "cdef"], &["", "abcdef"]];
        for pieces in ways {
            assert_eq!(read(body(pieces, false), 6, soon(), pending()).await.unwrap(), "abcdef");
            assert!(
                matches!(read(body(pieces, false), 5, soon(), pending()).await, Err(Unread::TooLarge)),
                "{pieces:?}"
            );
        }
        assert_eq!(read(body(&[], false), 6, soon(), pending()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_had_come_when_the_time_was_up_or_the_place_was_lost_is_kept() {
        let ways: [&[&'static str]; 2] = [&["abcd"], &["ab", "cd"]];
        for pieces in ways {
            match read(body(pieces, true), 100, soon(), pending()).await {
                Err(Unread::Late(bytes)) => assert_eq!(bytes, "abcd"),
                other => panic!("{other:?}"),
            }
            match read(body(pieces, true), 100, Instant::now() + Duration::from_secs(60), ready(())).await {
                Err(Unread::Evicted(bytes)) => assert_eq!(bytes, "abcd"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_dismissed_is_read_within_limits_and_its_beginning_kept() {
        for (pieces, hangs, most, bytes, whole) in [
            (&["abc", "def", "ghi"] as &[_], false, 9, "abcde", true),
            (&["abc", "def", "ghi"], false, 8, "abcde", false),
            (&["abcdefghi"], false, 9, "abcde", true),
            (&["abc"], false, 9, "abc", true),
            (&["abc"], true, 9, "abc", false),
            (&[], false, 9, "", true),
        ] {
            let found = dismiss(body(pieces, hangs), 5, most, soon()).await;
            assert_eq!(found, Beginning { bytes: bytes.into(), whole }, "{pieces:?}");
        }
    }
}
