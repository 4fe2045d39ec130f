//! The program of Prometheus, from wherever this machine has it, else from Debian.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::{process::Command, sync::OnceCell};

use crate::{command, debian, progress::Progress};

/// Its name, which is also that of Debian's package.
pub(super) const PROGRAM: &str = "prometheus";

/// Since then it keeps its data, and takes its flags, as it does now.
const OLDEST: u32 = 2;

const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Sees to it that the program can be started.
///
/// On a machine with an init system Debian's package also starts a service, on the port 9090. It is neither used nor
/// stopped: ours have other ports, and data of their own.
pub(super) async fn find_or_install(progress: Progress) -> Result<()> {
    // The first of several tests installs it for all.
    static FOUND: OnceCell<()> = OnceCell::const_new();
    FOUND.get_or_try_init(async || find_or_get(progress).await).await.copied()
}

async fn find_or_get(progress: Progress) -> Result<()> {
    let version = if let Ok(version) = version().await {
        version
    } else {
        debian::install(PROGRAM, progress).await.context("Prometheus is missing")?;
        version().await?
    };
    ensure!(version >= OLDEST, "Prometheus {OLDEST} or newer is needed (found: {version})");
    Ok(())
}

async fn version() -> Result<u32> {
    let mut command = Command::new(PROGRAM);
    let said = command::run(command.arg("--version"), PROGRAM, ANSWERED_WITHIN, Progress::Silent).await?;
    major(&said).context("find the version of Prometheus")
}

/// Reads `prometheus, version 2.42.0+ds (branch: …`.
fn major(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("prometheus, version ")?;
    version.split_once('.')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read() {
        assert_eq!(major("prometheus, version 2.42.0+ds (branch: debian/sid, revision: 1)\n"), Some(2));
        assert_eq!(major("prometheus, version 3.5.0 (branch: HEAD)"), Some(3));
        assert_eq!(major("prometheus, version 1.8.2"), Some(1));
        assert_eq!(major("not found"), None);
    }
}
