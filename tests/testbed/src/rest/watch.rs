//! An open watch stream: one JSON document a line, empty lines as heartbeats.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

/// What happened to an object.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Event {
    /// `ADDED`, `MODIFIED` or `DELETED`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object as it was then.
    pub object: Value,
}

impl Event {
    /// The name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        self.object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The object's `status.state`.
    #[must_use]
    pub fn state(&self) -> &str {
        self.object.pointer("/status/state").and_then(Value::as_str).unwrap_or_default()
    }
}

/// An open watch.
#[derive(Debug)]
pub struct Watch {
    path: String,
    response: reqwest::Response,
    buffer: Vec<u8>,
    heartbeats: usize,
}

impl Watch {
    pub(super) fn new(path: &str, response: reqwest::Response) -> Self {
        Self { path: path.to_owned(), response, buffer: Vec::new(), heartbeats: 0 }
    }

    /// How many heartbeats came so far.
    #[must_use]
    pub fn heartbeats(&self) -> usize {
        self.heartbeats
    }

    /// The next event, or `None` when the server has closed the stream.
    ///
    /// # Errors
    /// When the connection breaks, or a line is not an event. There is no deadline: wrap it, or use [`Self::until`].
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(line) = self.buffered_line() {
                let event = serde_json::from_slice(&line);
                return event.map(Some).with_context(|| format!("read an event of {}", self.path));
            }
            match self.response.chunk().await.with_context(|| format!("read the watch of {}", self.path))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// Takes the next complete line that is not a heartbeat out of the buffer.
    fn buffered_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
            self.heartbeats += 1;
        }
    }

    /// Reads until an event is the wanted one.
    ///
    /// # Errors
    /// When it does not come in time, or the stream ends; the error names the last event that came.
    pub async fn until(&mut self, within: Duration, mut wanted: impl FnMut(&Event) -> bool) -> Result<Event> {
        let deadline = Instant::now() + within;
        let mut last = None;
        loop {
            let Ok(next) = timeout_at(deadline, self.next()).await else {
                bail!("no wanted event on {} within {within:?}; the last one was {last:?}", self.path);
            };
            match next? {
                Some(event) if wanted(&event) => return Ok(event),
                Some(event) => last = Some(event),
                None => bail!("the watch of {} ended; the last event was {last:?}", self.path),
            }
        }
    }
}
