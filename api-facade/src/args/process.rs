//! The health and the log of the process: flags, keys of the file and defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args as ClapArgs;
use krake_operator_process::telemetry;
use tracing::level_filters::LevelFilter;

use super::value;
use crate::config::Section;
use crate::settings::Log;
use crate::wording::shown;

pub(super) const HEALTH_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9444);
pub(super) const LOG_FORMAT: telemetry::Format = telemetry::Format::Text;
pub(super) const LOG_LEVEL: LevelFilter = LevelFilter::INFO;

/// How the process is watched.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "Operation")]
pub(crate) struct Process {
    /// Address, with port, of `/healthz`, `/readyz` and `/metrics`. Port 0 takes a free one.
    ///
    /// Default: 0.0.0.0:9444. In the file: `health_address`.
    #[arg(long, env = "KRAKE_HEALTH_ADDRESS", value_name = "ADDRESS:PORT")]
    health_address: Option<SocketAddr>,
    /// How log lines are written, to standard error: text or json.
    ///
    /// Default: text. In the file: `log_format`.
    #[arg(long, env = "KRAKE_LOG_FORMAT", value_name = "FORMAT", value_parser = value::choice::<telemetry::Format>)]
    log_format: Option<telemetry::Format>,
    /// Which log lines are written: error, warn, info, debug or trace, and all that are worse. The variable `RUST_LOG`
    /// says it more precisely, and comes first.
    ///
    /// Default: info. In the file: `log.level`.
    #[arg(long, env = "KRAKE_LOG_LEVEL", value_name = "LEVEL", value_parser = level)]
    log_level: Option<LevelFilter>,
}

/// Our levels, and those of Python that the original takes.
fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "error" | "critical" | "fatal" | "40" | "50" => Ok(LevelFilter::ERROR),
        "warn" | "warning" | "30" => Ok(LevelFilter::WARN),
        "info" | "20" => Ok(LevelFilter::INFO),
        "debug" | "10" => Ok(LevelFilter::DEBUG),
        "trace" | "notset" | "0" => Ok(LevelFilter::TRACE),
        _ => Err(format!("must be error, warn, info, debug or trace, not '{}'", shown(text))),
    }
}

impl Process {
    /// Takes from the top of the file what the command line left open. Of the original's `log`, a configuration of
    /// Python's logging, the level is used.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        file.string("health_address", &mut self.health_address, |text| {
            text.parse()
                .map_err(|_| format!("must be an address with a port, such as 0.0.0.0:9444, not '{}'", shown(text)))
        });
        file.string("log_format", &mut self.log_format, value::choice);
        file.section("log", |log| {
            log.parse("level", &mut self.log_level, level);
            if log.leave_rest() {
                log.remark(
                    "of `log` only `level` is used: log lines go to standard error, as `log_format` and RUST_LOG say",
                );
            }
        });
    }

    /// What is left open has its default.
    pub(super) fn resolve(self) -> (SocketAddr, Log) {
        let Self { health_address, log_format, log_level } = self;
        let log = Log { format: log_format.unwrap_or(LOG_FORMAT), level: log_level.unwrap_or(LOG_LEVEL) };
        (health_address.unwrap_or(HEALTH_ADDRESS), log)
    }
}
