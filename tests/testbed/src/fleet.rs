//! The ground that Krake stands on: an etcd for the facade, a management cluster, and target clusters.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use futures::future::{try_join_all, try_join3};

use crate::{
    access::{Account, prepare},
    assets::Assets,
    cluster::{Cluster, Ground, Role},
    etcd::{Durability, Etcd},
    process::{Process, ProcessGroup},
    progress::Progress,
    scratch::Scratch,
};

/// What a fleet consists of and where its data lies.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// How many target clusters there are.
    pub targets: usize,
    /// The folder for data and logs. `None`: one of its own, which is removed with the fleet.
    pub data: Option<PathBuf>,
    /// What a crash of the machine may cost.
    pub durability: Durability,
    /// Whether the steps of the start are shown.
    pub progress: Progress,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self { targets: 2, data: None, durability: Durability::Fast, progress: Progress::Silent }
    }
}

/// Real servers, all of them children of this process.
#[derive(Debug)]
pub struct Fleet {
    /// The facade's etcd.
    pub etcd: Etcd,
    /// The cluster with the custom resources. The definitions are installed.
    pub management: Cluster,
    /// The clusters that applications run on: `target-1`, `target-2`, ….
    pub targets: Vec<Cluster>,
    operator: PathBuf,
    api_facade: PathBuf,
    ground: Ground,
    // Last, so that the folder goes after the processes that write to it.
    _scratch: Option<Scratch>,
}

impl Fleet {
    /// Starts everything and waits until it can be used.
    ///
    /// # Errors
    /// When the programs of Kubernetes are missing, or one of them does not start.
    pub async fn start(options: FleetOptions) -> Result<Self> {
        let FleetOptions { targets, data, durability, progress } = options;
        let assets = Assets::find_or_build(progress).await?;
        let (data, scratch) = data_dir(data)?;
        let ground = Ground { assets, group: ProcessGroup::start()?, data, durability };
        let etcd_dir = ground.data.join("etcd");
        let numbers: Vec<usize> = (1..=targets).collect();
        let (etcd, management, targets) = Box::pin(try_join3(
            progress.step("etcd", Etcd::start("etcd", &ground.assets, &ground.group, &etcd_dir, durability)),
            progress.step("management cluster", start_management(&ground)),
            try_join_all(numbers.into_iter().map(|number| start_target(number, &ground, progress))),
        ))
        .await?;
        let (management, operator, api_facade) = management;
        Ok(Self { etcd, management, targets, operator, api_facade, ground, _scratch: scratch })
    }

    /// The target cluster with this number, counted from 1.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn target(&self, number: usize) -> Result<&Cluster> {
        let index = number.checked_sub(1).context("targets are counted from 1")?;
        self.targets.get(index).with_context(|| format!("there is no target {number}"))
    }

    /// The kubeconfig file of a service account on the management cluster.
    #[must_use]
    pub fn kubeconfig_of(&self, account: Account) -> &Path {
        match account {
            Account::Operator => &self.operator,
            Account::ApiFacade => &self.api_facade,
        }
    }

    /// What further processes of the fleet are started with.
    #[must_use]
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Every process of the fleet, with the name of what it belongs to.
    pub fn processes(&self) -> impl Iterator<Item = (&str, &Process)> {
        let clusters = std::iter::once(&self.management).chain(&self.targets);
        std::iter::once(("etcd", &self.etcd.process))
            .chain(clusters.flat_map(|cluster| cluster.processes().map(|process| (cluster.name(), process))))
    }
}

/// Starts the management cluster and puts on it what Krake finds there in production.
async fn start_management(ground: &Ground) -> Result<(Cluster, PathBuf, PathBuf)> {
    let cluster = Cluster::start("management", Role::Management, ground).await?;
    let [operator, api_facade] = prepare(cluster.kubeconfig(), &ground.data).await?;
    Ok((cluster, operator, api_facade))
}

async fn start_target(number: usize, ground: &Ground, progress: Progress) -> Result<Cluster> {
    let name = format!("target-{number}");
    progress.step(&format!("{name} cluster"), Cluster::start(&name, Role::Target, ground)).await
}

/// The folder for data: the given one, or a new one that is removed in the end.
fn data_dir(given: Option<PathBuf>) -> Result<(PathBuf, Option<Scratch>)> {
    let Some(dir) = given else {
        let scratch = Scratch::new()?;
        return Ok((scratch.path().to_owned(), Some(scratch)));
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok((dir.canonicalize().with_context(|| format!("find {}", dir.display()))?, None))
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Kubernetes programs take a while to say goodbye to an etcd that is gone: nobody waits for that.
        self.processes().for_each(|(_, process)| process.kill());
    }
}
