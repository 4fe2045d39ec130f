//! The whole system for a test: a fleet, the operator and the facade.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use futures::future::try_join;
use tokio::sync::OnceCell;

use crate::{
    access::Account,
    binaries,
    cluster::Cluster,
    facade::{Facade, FacadeOptions},
    fleet::{Fleet, FleetOptions},
    kubectl::Kubectl,
    lane::Lane,
    operator::Operator,
    process::ProcessGroup,
    progress::Progress,
    rest::Rest,
};

/// What takes minutes in production takes seconds in tests.
const HASTE: &[&str] = &["--reschedule-after-seconds=5", "--metrics-interval-seconds=1", "--metrics-max-age-seconds=5"];

/// Everything, with one operator and one facade.
#[derive(Debug)]
pub struct Testbed {
    /// The operator.
    pub operator: Operator,
    /// The facade.
    pub facade: Facade,
    /// What they stand on.
    pub fleet: Fleet,
}

impl Testbed {
    /// The testbed that all tests of this test binary share; it is started by the first of them, with two targets.
    /// Each test uses names and namespaces of its own (see [`unique`]) and leaves the servers alone: a test that harms
    /// one starts its own testbed. `None` when there are no clusters on this machine and `./dev test` said so.
    ///
    /// # Errors
    /// When something cannot be built or does not start.
    pub async fn shared() -> Result<Option<&'static Self>> {
        static SHARED: OnceCell<Testbed> = OnceCell::const_new();
        if Lane::Clusters.skipped().is_some() {
            return Ok(None);
        }
        SHARED.get_or_try_init(|| Self::start(FleetOptions::default())).await.map(Some)
    }

    /// A testbed for one test alone. `None` as for [`Self::shared`].
    ///
    /// # Errors
    /// When something cannot be built or does not start.
    pub async fn own(options: FleetOptions) -> Result<Option<Self>> {
        if Lane::Clusters.skipped().is_some() {
            return Ok(None);
        }
        Self::start(options).await.map(Some)
    }

    async fn start(options: FleetOptions) -> Result<Self> {
        binaries::build(&[binaries::OPERATOR, binaries::API_FACADE]).await?;
        let fleet = Fleet::start(FleetOptions { progress: Progress::Silent, ..options }).await?;
        let (operator, facade) = try_join(fleet.start_operator("operator"), fleet.start_facade("api-facade")).await?;
        Ok(Self { operator, facade, fleet })
    }

    /// A new REST client.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn rest(&self) -> Result<Rest> {
        self.facade.rest()
    }

    /// Runs kubectl on the management cluster and gives what it printed.
    ///
    /// # Errors
    /// When it fails; the error holds what it complained about.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.management_kubectl().run(args).await
    }

    /// kubectl for the management cluster.
    #[must_use]
    pub fn management_kubectl(&self) -> &Kubectl {
        self.fleet.management.kubectl()
    }

    /// The target cluster with this number, counted from 1.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn target(&self, number: usize) -> Result<&Cluster> {
        self.fleet.target(number)
    }
}

impl Fleet {
    /// Starts an operator; `name` tells several of them apart in the folder of logs.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start_operator(&self, name: &str) -> Result<Operator> {
        Operator::start(name, self.kubeconfig_of(Account::Operator), HASTE, self.place()).await
    }

    /// As [`Self::start_operator`], as patient as users have it.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start_operator_as_shipped(&self, name: &str) -> Result<Operator> {
        Operator::start(name, self.kubeconfig_of(Account::Operator), &[], self.place()).await
    }

    /// Starts a facade with the sync; `name` tells several of them apart in the folder of logs.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start_facade(&self, name: &str) -> Result<Facade> {
        let options = FacadeOptions {
            name: name.to_owned(),
            etcd_endpoints: vec![self.etcd.endpoint()],
            kubeconfig: Some(self.kubeconfig_of(Account::ApiFacade).to_owned()),
            ..FacadeOptions::default()
        };
        let (group, data) = self.place();
        Facade::start(&options, group, data).await
    }

    fn place(&self) -> (&Arc<ProcessGroup>, &Path) {
        let ground = self.ground();
        (&ground.group, &ground.data)
    }
}

/// A name that no other test uses: the given one with the id of this process and a number.
#[must_use]
pub fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(1);
    format!("{name}-{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
