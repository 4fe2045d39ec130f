//! The REST facade as a child process.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;

use crate::{
    access::SYSTEM_NAMESPACE,
    binaries, http, port,
    process::{Process, ProcessGroup, Program},
    rest::Rest,
};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// How a facade is started.
#[derive(Clone, Debug)]
pub struct FacadeOptions {
    /// What it is called in the folder of logs.
    pub name: String,
    /// Where it listens; `None` takes a free port.
    pub port: Option<u16>,
    /// Its etcd.
    pub etcd_endpoints: Vec<String>,
    /// Its account on the management cluster. `None`: no sync, REST and etcd alone.
    pub kubeconfig: Option<PathBuf>,
}

/// A facade that runs as a child process.
#[derive(Debug)]
pub struct Facade {
    /// The process, for faults.
    pub process: Process,
    url: String,
    health: String,
}

impl Facade {
    /// Starts a facade and waits until it serves and, with the sync, until the sync sees both sides.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start(options: &FacadeOptions, group: &Arc<ProcessGroup>, logs: &Path) -> Result<Self> {
        port::retry_on_collision(async || {
            let listen = format!("127.0.0.1:{}", options.port.map_or_else(port::free, Ok)?);
            let health = format!("127.0.0.1:{}", port::free()?);
            let mut program = Program::new(&options.name, binaries::path(binaries::API_FACADE)?)
                .args(["--listen", &listen])
                .args(["--health-address", &health])
                .args(["--etcd-endpoints", &options.etcd_endpoints.join(",")])
                .args(["--namespace", SYSTEM_NAMESPACE]);
            program = match &options.kubeconfig {
                Some(kubeconfig) => program.args(["--sync", "on", "--kubeconfig"]).args([kubeconfig]),
                None => program.args(["--sync", "off"]),
            };
            let process = Process::start(program, group, logs)?;
            let facade = Self { process, url: format!("http://{listen}"), health: format!("http://{health}") };
            facade.ready().await?;
            Ok(facade)
        })
        .await
    }

    /// The root of the REST API.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The root of its health and instruments: `/healthz`, `/readyz`, `/metrics`.
    #[must_use]
    pub fn health_url(&self) -> &str {
        &self.health
    }

    /// A new REST client.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn rest(&self) -> Result<Rest> {
        Rest::new(&self.url)
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        http::ready(&self.process, &self.health, READY_WITHIN).await
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When the process cannot be looked at.
    pub async fn stop(&self) -> Result<()> {
        self.process.stop(STOPPED_WITHIN).await.map(drop)
    }

    /// Starts it again after it was stopped or killed, under the same address.
    ///
    /// # Errors
    /// When it runs, or is not ready in time.
    pub async fn start_again(&self) -> Result<()> {
        self.process.start_again()?;
        self.ready().await
    }
}
