//! The facade: Krake's REST API on etcd, kept in step with the custom resources by the sync.

mod about;
mod access;
mod args;
mod assemble;
mod authn;
mod authz;
mod call;
mod config;
mod cors;
mod instruments;
mod limits;
mod payload;
mod problem;
mod query;
mod resource;
mod router;
mod served;
mod server;
mod settings;
mod stall;
mod subresource;
#[cfg(test)]
mod testing;
mod tls;
mod watch;
mod yaml;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use krake_operator_process::{management, shutdown, telemetry};

use crate::args::{Args, Command};
use crate::config::File;
use crate::settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Args { command, config, options } = Args::parse();
    let file = config.as_deref().map(File::read).transpose();
    let (settings, remarks) = match file.and_then(|file| Settings::load(options, file.as_ref())) {
        Ok(loaded) => loaded,
        Err(invalid) => {
            writeln!(std::io::stderr(), "{invalid}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    telemetry::init_at(settings.log.format, settings.log.level)?;
    management::install_crypto();
    remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    match command {
        Some(Command::Detach) => detach(&settings).await?,
        Some(Command::Bootstrap(_)) => {}
        // On the heap: it holds all that the process is made of.
        None => Box::pin(assemble::run(settings, shutdown::token()?)).await.context("the facade stopped")?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn detach(settings: &Settings) -> anyhow::Result<()> {
    let detached = assemble::detach(&settings.management).await.context("detaching stopped; run it again")?;
    tracing::info!(detached, "no object waits for the facade any more; it can be removed now");
    Ok(())
}
