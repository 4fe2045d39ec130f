//! `./dev golden`: recorded traffic of the original against the facade.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use krake_testbed::{
    assets::Assets,
    binaries,
    etcd::{Durability, Etcd},
    facade::{Facade, FacadeOptions},
    process::ProcessGroup,
    progress::Progress,
    project,
};
use tokio::process::Command;

use crate::{args::GoldenOptions, pass_on};

pub(crate) async fn run(options: GoldenOptions) -> Result<ExitCode> {
    let replay = project::root().join("../shared/krake/replay.py");
    ensure!(replay.exists(), "there is no replay program at {}", replay.display());
    let progress = Progress::Shown;
    let assets = Assets::find_or_build(progress).await?;
    binaries::build(&[binaries::API_FACADE]).await?;

    let group = ProcessGroup::start()?;
    let data = fresh_folder()?;
    let etcd_dir = data.join("etcd");
    let etcd = Etcd::start("etcd", &assets, &group, &etcd_dir, Durability::Fast);
    let etcd = progress.step("etcd", etcd).await?;
    let facade_options = FacadeOptions {
        name: "api-facade".into(),
        port: None,
        etcd_endpoints: vec![etcd.endpoint()],
        kubeconfig: None,
    };
    let facade = progress.step("facade", Facade::start(&facade_options, &group, &data)).await?;

    let mut command = Command::new("python3");
    command.arg(replay);
    if !options.options.iter().any(|option| option == "--golden" || option.starts_with("--golden=")) {
        command.arg("--golden").arg(project::root().join("../shared/krake/golden"));
    }
    command.arg("--server").arg(format!("anon={}", facade.url())).args(&options.options);
    let status = command.status().await.context("run python3")?;
    Ok(pass_on(status))
}

/// An empty folder for data and logs, which stays until the next run.
fn fresh_folder() -> Result<PathBuf> {
    let dir = project::root().join(".krake-dev/golden");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("empty {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}
