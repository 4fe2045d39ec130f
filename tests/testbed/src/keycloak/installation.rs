//! Keycloak in the cache: fetched with Maven, and built for the options that never change here.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::{cache, command, debian, progress::Progress};

const VERSION: &str = "26.7.3";

const OLDEST_JAVA: u32 = 17;

/// The step of Maven that downloads an archive and unpacks it.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
const FETCHED_WITHIN: Duration = Duration::from_mins(5);
const BUILT_WITHIN: Duration = Duration::from_mins(5);

/// The folder of the built program.
pub(super) async fn find_or_install(progress: Progress) -> Result<PathBuf> {
    need_java(progress).await?;
    let unpacked = format!("keycloak-{VERSION}");
    let dir = cache::once(&unpacked, "installing Keycloak", progress, async |dir| {
        need_maven(progress).await?;
        let mut fetch = Command::new("mvn");
        fetch
            .current_dir(dir)
            .args(["--batch-mode", "--quiet", UNPACK])
            .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"))
            .arg(format!("-DoutputDirectory={}", dir.display()));
        command::run(&mut fetch, "fetching Keycloak (180 MB)", FETCHED_WITHIN, progress).await?;
        let mut build = Command::new(dir.join(&unpacked).join("bin/kc.sh"));
        build.args(["build", "--db=dev-mem", "--http-relative-path=/auth"]);
        command::run(&mut build, "building Keycloak", BUILT_WITHIN, progress).await.map(drop)
    })
    .await?;
    Ok(dir.join(unpacked))
}

async fn need_java(progress: Progress) -> Result<()> {
    let version = if let Ok(version) = java_version().await {
        version
    } else {
        debian::install("default-jre-headless", progress).await.context("Keycloak needs Java")?;
        java_version().await?
    };
    ensure!(version >= OLDEST_JAVA, "Keycloak needs Java {OLDEST_JAVA} or newer (found: {version})");
    Ok(())
}

/// The major version of the Java that Keycloak's script takes.
async fn java_version() -> Result<u32> {
    let java = std::env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| PathBuf::from(home).join("bin/java"));
    let said = command::run(Command::new(java).arg("-version"), "java", ANSWERED_WITHIN, Progress::Silent).await?;
    major(&said).context("find the version of Java")
}

/// Reads `openjdk version "17.0.15" 2025-04-15`.
fn major(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("version \"")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

async fn need_maven(progress: Progress) -> Result<()> {
    let mut maven = Command::new("mvn");
    if command::run(maven.arg("--version"), "mvn", ANSWERED_WITHIN, Progress::Silent).await.is_ok() {
        return Ok(());
    }
    debian::install("maven", progress).await.context("Keycloak is fetched with Maven")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_java_is_read() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(major("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"25\" 2025-09-16"), Some(25));
        assert_eq!(major("java version \"1.8.0_401\""), Some(1));
        assert_eq!(major("not java"), None);
    }
}
