//! HTTP clients for servers on the loopback address.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::Process;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client with connections of its own, so that it works in whichever runtime it is used.
pub(crate) fn client() -> Result<reqwest::Client> {
    builder().build().context("build an HTTP client")
}

pub(crate) fn builder() -> reqwest::ClientBuilder {
    // Also a client that never speaks TLS wants to know how it would; a second installation is refused, rightly.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy()
}

/// Waits until a process says under `/readyz` that it is ready.
pub(crate) async fn ready(process: &Process, health_url: &str, within: Duration) -> Result<()> {
    let client = client()?;
    let url = format!("{health_url}/readyz");
    process
        .ready(within, async || {
            let answer = client.get(&url).send().await.context("ask whether it is ready")?;
            let status = answer.status();
            ensure!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default().trim());
            Ok(())
        })
        .await
}
