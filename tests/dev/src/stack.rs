//! The stack of `./dev up`: what is started, and what the user brought along instead.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::{try_join, try_join_all};
use krake_testbed::{
    access::prepare,
    assets::Assets,
    cluster::{Cluster, Ground, Role},
    etcd::{Durability, Etcd},
    facade::{Facade, FacadeOptions},
    kubeconfig::Kubeconfig,
    kubectl::Kubectl,
    operator::Operator,
    process::{Process, ProcessGroup},
    progress::Progress,
};

use crate::{
    args::UpOptions,
    env_file::EnvFile,
    instance::{Component, Instance, Known},
};

const PROGRESS: Progress = Progress::Shown;

/// How many targets there are when nobody says otherwise.
const DEFAULT_TARGETS: usize = 2;

/// Long enough for the facade to close its watches.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

/// A cluster: started here, or the user's own.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) kubeconfig: Kubeconfig,
    pub(crate) path: PathBuf,
    cluster: Option<Cluster>,
}

/// The operator and the facade.
#[derive(Debug)]
pub(crate) struct Krake {
    pub(crate) operator: Operator,
    pub(crate) facade: Facade,
}

/// Everything that `./dev up` holds.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) management: Site,
    pub(crate) targets: Vec<Site>,
    etcd: Option<Etcd>,
    etcd_endpoints: Vec<String>,
    pub(crate) krake: Option<Krake>,
    assets: Assets,
    data: PathBuf,
    group: Arc<ProcessGroup>,
}

impl Stack {
    /// Starts it. The operator and the facade do not wait for the targets.
    pub(crate) async fn start(options: &UpOptions, assets: Assets, data: PathBuf) -> Result<Self> {
        let durability = if options.data.is_some() { Durability::Durable } else { Durability::Fast };
        let ground = Ground { assets, group: ProcessGroup::start()?, data, durability };
        let core = async {
            let ((etcd, endpoints), (management, accounts)) =
                try_join(start_etcd(options, &ground), start_management(options, &ground)).await?;
            let krake = start_krake(options, &ground, &endpoints, &accounts).await?;
            Ok((etcd, endpoints, management, krake))
        };
        let ((etcd, etcd_endpoints, management, krake), targets) =
            try_join(core, start_targets(options, &ground)).await?;
        let Ground { assets, group, data, .. } = ground;
        Ok(Self { management, targets, etcd, etcd_endpoints, krake, assets, data, group })
    }

    /// The root of the REST API, if the facade is part of the stack.
    pub(crate) fn url(&self) -> Option<&str> {
        self.krake.as_ref().map(|krake| krake.facade.url())
    }

    /// kubectl for one of the clusters.
    pub(crate) fn kubectl(&self, site: &Site) -> Kubectl {
        Kubectl::new(self.assets.program("kubectl"), &site.path)
    }

    /// What scripts want to know.
    pub(crate) fn env(&self) -> EnvFile {
        let mut env = EnvFile::default();
        if let Some(krake) = &self.krake {
            env.set("KRAKE_URL", krake.facade.url());
            env.set("FACADE_HEALTH_URL", krake.facade.health_url());
            env.set("OPERATOR_HEALTH_URL", krake.operator.health_url());
        }
        env.set("ETCD_ENDPOINTS", self.etcd_endpoints.join(","));
        env.set("MANAGEMENT_KUBECONFIG", self.management.path.display().to_string());
        for (number, target) in (1..).zip(&self.targets) {
            env.set(&format!("TARGET_{number}_KUBECONFIG"), target.path.display().to_string());
        }
        env.set("KUBECTL", self.assets.program("kubectl").display().to_string());
        env.set("KUBEBUILDER_ASSETS", self.assets.dir().display().to_string());
        env.set("KRAKE_DATA", self.data.display().to_string());
        env
    }

    /// Every process, with what it belongs to.
    pub(crate) fn processes(&self) -> Vec<(&str, &Process)> {
        let mut all: Vec<(&str, &Process)> = self.etcd.iter().map(|etcd| ("etcd", &etcd.process)).collect();
        for site in std::iter::once(&self.management).chain(&self.targets) {
            let processes = site.cluster.iter().flat_map(Cluster::processes);
            all.extend(processes.map(|process| (site.name.as_str(), process)));
        }
        if let Some(krake) = &self.krake {
            all.push(("krake", &krake.operator.process));
            all.push(("krake", &krake.facade.process));
        }
        all
    }

