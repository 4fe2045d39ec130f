//! The programs of this repository: built by Cargo, found beside the program that runs now.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::project;

/// The operator's program and package.
pub const OPERATOR: &str = "krake-operator";

/// The facade's program and package.
pub const API_FACADE: &str = "krake-api-facade";

/// The package of each program that is built here; the script `dev` has the same. Cargo is always told all of them, and
/// which programs are wanted: so a dependency has the same features, and is compiled once, whichever program asks for it.
pub const PACKAGES: [&str; 3] = ["krake-dev", OPERATOR, API_FACADE];

/// Brings programs up to date, in the profile of the program that runs now. Cargo shows what it does, and does nothing
/// when nothing changed; so a test never meets yesterday's operator.
///
/// # Errors
/// When Cargo cannot be run or the build fails.
pub async fn build(programs: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(project::root())
        .arg("build")
        .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
        .args(programs.iter().flat_map(|program| ["--bin", program]));
    if project::program_dir()?.ends_with("release") {
        command.arg("--release");
    }
    // What Cargo tells a test about its package would make build scripts that look at it run again, and with them all
    // that depends on them.
    let told = |name: &std::ffi::OsString| {
        name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| told(name)) {
        command.env_remove(name);
    }
    let status = command.status().await.context("run cargo")?;
    ensure!(status.success(), "cargo build of {} ended with {status}", programs.join(" and "));
    Ok(())
}

/// Where a program is after [`build`].
///
/// # Errors
/// When the path of the running program is unknown.
pub fn path(program: &str) -> Result<PathBuf> {
    Ok(project::program_dir()?.join(program))
}
