//! The REST facade as a child process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    access::SYSTEM_NAMESPACE,
    binaries,
    configuration::Configuration,
    http, port,
    process::{Process, ProcessGroup, Program},
    rest::Rest,
};

/// A copy that does not lead the sync says that it is ready after 20 seconds.
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// How a facade is started.
#[derive(Clone, Debug, Default)]
pub struct FacadeOptions {
    /// What it is called in the folder of logs.
    pub name: String,
    /// Where it listens; `None` takes a free port.
    pub port: Option<u16>,
    /// Its etcd.
    pub etcd_endpoints: Vec<String>,
    /// Its account on the management cluster. `None`: no sync, REST and etcd alone.
    pub kubeconfig: Option<PathBuf>,
    /// Its configuration file, which then also says where it listens and where etcd is. `None`: flags alone.
    pub configuration: Option<Configuration>,
    /// Further flags.
    pub flags: Vec<String>,
}

/// A facade that runs as a child process.
#[derive(Debug)]
pub struct Facade {
    /// The process, for faults.
    pub process: Process,
    address: SocketAddr,
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
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port.map_or_else(port::free, Ok)?));
            let health = format!("127.0.0.1:{}", port::free()?);
            let program = options.program(address, logs)?.args(["--health-address", &health]);
            let process = Process::start(program, group, logs)?;
            let scheme = options.configuration.as_ref().map_or("http", Configuration::scheme);
            let (url, health) = (format!("{scheme}://{address}"), format!("http://{health}"));
            let facade = Self { process, address, url, health };
            facade.ready().await?;
            Ok(facade)
        })
        .await
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
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

impl FacadeOptions {
    /// The program with its flags, but for the health address; its configuration file is written to `dir`.
    fn program(&self, listen: SocketAddr, dir: &Path) -> Result<Program> {
        let mut program = Program::new(&self.name, binaries::path(binaries::API_FACADE)?)
            .args(["--namespace", SYSTEM_NAMESPACE, "--pod-name", &self.name])
            .args(&self.flags);
        if let Some(configuration) = &self.configuration {
            let etcd = self.etcd_endpoints.first().context("a facade needs an etcd")?;
            let file = dir.join(format!("{}.yaml", self.name));
            std::fs::write(&file, configuration.file(listen, etcd)?)
                .with_context(|| format!("write {}", file.display()))?;
            program = program.args(["--config"]).args([file]);
        } else {
            program = program
                .args(["--listen", &listen.to_string()])
                .args(["--etcd-endpoints", &self.etcd_endpoints.join(",")]);
        }
        Ok(match &self.kubeconfig {
            Some(kubeconfig) => program.args(["--sync", "on", "--kubeconfig"]).args([kubeconfig]),
            None => program.args(["--sync", "off"]),
        })
    }
}
