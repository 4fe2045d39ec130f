//! `./dev test` and `./dev bench`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use krake_testbed::{binaries, lane::Lane, progress::Progress, project};
use tokio::process::Command;

use crate::{
    args::{BenchOptions, TestOptions},
    pass_on, say,
};

/// The benchmarks' program.
const BENCHMARKS: &str = "krake-bench";

/// Runs all tests. A lane that cannot run on this machine is named in the end; in CI it is a failure, unless somebody
/// gave the reason in the lane's variable.
pub(crate) async fn test(options: TestOptions) -> Result<ExitCode> {
    let skipped = skipped_lanes().await?;
    binaries::build(&[binaries::OPERATOR, binaries::API_FACADE]).await?;
    let mut command = cargo();
    // Without `--workspace`, which would overrule a `-p` of the user: at the root Cargo takes all packages anyway.
    command.arg("test").args(&options.args);
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

/// Builds the benchmarks and hands over to them. They are a program of their own because they are built for speed.
pub(crate) async fn bench(options: BenchOptions) -> Result<ExitCode> {
    let mut build = cargo();
    build.args(["build", "-p", "krake-benchmarks", "--bin", BENCHMARKS]);
    // With the packages of all other programs, so that no dependency is compiled twice.
    build.args(binaries::PACKAGES.iter().flat_map(|package| ["-p", package]));
    let ours = project::program_dir()?;
    let programs = if options.debug_build {
        ours
    } else {
        build.arg("--release");
        ours.with_file_name("release")
    };
    let status = build.status().await.context("run cargo build")?;
    ensure!(status.success(), "cargo build of the benchmarks ended with {status}");
    let mut benchmarks = Command::new(programs.join(BENCHMARKS));
    let status = benchmarks.args(&options.args).status().await.context("run the benchmarks")?;
    Ok(pass_on(status))
}

/// Cargo at the root of the repository.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(project::root());
    command
}
