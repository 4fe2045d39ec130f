use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const DOCUMENT: &[u8] = br#"{"a": 1}"#;

async fn read(headers: &[(&str, &str)], body: impl Into<Body>) -> Result<Json, Failure> {
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let payload = Payload::from_request(request, &()).await.unwrap();
    payload.json().await
}

fn compressed<W: Write>(mut encoder: W, finish: fn(W) -> std::io::Result<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(DOCUMENT).unwrap();
    finish(encoder).unwrap()
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    for kind in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        assert!(read(&[("content-type", kind)], DOCUMENT).await.is_ok());
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    for body in [&b""[..], b"{", b"{} x", b"\xef\xbb\xbf{}", b"\"\xff\""] {
        assert!(matches!(read(&[], body).await, Err(Failure::NotJson)), "{body:?}");
    }
}

#[tokio::test]
async fn compressed_bodies_are_read() {
    let gzip = compressed(GzEncoder::new(Vec::new(), Compression::fast()), GzEncoder::finish);
    let zlib = compressed(ZlibEncoder::new(Vec::new(), Compression::fast()), ZlibEncoder::finish);
    let raw = compressed(DeflateEncoder::new(Vec::new(), Compression::fast()), DeflateEncoder::finish);
    for (encoding, body) in [("gzip", gzip), ("deflate", zlib), ("deflate", raw)] {
        assert!(read(&[("content-encoding", encoding)], body).await.is_ok(), "{encoding}");
    }
    assert!(matches!(read(&[("content-encoding", "gzip")], DOCUMENT).await, Err(Failure::NotJson)));
}

#[tokio::test]
async fn a_small_body_that_expands_beyond_the_limit_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 50 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    assert!(body.len() < 100_000);
    let refused = read(&[("content-encoding", "gzip")], body).await;
    assert!(matches!(refused, Err(Failure::PayloadTooLarge { read_bytes: 1_048_576 })));
}

#[tokio::test]
async fn one_mebibyte_is_one_byte_too_much() {
    let body = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert!(read(&[], body(1_048_575)).await.is_ok());
    let refused = read(&[], body(1_048_576)).await;
    assert!(matches!(refused, Err(Failure::PayloadTooLarge { read_bytes: 1_048_576 })));
}

#[tokio::test]
async fn the_charset_is_honoured_and_an_unknown_one_refused() {
    let latin = read(&[("content-type", "text/plain; Charset=\"ISO-8859-1\"")], &b"\"\xe4\""[..]).await.unwrap();
    assert_eq!(latin.as_str(), Some("ä"));
    assert!(read(&[("content-type", "text/plain; charset=utf-8")], DOCUMENT).await.is_ok());
    assert!(matches!(read(&[("content-type", "text/plain; charset=klingon")], DOCUMENT).await, Err(Failure::NotJson)));
}

/// A body that sends a byte after each pause.
fn halting(pause: Duration) -> Body {
    Body::from_stream(futures::stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(" "), ()))
    }))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_pauses_or_takes_too_long_is_given_up() {
    for (pause, expected) in [(DEADLINE, PAUSE), (PAUSE / 2, DEADLINE)] {
        let begun = tokio::time::Instant::now();
        assert!(matches!(read(&[], halting(pause)).await, Err(Failure::PayloadIncomplete)));
        assert_eq!(begun.elapsed(), expected);
    }
}
