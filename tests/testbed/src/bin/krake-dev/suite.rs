//! `./dev test` and `./dev bench`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use krake_testbed::{binaries, lane::Lane, progress::Progress, project};
use tokio::process::Command;

use crate::{args::TestOptions, pass_on, say};

/// Runs all tests. A lane that cannot run on this machine is named in the end; in CI it is a failure, unless somebody
/// gave the reason in the lane's variable.
pub(crate) async fn test(options: TestOptions) -> Result<ExitCode> {
    let skipped = skipped_lanes().await?;
    binaries::build(&[binaries::OPERATOR, binaries::API_FACADE]).await?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(project::root()).args(["test", "--workspace"]).args(&options.args);
    command.envs(skipped.iter().map(|(lane, reason)| (lane.variable(), reason)));
    let status = command.status().await.context("run cargo test")?;
    match skipped.len() {
        0 => say("\nlanes skipped: none"),
        count => say(format_args!("\nlanes skipped: {count}")),
    }
    for (lane, reason) in skipped {
        say(format_args!("  {}: {reason}", lane.title()));
    }
    Ok(pass_on(status))
}

/// The lanes that do not run, each with its reason.
async fn skipped_lanes() -> Result<Vec<(Lane, String)>> {
    let mut skipped = Vec::new();
    for lane in Lane::ALL {
        if let Some(reason) = lane.skipped() {
            skipped.push((lane, reason));
        } else if let Err(error) = lane.prepare(Progress::Shown).await {
            if std::env::var_os("CI").is_some() {
                bail!("this lane cannot run: {}: {error:#}", lane.title());
            }
            skipped.push((lane, format!("{error:#}")));
        }
    }
    Ok(skipped)
}

/// There is nothing to run yet.
pub(crate) fn bench() -> Result<ExitCode> {
    bail!("there are no benchmarks yet: tests/benchmarks is empty")
}
