//! The operator: Krake's controllers in one process, of which only the holder of a Lease works.

mod api;
mod args;
mod assemble;

use anyhow::Context;
use clap::Parser;
use krake_operator_process::{management, open_files, shutdown, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = args::Args::parse();
    telemetry::init(args.log_format)?;
    open_files::raise_limit();
    management::install_crypto();
    let stop = shutdown::token()?;
    let settings = args.settings()?;
    assemble::run(args, settings, stop).await.context("the operator stopped")
}
