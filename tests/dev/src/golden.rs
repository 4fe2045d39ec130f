//! `./dev golden`: recorded traffic of the original against the facade.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use krake_testbed::{
    access::Account,
    assets::Assets,
    binaries,
    configuration::Configuration,
    etcd::{Durability, Etcd},
    facade::FacadeOptions,
    fleet::{Fleet, FleetOptions},
    port,
    process::ProcessGroup,
    progress::Progress,
    project,
    replicas::Replicas,
};
use tokio::process::Command;

use crate::{args::GoldenOptions, pass_on};

const PROGRESS: Progress = Progress::Shown;

pub(crate) async fn run(options: GoldenOptions) -> Result<ExitCode> {
    let shared = project::root().join("../shared/krake");
    let replay = shared.join("replay.py");
    ensure!(replay.exists(), "there is no replay program at {}", replay.display());
    binaries::build(&[binaries::API_FACADE]).await?;

    let data = fresh_folder()?;
    let ground = if options.sync { Box::pin(Ground::with_cluster(&data)).await? } else { Ground::bare(&data).await? };
    // Nobody listens there before the replay does.
    let identity_provider = port::free()?;
    let group = ProcessGroup::start()?;
    let start = try_join_all(roles(identity_provider).map(async |(role, configuration)| {
        let facade = FacadeOptions {
            name: role.into(),
            etcd_endpoints: vec![ground.etcd_endpoint()],
            kubeconfig: ground.kubeconfig().map(Path::to_owned),
            configuration: Some(configuration),
            ..FacadeOptions::default()
        };
        let replicas = Replicas::start(&facade, options.replicas.into(), &group, &data).await;
        Ok((role, replicas.with_context(|| format!("start the facade of the role {role}"))?))
    }));
    let roles = PROGRESS.step("facades", start).await?;

    let mut command = Command::new("python3");
    command.arg(replay);
    if !options.options.iter().any(|option| option == "--golden" || option.starts_with("--golden=")) {
        command.arg("--golden").arg(shared.join("golden"));
    }
    for (role, replicas) in &roles {
        command.arg("--server").arg(format!("{role}={}", replicas.url()));
    }
    command.arg("--idp-port").arg(identity_provider.to_string()).args(&options.options);
    let status = command.status().await.context("run python3")?;
    Ok(pass_on(status))
}

/// The servers that the recordings were made with. What is the same for all is already in every [`Configuration`].
fn roles(identity_provider: u16) -> [(&'static str, Configuration); 8] {
    let provider = format!("http://127.0.0.1:{identity_provider}");
    let open = Configuration::new("always-allow").with_anonymous();
    [
        ("anon", open.clone()),
        ("rbac", Configuration::new("RBAC").with_static("alice")),
        ("rbacanon", Configuration::new("RBAC").with_anonymous()),
        ("deny", Configuration::new("always-deny").with_anonymous()),
        ("noauth", Configuration::new("always-allow")),
        ("cors", open.with_cors_origin("http://example.com")),
        ("keystone", Configuration::new("RBAC").with_anonymous().with_keystone(&format!("{provider}/v3"))),
        ("keycloak", Configuration::new("always-allow").with_keycloak(&provider, "krake")),
    ]
}

/// What all facades stand on.
enum Ground {
    Bare { etcd: Etcd, _group: Arc<ProcessGroup> },
    WithCluster(Box<Fleet>),
}

impl Ground {
    async fn bare(data: &Path) -> Result<Self> {
        let assets = Assets::find_or_build(PROGRESS).await?;
        let group = ProcessGroup::start()?;
        let etcd_dir = data.join("etcd");
        let etcd = Etcd::start("etcd", &assets, &group, &etcd_dir, Durability::Fast);
        Ok(Self::Bare { etcd: PROGRESS.step("etcd", etcd).await?, _group: group })
    }

    async fn with_cluster(data: &Path) -> Result<Self> {
        let options =
            FleetOptions { targets: 0, data: Some(data.to_owned()), progress: PROGRESS, ..FleetOptions::default() };
        Ok(Self::WithCluster(Box::new(Fleet::start(options).await?)))
    }

    fn etcd_endpoint(&self) -> String {
        match self {
            Self::Bare { etcd, .. } => etcd.endpoint(),
            Self::WithCluster(fleet) => fleet.etcd.endpoint(),
        }
    }

    /// The facades' account on the management cluster, if there is one.
    fn kubeconfig(&self) -> Option<&Path> {
        match self {
            Self::Bare { .. } => None,
            Self::WithCluster(fleet) => Some(fleet.kubeconfig_of(Account::ApiFacade)),
        }
    }
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
