//! Packages of Debian, where this process may install them.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{command, progress::Progress};

const INSTALLED_WITHIN: Duration = Duration::from_mins(5);

/// Installs packages.
///
/// # Errors
/// When this is not a Debian, or not its administrator; the error says what to install.
pub(crate) async fn install(packages: &str, progress: Progress) -> Result<()> {
    progress.say(&format!("installing {packages} (apt-get)"));
    if apt_get("install", packages, progress).await.is_ok() {
        return Ok(());
    }
    // The lists of a new machine may be missing or old.
    let outcome = match apt_get("update", "", progress).await {
        Ok(()) => apt_get("install", packages, progress).await,
        Err(error) => Err(error),
    };
    outcome.with_context(|| format!("install it and run this again (Debian: apt-get install {packages})"))
}

async fn apt_get(verb: &str, packages: &str, progress: Progress) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        // Another one may be at work.
        .args(["-o", "DPkg::Lock::Timeout=120", verb, "-qq", "-y", "--no-install-recommends"])
        .args(packages.split_whitespace());
    command::run(&mut command, &format!("apt-get {verb}"), INSTALLED_WITHIN, progress).await.map(drop)
}
