//! Logging to standard error, as text for people or as JSON for collectors.
//!
//! Called once by `main`, before anything else. It never writes to standard output and never installs a
//! second subscriber.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::FromEnvError, fmt, prelude::*, util::TryInitError};

/// These libraries are kept to warnings unless `RUST_LOG` says otherwise, and kube to errors: it warns of an answer that
/// it does not understand, and of a watch that is refused, by logging all of the answer, and a target may answer anything.
/// Whoever watches logs by itself what goes wrong.
const QUIET_LIBRARIES: &str = "kube_client=error,kube_runtime=error,h2=warn,hyper_util=warn";

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per event, with its span.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `RUST_LOG` holds something that is not a filter; correct or unset it.
    #[error("RUST_LOG is not a filter")]
    ReadFilter(#[source] FromEnvError),
    /// Another subscriber was installed before.
    #[error("logging is set up already")]
    Install(#[source] TryInitError),
}

/// Starts logging to standard error in the given format, from the level `info` on; `RUST_LOG` replaces the default filter.
///
/// # Errors
/// [`Error::ReadFilter`] when `RUST_LOG` cannot be read as a filter, [`Error::Install`] when called twice.
pub fn init(format: Format) -> Result<(), Error> {
    init_at(format, LevelFilter::INFO)
}

/// As [`init`], from another level on.
///
/// # Errors
/// As [`init`].
pub fn init_at(format: Format, level: LevelFilter) -> Result<(), Error> {
    let registry = tracing_subscriber::registry().with(filter(level)?);
    match format {
        Format::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(colours)).try_init()
        }
        Format::Json => {
            registry.with(fmt::layer().json().with_writer(std::io::stderr).with_current_span(true)).try_init()
        }
    }
    .map_err(Error::Install)
}

fn filter(level: LevelFilter) -> Result<EnvFilter, Error> {
    if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none_or(|set| set.is_empty()) {
        return Ok(EnvFilter::new(default_filter(level)));
    }
    EnvFilter::try_from_default_env().map_err(Error::ReadFilter)
}

fn default_filter(level: LevelFilter) -> String {
    format!("{level},{QUIET_LIBRARIES}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_filter_is_a_filter() {
        for level in [LevelFilter::ERROR, LevelFilter::INFO, LevelFilter::TRACE] {
            assert!(EnvFilter::try_new(default_filter(level)).is_ok());
        }
    }

    #[test]
    fn formats_are_named_as_on_the_command_line() {
        assert_eq!(Format::from_str("json", false), Ok(Format::Json));
        assert_eq!(Format::from_str("text", false), Ok(Format::Text));
    }
}
