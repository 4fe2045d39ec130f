//! The operator as a child process.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;

use crate::{
    access::SYSTEM_NAMESPACE,
    binaries, http, port,
    process::{Process, ProcessGroup, Program},
};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// An operator that runs as a child process.
#[derive(Debug)]
pub struct Operator {
    /// The process, for faults.
    pub process: Process,
    health: String,
}

impl Operator {
    /// Starts an operator called `name` with the account in `kubeconfig` and further `args`, and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time.
    pub async fn start(
        name: &str,
        kubeconfig: &Path,
        args: &[&str],
        (group, logs): (&Arc<ProcessGroup>, &Path),
    ) -> Result<Self> {
        port::retry_on_collision(async || {
            let health = format!("127.0.0.1:{}", port::free()?);
            let program = Program::new(name, binaries::path(binaries::OPERATOR)?)
                .args(["--namespace", SYSTEM_NAMESPACE, "--log-format", "text"])
                .args(["--health-address", &health, "--api-address", "127.0.0.1:0"])
                .args(["--allow-local-targets"])
                .args(["--kubeconfig"])
                .args([kubeconfig])
                .args(args);
            let process = Process::start(program, group, logs)?;
            let operator = Self { process, health: format!("http://{health}") };
            operator.ready().await?;
            Ok(operator)
        })
        .await
    }

    /// The root of its health and instruments: `/healthz`, `/readyz`, `/metrics`.
    #[must_use]
    pub fn health_url(&self) -> &str {
        &self.health
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        http::ready(&self.process, &self.health, READY_WITHIN).await
    }

    /// Whether it says that it is ready, and what it says of it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn readiness(&self) -> Result<(bool, String)> {
        let answer = http::client()?.get(format!("{}/readyz", self.health)).send().await?;
        Ok((answer.status().is_success(), answer.text().await?))
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When the process cannot be looked at.
    pub async fn stop(&self) -> Result<()> {
        self.process.stop(STOPPED_WITHIN).await.map(drop)
    }

    /// Starts it again after it was stopped or killed.
    ///
    /// # Errors
    /// When it runs, or is not ready in time.
    pub async fn start_again(&self) -> Result<()> {
        self.process.start_again()?;
        self.ready().await
    }
}
