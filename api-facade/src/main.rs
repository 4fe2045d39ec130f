//! The facade: Krake's REST API on etcd, kept in step with the custom resources by the sync.

mod about;
mod args;
mod assemble;
mod authn;
mod authz;
mod call;
mod cors;
mod instruments;
mod payload;
mod problem;
mod query;
mod resource;
mod router;
mod served;
mod server;
mod stall;
mod subresource;
#[cfg(test)]
mod testing;
mod watch;

use anyhow::Context;
use clap::Parser;
use krake_operator_process::{management, shutdown, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = args::Args::parse();
    telemetry::init(args.log_format)?;
    management::install_crypto();
    if let Some(args::Command::Detach) = args.command {
        let detached = assemble::detach(&args).await.context("detaching stopped; run it again")?;
        tracing::info!(detached, "no object waits for the facade any more; it can be removed now");
        return Ok(());
    }
    let stop = shutdown::token()?;
    // On the heap: it holds all that the process is made of.
    Box::pin(assemble::run(args, stop)).await.context("the facade stopped")
}
