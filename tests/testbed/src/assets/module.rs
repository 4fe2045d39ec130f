//! A Go module under `tests/cluster`, and the cache of what was built from it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::go;
use crate::{
    cache,
    progress::{Progress, seconds},
    project,
};

/// How many of the last lines of a failed build are shown.
const SHOWN_LINES: usize = 20;

/// One of our two Go modules, and what is built from it.
#[derive(Debug)]
pub(super) struct Module {
    /// What people call it.
    title: &'static str,
    dir: PathBuf,
    /// The package with the program.
    package: &'static str,
    /// The file that the build makes, and other names for it.
    program: &'static str,
    links: &'static [&'static str],
    linker_flags: String,
}

/// etcd, the control plane and kubectl, in one program.
pub(super) fn control_plane() -> Result<Module> {
    let dir = project::root().join("tests/cluster/controlplane");
    let go_mod = read(&dir.join("go.mod"))?;
    let version = required_version(&go_mod, "k8s.io/kubernetes").context("find the version of k8s.io/kubernetes")?;
    Ok(Module {
        title: "the Kubernetes control plane",
        package: ".",
        program: "controlplane",
        links: &super::CONTROL_PLANE,
        linker_flags: version_flags(version)?,
        dir,
    })
}

/// The simulator of nodes and pods.
pub(super) fn kwok() -> Module {
    Module {
        title: "kwok",
        dir: project::root().join("tests/cluster/kwok"),
        package: "sigs.k8s.io/kwok/cmd/kwok",
        program: "kwok",
        links: &[],
        linker_flags: "-s -w".into(),
    }
}

/// Which version of `module` a `go.mod` requires.
fn required_version<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next() == Some(module)).then(|| words.next()).flatten()
    })
}

/// What the API server says about itself; kubectl cannot work with a server that has no version.
fn version_flags(version: &str) -> Result<String> {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        bail!("{version} is not a version");
    };
    let values = [
        ("gitVersion", version),
        ("gitMajor", major),
        ("gitMinor", minor),
        ("gitCommit", "unknown"),
        ("gitTreeState", "clean"),
        ("buildDate", "2026-01-01T00:00:00Z"),
    ];
    let flags = values.map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"));
    Ok(format!("-s -w {}", flags.join(" ")))
}

impl Module {
    /// The folder with the finished build, which is made where it is missing.
    pub(super) async fn find_or_build(&self, progress: Progress) -> Result<PathBuf> {
        let what = format!("building {}", self.title);
        cache::once(&self.key()?, &what, progress, async |dir| self.build_into(dir, progress).await).await
    }

    /// Changes with everything that the result of the build depends on.
    fn key(&self) -> Result<String> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.dir)
            .with_context(|| format!("list {}", self.dir.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        files.retain(|path| path.extension().is_some_and(|end| end == "go" || end == "mod" || end == "sum"));
        files.sort();
        let mut hash = Sha256::new();
        for text in [std::env::consts::OS, std::env::consts::ARCH, self.package, &self.linker_flags] {
            hash.update(format!("{}:{text}", text.len()));
        }
        for file in files {
            let text = read(&file)?;
            hash.update(format!("{}:{}:{text}", name(&file), text.len()));
        }
        cache::key(hash)
    }

    async fn build_into(&self, dir: &Path, progress: Progress) -> Result<()> {
        let go = go::find_or_install(progress).await?;
        let packages = self.count_packages(&go).await?;
        let mut build = self
            .go(&go)
            .args(["build", "-v", "-trimpath", "-ldflags", &self.linker_flags, "-o"])
            .arg(dir.join(self.program))
            .arg(self.package)
            .stderr(Stdio::piped())
            .spawn()
            .context("start go build")?;
        follow(&mut build, packages, progress).await?;
        for link in self.links {
            std::os::unix::fs::symlink(self.program, dir.join(link)).with_context(|| format!("link {link}"))?;
        }
        Ok(())
    }

    /// Downloads the sources where they are missing, and counts what there is to compile.
    async fn count_packages(&self, go: &Path) -> Result<usize> {
        let list = self.go(go).args(["list", "-deps", self.package]).output().await.context("run go list")?;
        ensure!(list.status.success(), "go list: {}", String::from_utf8_lossy(&list.stderr).trim());
        Ok(list.stdout.split(|byte| *byte == b'\n').count())
    }

    fn go(&self, go: &Path) -> Command {
        let mut command = Command::new(go);
        command
            .current_dir(&self.dir)
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=readonly")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// Counts the packages that `go build -v` names, and keeps its last lines for the case that it fails.
async fn follow(build: &mut Child, packages: usize, progress: Progress) -> Result<()> {
    let start = Instant::now();
    let mut lines = BufReader::new(build.stderr.take().context("read the output of go build")?).lines();
    let mut pulse = tokio::time::interval(Progress::pulse());
    let (mut compiled, mut last) = (0, std::collections::VecDeque::new());
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line.context("read the output of go build")? else { break };
                compiled += 1;
                last.push_back(line);
                if last.len() > SHOWN_LINES {
                    last.pop_front();
                }
            }
            _ = pulse.tick() => {
                progress.update(&format!("  {compiled} of {packages} packages compiled, {}", seconds(start.elapsed())));
            }
        }
    }
    progress.finish_update();
    let status = build.wait().await.context("wait for go build")?;
    ensure!(status.success(), "go build ended with {status}\n{}", Vec::from(last).join("\n"));
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_comes_from_the_requirement_not_from_a_replacement() {
        let go_mod = "replace k8s.io/api => k8s.io/api v0.1.0\nrequire (\n\tk8s.io/kubernetes v1.37.2\n)\n";
        assert_eq!(required_version(go_mod, "k8s.io/kubernetes"), Some("v1.37.2"));
        assert_eq!(required_version(go_mod, "k8s.io/api"), None);
    }

    #[test]
    fn the_server_is_told_its_version() {
        let flags = version_flags("v1.37.2").unwrap();
        assert!(flags.contains("version.gitVersion=v1.37.2") && flags.contains("version.gitMinor=37"), "{flags}");
        assert!(version_flags("latest").is_err());
    }

    #[test]
    fn each_module_has_its_own_place_in_the_cache() {
        let (control_plane, kwok) = (control_plane().unwrap(), kwok());
        assert_ne!(control_plane.key().unwrap(), kwok.key().unwrap());
        assert_eq!(control_plane.key().unwrap(), control_plane.key().unwrap());
    }
}
