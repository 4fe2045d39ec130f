//! Keystone in a virtual environment of Python, in the cache.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::{cache, command, debian, progress::Progress, project};

/// What every package of Keystone 30 wants.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const INSTALLED_WITHIN: Duration = Duration::from_mins(5);

/// The Python of the environment that has Keystone.
pub(super) async fn find_or_install(progress: Progress) -> Result<PathBuf> {
    let requirements = project::root().join("tests/testbed/keystone/requirements.txt");
    let pinned = std::fs::read(&requirements).with_context(|| format!("read {}", requirements.display()))?;
    let python = python(progress).await?;
    let key = cache::key(Sha256::new().chain_update(python).chain_update(pinned))?;
    let dir = cache::once(&format!("keystone-{key}"), "installing Keystone", progress, async |dir| {
        make_environment(dir, progress).await?;
        let mut pip = Command::new(dir.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
        command::run(&mut pip, "pip install", INSTALLED_WITHIN, progress).await.map(drop)
    })
    .await?;
    Ok(dir.join("bin/python"))
}

/// What tells one Python of this machine from another: an environment works with the one that made it.
async fn python(progress: Progress) -> Result<String> {
    let identity = if let Ok(identity) = identity().await {
        identity
    } else {
        debian::install("python3 python3-venv", progress).await.context("Keystone needs Python")?;
        identity().await?
    };
    ensure!(is_new_enough(&identity), "Keystone needs Python 3.11 or newer (found: {})", identity.trim());
    Ok(identity)
}

async fn identity() -> Result<String> {
    let mut command = Command::new("python3");
    command.args(["-Ic", "import sys; print(sys.version, sys.base_prefix)"]);
    command::run(&mut command, "python3", ANSWERED_WITHIN, Progress::Silent).await
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST_PYTHON,
        _ => false,
    }
}

/// Debian's Python comes without the module that this needs.
async fn make_environment(dir: &Path, progress: Progress) -> Result<()> {
    if venv(dir, progress).await.is_ok() {
        return Ok(());
    }
    debian::install("python3-venv", progress).await?;
    venv(dir, progress).await
}

async fn venv(dir: &Path, progress: Progress) -> Result<()> {
    let mut command = Command::new("python3");
    command.args(["-m", "venv", "--clear"]).arg(dir);
    command::run(&mut command, "python3 -m venv", INSTALLED_WITHIN, progress).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_enough_python_is_used() {
        for version in ["3.11.2 (main)", "3.13.0rc1", "4.0.1"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["3.9.2 (default)", "2.7.18", "", "pypy"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
