//! etcd and facades, without Kubernetes: all that the REST API needs.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::{
    assets::Assets,
    binaries,
    etcd::{Durability, Etcd},
    facade::{Facade, FacadeOptions},
    lane::Lane,
    process::ProcessGroup,
    progress::Progress,
    scratch::Scratch,
};

/// An etcd, and where facades are started.
#[derive(Debug)]
pub struct Alone {
    /// The etcd.
    pub etcd: Etcd,
    group: Arc<ProcessGroup>,
    // Last, so that the folder goes after the processes that write to it.
    scratch: Scratch,
}

impl Alone {
    /// Starts an etcd. `None` when this machine has none and `./dev test` said so.
    ///
    /// # Errors
    /// When something cannot be built or does not start.
    pub async fn start() -> Result<Option<Self>> {
        static BUILT: OnceCell<()> = OnceCell::const_new();
        if Lane::Clusters.skipped().is_some() {
            return Ok(None);
        }
        BUILT.get_or_try_init(async || binaries::build(&[binaries::API_FACADE]).await).await?;
        let assets = Assets::find_or_build(Progress::Silent).await?;
        let (group, scratch) = (ProcessGroup::start()?, Scratch::new()?);
        let etcd = Etcd::start("etcd", &assets, &group, &scratch.path().join("etcd"), Durability::Fast).await?;
        Ok(Some(Self { etcd, group, scratch }))
    }

    /// Starts a facade; unless the options say otherwise, on the etcd.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn facade(&self, mut options: FacadeOptions) -> Result<Facade> {
        if options.etcd_endpoints.is_empty() {
            options.etcd_endpoints = vec![self.etcd.endpoint()];
        }
        Facade::start(&options, &self.group, self.scratch.path()).await
    }

    /// The folder for files of the test, beside the logs.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }
}
