//! `./dev test` and `./dev bench`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use krake_testbed::{assets::Assets, binaries, lane, progress::Progress, project};
use tokio::process::Command;

use crate::{args::TestOptions, pass_on, say};

/// Runs all tests. A lane that cannot run on this machine is named in the end; in CI it is a failure.
pub(crate) async fn test(options: TestOptions) -> Result<ExitCode> {
    let skipped = Assets::find_or_build(Progress::Shown).await.err().map(|error| format!("{error:#}"));
    if let Some(reason) = &skipped
        && std::env::var_os("CI").is_some()
    {
        bail!("the lane with real clusters cannot run: {reason}");
    }
    binaries::build(&[binaries::OPERATOR, binaries::API_FACADE]).await?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(project::root()).args(["test", "--workspace"]).args(&options.args);
    if let Some(reason) = &skipped {
        command.env(lane::SKIP_CLUSTERS, reason);
    }
    let status = command.status().await.context("run cargo test")?;
    match skipped {
        None => say("\nlanes skipped: none"),
        Some(reason) => say(format!("\nlanes skipped: 1\n  real clusters (acceptance, robustness): {reason}")),
    }
    Ok(pass_on(status))
}

/// There is nothing to run yet.
pub(crate) fn bench() -> Result<ExitCode> {
    bail!("there are no benchmarks yet: tests/benchmarks is empty")
}
