//! Logging to standard error, as text for people or as JSON for collectors.
//!
//! Called once by `main`, before anything else. It never writes to standard output and never installs a
//! second subscriber.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::FromEnvError, fmt, prelude::*, util::TryInitError};

/// What is logged unless `RUST_LOG` says otherwise. The libraries are kept to warnings: kube logs every 5xx
/// answer as an error, and a retried call is not one.
const DEFAULT_FILTER: &str = "info,kube_client=warn,kube_runtime=warn,h2=warn,hyper_util=warn";

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

/// Starts logging to standard error in the given format; `RUST_LOG` replaces the default filter.
///
/// # Errors
/// [`Error::ReadFilter`] when `RUST_LOG` cannot be read as a filter, [`Error::Install`] when called twice.
pub fn init(format: Format) -> Result<(), Error> {
    let registry = tracing_subscriber::registry().with(filter()?);
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

fn filter() -> Result<EnvFilter, Error> {
    if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none_or(|set| set.is_empty()) {
        return Ok(EnvFilter::new(DEFAULT_FILTER));
    }
    EnvFilter::try_from_default_env().map_err(Error::ReadFilter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_filter_is_a_filter() {
        assert!(EnvFilter::try_new(DEFAULT_FILTER).is_ok());
    }

    #[test]
    fn formats_are_named_as_on_the_command_line() {
        assert_eq!(Format::from_str("json", false), Ok(Format::Json));
        assert_eq!(Format::from_str("text", false), Ok(Format::Text));
    }
}
