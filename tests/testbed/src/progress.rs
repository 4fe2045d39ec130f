//! Lines that tell a person what is going on and how long it took.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::Result;

/// Where the lines go. They are written to standard error, so that standard output holds results only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// To the person at the console.
    Shown,
    /// Nowhere.
    Silent,
}

impl Progress {
    /// Writes one line.
    pub fn say(self, line: &str) {
        if self == Self::Shown {
            // A console that went away is no reason to fail.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Runs a step and writes how long it took, whatever its outcome.
    ///
    /// # Errors
    /// Those of the step.
    pub async fn step<T>(self, what: &str, step: impl Future<Output = Result<T>>) -> Result<T> {
        let start = Instant::now();
        let outcome = step.await;
        let mark = if outcome.is_ok() { "✓" } else { "✗" };
        self.say(&format!("  {mark} {what:<46} {}", seconds(start.elapsed())));
        outcome
    }

    /// Writes a line over the previous one, on a terminal; else below it.
    pub(crate) fn update(self, line: &str) {
        if self == Self::Silent {
            return;
        }
        let mut console = std::io::stderr();
        let _ = if console.is_terminal() {
            write!(console, "\r\x1b[2K{line}").and_then(|()| console.flush())
        } else {
            writeln!(console, "{line}")
        };
    }

    /// Ends a line that was updated.
    pub(crate) fn finish_update(self) {
        if self == Self::Shown && std::io::stderr().is_terminal() {
            let _ = writeln!(std::io::stderr());
        }
    }

    /// How often a line is worth updating: a log file shall not fill with them.
    pub(crate) fn pulse() -> Duration {
        Duration::from_secs(if std::io::stderr().is_terminal() { 1 } else { 20 })
    }
}

/// A duration as people read it.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    format!("{} min {:02} s", duration.as_secs() / 60, duration.as_secs() % 60)
}
