//! Loopback ports for programs that cannot choose one themselves.

use std::{net::TcpListener, path::Path};

use anyhow::{Context, Result, bail};
use rand::RngExt;

/// Below the range from which Linux takes the ports of outgoing connections: a port that a killed server gave up is
/// still free when the server comes back.
const RANGE: std::ops::Range<u16> = 12_000..32_000;

/// What programs print, in capitals or not, when another one was quicker.
const COLLISION: &str = "address already in use";

/// How often a start is tried again on other ports.
const ATTEMPTS: usize = 4;

/// A port that is free at this moment.
///
/// # Errors
/// When no port of the range is free.
pub fn free() -> Result<u16> {
    for _ in 0..200 {
        let port = rand::rng().random_range(RANGE);
        if is_free(port) {
            return Ok(port);
        }
    }
    bail!("no free port between {} and {}", RANGE.start, RANGE.end)
}

/// Whether a server could listen on this port of the loopback address now.
#[must_use]
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The port noted in `file` if it is free, else another one, which is noted there. A server that is started again on
/// the same data is so found under the same address.
pub(crate) fn reserve(file: &Path) -> Result<u16> {
    let noted = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = noted.filter(|port| is_free(*port)) {
        return Ok(port);
    }
    let port = free()?;
    std::fs::write(file, port.to_string()).with_context(|| format!("write {}", file.display()))?;
    Ok(port)
}

/// Repeats a start that lost a race for a port.
pub(crate) async fn retry_on_collision<T>(mut start: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match start().await {
            Err(error) if format!("{error:#}").to_lowercase().contains(COLLISION) => {}
            outcome => return outcome,
        }
    }
    start().await
}
