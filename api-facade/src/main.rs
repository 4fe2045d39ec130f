//! The facade: Krake's REST API on etcd, kept in step with the custom resources by the sync.

mod about;
mod access;
mod args;
mod assemble;
mod authn;
mod authz;
mod bootstrap;
mod call;
mod config;
mod cors;
mod instruments;
mod limits;
mod operator;
mod payload;
mod plan;
mod problem;
mod query;
mod resource;
mod router;
mod served;
mod settings;
mod subresource;
#[cfg(test)]
mod testing;
mod watch;
mod wording;
mod yaml;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use krake_operator_process::{management, open_files, shutdown, telemetry};

use crate::args::{Args, Bootstrap, Command};
use crate::config::File;
use crate::settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Args { command, config, options } = Args::parse();
    if let Some(Command::Bootstrap(Bootstrap { print_default_roles: true, .. })) = command {
        std::io::stdout().write_all(bootstrap::DEFAULT_ROLES.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = config.as_deref().map(File::read).transpose();
    let (settings, remarks) = match file.and_then(|file| Settings::load(options, file.as_ref())) {
        Ok(loaded) => loaded,
        Err(invalid) => {
            writeln!(std::io::stderr(), "{invalid}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    telemetry::init_at(settings.log.format, settings.log.level)?;
    open_files::raise_limit();
    management::install_crypto();
    match command {
        Some(Command::Detach) => detach(&settings).await,
        // On the heap: it holds calls to etcd.
        Some(Command::Bootstrap(request)) => Box::pin(bootstrap(&request, &settings)).await,
        None => {
            for remark in remarks {
                tracing::warn!("{remark}");
            }
            // On the heap: it holds all that the process is made of.
            Box::pin(assemble::run(settings, shutdown::token()?)).await.context("the facade stopped")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn detach(settings: &Settings) -> anyhow::Result<ExitCode> {
    let detached = assemble::detach(&settings.management).await.context("detaching stopped; run it again")?;
    tracing::info!(detached, "no object waits for the facade any more; it can be removed now");
    Ok(ExitCode::SUCCESS)
}

async fn bootstrap(request: &Bootstrap, settings: &Settings) -> anyhow::Result<ExitCode> {
    let report = bootstrap::run(request, &assemble::store(settings).await?).await;
    std::io::stdout().write_all(report.output().as_bytes())?;
    let Some(complaint) = report.complaint() else { return Ok(ExitCode::SUCCESS) };
    std::io::stderr().write_all(complaint.as_bytes())?;
    Ok(ExitCode::FAILURE)
}