    /// How another `./dev` finds the processes that run now.
    pub(crate) fn instance(&self) -> Result<Instance> {
        let component = |(owner, process): (&str, &Process)| {
            let known = process.id().and_then(|id| Known::of(id).ok());
            let (owner, name, log) = (owner.to_owned(), process.name().to_owned(), process.log().to_owned());
            Component { owner, name, process: known, log }
        };
        Ok(Instance {
            holder: Known::of(std::process::id())?,
            group: Known::of(self.group.id().try_into().context("group id out of range")?)?,
            components: self.processes().into_iter().map(component).collect(),
        })
    }

    /// Lets the operator and the facade end by themselves, then ends the rest.
    pub(crate) async fn stop(self) {
        if let Some(krake) = &self.krake {
            let _ =
                try_join(krake.operator.process.stop(STOPPED_WITHIN), krake.facade.process.stop(STOPPED_WITHIN)).await;
        }
    }
}

async fn start_etcd(options: &UpOptions, ground: &Ground) -> Result<(Option<Etcd>, Vec<String>)> {
    if !options.etcd_endpoints.is_empty() {
        return Ok((None, options.etcd_endpoints.clone()));
    }
    let Ground { assets, group, data, durability } = ground;
    let etcd = PROGRESS.step("etcd", Etcd::start("etcd", assets, group, &data.join("etcd"), *durability)).await?;
    let endpoint = etcd.endpoint();
    Ok((Some(etcd), vec![endpoint]))
}

/// Gives the management cluster and the kubeconfig files of the operator and the facade on it.
async fn start_management(options: &UpOptions, ground: &Ground) -> Result<(Site, [PathBuf; 2])> {
    let site = match &options.management_kubeconfig {
        Some(file) => own_site("management", file, ground).await?,
        None => new_site("management", Role::Management, ground).await?,
    };
    let accounts =
        PROGRESS.step("custom resources and accounts", Box::pin(prepare(&site.kubeconfig, &ground.data))).await?;
    Ok((site, accounts))
}

async fn start_targets(options: &UpOptions, ground: &Ground) -> Result<Vec<Site>> {
    let own = &options.target_kubeconfig;
    let started = options.targets.unwrap_or(if own.is_empty() { DEFAULT_TARGETS } else { 0 });
    let own: Vec<_> = (1..).zip(own).map(|(number, file)| (format!("target-{number}"), file)).collect();
    let new: Vec<_> = (own.len() + 1..=own.len() + started).map(|number| format!("target-{number}")).collect();
    let (mut sites, new) = try_join(
        try_join_all(own.iter().map(|(name, file)| own_site(name, file, ground))),
        try_join_all(new.iter().map(|name| new_site(name, Role::Target, ground))),
    )
    .await?;
    sites.extend(new);
    Ok(sites)
}

async fn new_site(name: &str, role: Role, ground: &Ground) -> Result<Site> {
    let cluster = PROGRESS.step(&format!("cluster {name}"), Box::pin(Cluster::start(name, role, ground))).await?;
    Ok(Site {
        name: name.to_owned(),
        kubeconfig: cluster.kubeconfig().clone(),
        path: cluster.kubeconfig_path().to_owned(),
        cluster: Some(cluster),
    })
}

/// Takes over the user's own cluster, in the current context of the file, with everything in one file.
async fn own_site(name: &str, file: &Path, ground: &Ground) -> Result<Site> {
    let kubectl = Kubectl::new(ground.assets.program("kubectl"), file);
    let config = kubectl.json(&["config", "view", "--flatten", "--minify"]).await?;
    let kubeconfig = Kubeconfig::from_minified(config).with_context(|| format!("use {}", file.display()))?;
    let path = ground.data.join(format!("{name}.kubeconfig"));
    kubeconfig.write(&path)?;
    Ok(Site { name: name.to_owned(), kubeconfig, path, cluster: None })
}

async fn start_krake(
    options: &UpOptions,
    ground: &Ground,
    etcd_endpoints: &[String],
    [operator, facade]: &[PathBuf; 2],
) -> Result<Option<Krake>> {
    if options.clusters_only {
        return Ok(None);
    }
    let facade_options = FacadeOptions {
        name: "api-facade".into(),
        port: Some(options.port),
        etcd_endpoints: etcd_endpoints.to_vec(),
        kubeconfig: Some(facade.clone()),
        ..FacadeOptions::default()
    };
    let Ground { group, data, .. } = ground;
    let (operator, facade) = try_join(
        PROGRESS.step("operator", Operator::start("operator", operator, &[], (group, data))),
        PROGRESS.step("facade", Facade::start(&facade_options, group, data)),
    )
    .await?;
    Ok(Some(Krake { operator, facade }))
}
