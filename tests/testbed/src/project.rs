//! Where things are in this repository and in its build folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// The folder of the programs that Cargo compiles beside the one that runs now, e.g. `target/debug`.
///
/// # Errors
/// When the path of the running program is unknown.
pub fn program_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("find the running program")?;
    let dir = program.parent().context("find the folder of the running program")?;
    let is_test = dir.file_name().is_some_and(|name| name == "deps");
    Ok(if is_test { dir.parent().unwrap_or(dir) } else { dir }.to_owned())
}

/// The folder in which test runs keep data and logs, one folder for each run.
///
/// # Errors
/// When the path of the running program is unknown.
pub fn test_data_dir() -> Result<PathBuf> {
    let programs = program_dir()?;
    Ok(programs.parent().unwrap_or(&programs).join("testbed"))
}
