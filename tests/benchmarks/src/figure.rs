//! Figures as they are printed: one a line, each with its bar and with what it was compared to.

use std::{
    fmt,
    io::Write,
    time::{Duration, Instant},
};

use krake_testbed::progress::Progress;

/// One measured number.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    bar: Option<&'static str>,
    compared: Option<(String, f64)>,
}

impl Figure {
    /// A number with its unit.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bar: None, compared: None }
    }

    /// A duration, in seconds.
    pub fn seconds(name: impl Into<String>, value: Duration) -> Self {
        Self::new(name, value.as_secs_f64(), "s")
    }

    /// A size, in megabytes.
    pub fn megabytes(name: impl Into<String>, bytes: u64) -> Self {
        Self::new(name, megabytes(bytes), "MB")
    }

    /// What it shall be at full size on the machine that Krake is designed for, in words.
    #[must_use]
    pub fn bar(self, bar: &'static str) -> Self {
        Self { bar: Some(bar), ..self }
    }

    /// What the same unit measured in the same run for something else; shown as a ratio.
    #[must_use]
    pub fn compared(self, with: impl Into<String>, value: f64) -> Self {
        Self { compared: Some((with.into(), value)), ..self }
    }
}

/// Bytes as megabytes.
#[must_use]
pub fn megabytes(bytes: u64) -> f64 {
    // No process has so many bytes that the last of them would matter.
    let kilobytes = u32::try_from(bytes / 1000).unwrap_or(u32::MAX);
    f64::from(kilobytes) / 1000.0
}

/// A count as a number to calculate with.
#[must_use]
pub fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, bar, compared } = self;
        write!(f, "{name}: {} {unit}", Short(*value))?;
        let bar = bar.map(|bar| format!("bar: {bar}"));
        let compared = compared.as_ref().map(|(with, other)| {
            let ratio = if *other == 0.0 { "-".to_owned() } else { format!("{}x", Short(value / other)) };
            format!("compared with {} {unit} {with}: {ratio}", Short(*other))
        });
        let notes: Vec<String> = bar.into_iter().chain(compared).collect();
        if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join("; ")) }
    }
}

/// Digits after the point, at most.
const MOST_DIGITS: usize = 9;

/// A number with three digits that count.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut digits) = (self.0.abs(), 0);
        while rest > 0.0 && rest < 100.0 && digits < MOST_DIGITS {
            rest *= 10.0;
            digits += 1;
        }
        write!(f, "{:.digits$}", self.0)
    }
}

/// Where figures go as soon as they are known: standard output; what goes on meanwhile is told on standard error.
#[derive(Debug)]
pub struct Sheet {
    progress: Progress,
    failures: usize,
}

impl Default for Sheet {
    fn default() -> Self {
        Self { progress: Progress::Shown, failures: 0 }
    }
}

impl Sheet {
    /// Prints a figure.
    pub fn print(&self, figure: &Figure) {
        // A reader that went away is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{figure}");
    }

    /// Prints why a figure is missing.
    pub fn failed(&mut self, name: &str, error: &anyhow::Error) {
        self.failures += 1;
        let _ = writeln!(std::io::stdout(), "{name}: not measured: {error:#}");
    }

    /// How many figures are missing.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// For telling what goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }
}

/// Lets a line pass only now and then.
#[derive(Debug)]
pub struct Pulse(Instant);

impl Default for Pulse {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Pulse {
    /// How often a wait says what it waits for.
    const EVERY: Duration = Duration::from_secs(10);

    /// Writes the line if it is time for one.
    pub fn say(&mut self, progress: Progress, line: impl FnOnce() -> String) {
        if self.0.elapsed() >= Self::EVERY {
            self.0 = Instant::now();
            progress.say(&format!("    … {}", line()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_one_line_with_its_bar_and_its_comparison() {
        let figure = Figure::megabytes("memory", 123_456_789).bar("600 MB").compared("empty", 61.7);
        assert_eq!(figure.to_string(), "memory: 123 MB (bar: 600 MB; compared with 61.7 MB empty: 2.00x)");
        assert_eq!(Figure::new("writes", 0.0, "writes").to_string(), "writes: 0 writes");
        assert_eq!(Figure::new("a", 0.001_234, "s").to_string(), "a: 0.00123 s");
        assert!(Figure::new("a", 1.5, "s").compared("nothing", 0.0).to_string().ends_with("nothing: -)"));
    }
}
