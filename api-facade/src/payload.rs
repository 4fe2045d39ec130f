//! The body of a request, as leniently as the original takes it: its content type does not matter, it may be compressed,
//! and it may name a charset. Read only after the caller is known to be allowed.

use std::convert::Infallible;
use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use krake_facade_wire::{Json, json};
use tokio::time::timeout;

use crate::problem::Failure;

/// One byte less than the size named in the refusal, as in the original.
const MAX_BYTES: usize = (1 << 20) - 1;
/// How much more of a refused body is read, so that the client gets to read the refusal.
const MAX_DRAINED_BYTES: usize = 8 << 20;
/// A client that needs longer for a megabyte is stuck, or means harm. Shorter than a whole request may take, so that the
/// client hears that it was its body.
const DEADLINE: Duration = Duration::from_secs(20);

/// How long a client may pause while it sends: its request takes up a place.
const PAUSE: Duration = Duration::from_secs(5);

/// The body of a request, not yet read.
pub(crate) struct Payload {
    headers: HeaderMap,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Payload {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        Ok(Self { headers: parts.headers, body })
    }
}

impl Payload {
    /// Reads the body as a JSON document.
    ///
    /// # Errors
    /// [`Failure::PayloadTooLarge`]; [`Failure::NotJson`] if it is not a JSON document, in whatever encoding it claims;
    /// [`Failure::PayloadIncomplete`] if the client does not send it all in time, or pauses too long.
    pub(crate) async fn json(self) -> Result<Json, Failure> {
        let reading = timeout(DEADLINE, receive(self.body));
        let bytes = reading.await.map_err(|_| Failure::PayloadIncomplete)??;
        let bytes = decompress(&self.headers, bytes)?;
        let text = decode(&self.headers, bytes)?;
        json::parse(text.as_bytes()).map_err(|_| Failure::NotJson)
    }
}

async fn receive(mut body: Body) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = timeout(PAUSE, body.frame()).await.map_err(|_| Failure::PayloadIncomplete)? {
        let frame = frame.map_err(|_| Failure::PayloadIncomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        bytes.extend_from_slice(&data);
        if bytes.len() > MAX_BYTES {
            drain(body).await;
            return Err(Failure::PayloadTooLarge { read_bytes: bytes.len() });
        }
    }
    Ok(bytes)
}

async fn drain(mut body: Body) {
    let mut drained = 0;
    while let Ok(Some(Ok(frame))) = timeout(PAUSE, body.frame()).await {
        drained += frame.data_ref().map_or(0, bytes::Bytes::len);
        if drained > MAX_DRAINED_BYTES {
            return;
        }
    }
}

fn decompress(headers: &HeaderMap, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    match encoding.as_deref() {
        Some(b"gzip") => bounded(MultiGzDecoder::new(bytes.as_slice())),
        // The name is used for both formats; only the one with a header begins with its method.
        Some(b"deflate") if bytes.first().is_some_and(|byte| byte & 0x0f == 8) => {
            bounded(ZlibDecoder::new(bytes.as_slice()))
        }
        Some(b"deflate") => bounded(DeflateDecoder::new(bytes.as_slice())),
        _ => Ok(bytes),
    }
}

fn bounded(decoder: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    decoder.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|_| Failure::NotJson)?;
    if bytes.len() > MAX_BYTES { Err(Failure::PayloadTooLarge { read_bytes: bytes.len() }) } else { Ok(bytes) }
}

fn decode(headers: &HeaderMap, bytes: Vec<u8>) -> Result<String, Failure> {
    match charset(headers).as_deref() {
        None | Some("utf-8" | "utf8") => String::from_utf8(bytes).map_err(|_| Failure::NotJson),
        Some("us-ascii" | "ascii") if bytes.is_ascii() => String::from_utf8(bytes).map_err(|_| Failure::NotJson),
        Some("iso-8859-1" | "latin-1" | "latin1") => Ok(bytes.into_iter().map(char::from).collect()),
        Some(_) => Err(Failure::NotJson),
    }
}

fn charset(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let parameter = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    content_type.split(';').skip(1).find_map(parameter)
}

#[cfg(test)]
mod tests;
