//! Several facades on one etcd, behind one address.

use std::{path::Path, sync::Arc};

use anyhow::Result;
use futures::future::try_join_all;

use crate::{
    facade::{Facade, FacadeOptions},
    process::ProcessGroup,
    proxy::Proxy,
};

/// Facades that differ in nothing but their address. They live in the runtime of the caller.
#[derive(Debug)]
pub struct Replicas {
    facades: Vec<Facade>,
    front: Option<Proxy>,
}

impl Replicas {
    /// Starts `count` facades as `options` say, at least one, and waits until all are ready. In front of several of
    /// them each new connection goes to the next.
    ///
    /// # Errors
    /// When one of them cannot be started or is not ready in time.
    pub async fn start(options: &FacadeOptions, count: usize, group: &Arc<ProcessGroup>, logs: &Path) -> Result<Self> {
        let facades = try_join_all((1..=count.max(1)).map(async |number| {
            let name = if count > 1 { format!("{}-{number}", options.name) } else { options.name.clone() };
            Facade::start(&FacadeOptions { name, ..options.clone() }, group, logs).await
        }))
        .await?;
        let addresses = facades.iter().map(Facade::address).collect::<Vec<_>>();
        let front = if count > 1 { Some(Proxy::in_turn(addresses).await?) } else { None };
        Ok(Self { facades, front })
    }

    /// The root of the REST API.
    #[must_use]
    pub fn url(&self) -> String {
        let only = self.facades.first().map(|facade| facade.url().to_owned()).unwrap_or_default();
        self.front.as_ref().map_or(only, |front| format!("http://{}", front.address()))
    }
}
