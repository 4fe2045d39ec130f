//! A real etcd with one member.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    assets::Assets,
    http,
    port::{reserve, retry_on_collision},
    process::{Process, ProcessGroup, Program},
    rest::Rest,
};

const READY_WITHIN: Duration = Duration::from_secs(20);

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything that was not written yet: quick, for data that nobody will miss.
    Fast,
    /// Nothing that was acknowledged.
    Durable,
}

/// An etcd that runs as a child process.
#[derive(Debug)]
pub struct Etcd {
    /// The process, for faults.
    pub process: Process,
    port: u16,
    data: PathBuf,
}

impl Etcd {
    /// Starts an etcd called `name` with its data in `dir`, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be started or does not answer in time.
    pub async fn start(
        name: &str,
        assets: &Assets,
        group: &Arc<ProcessGroup>,
        dir: &Path,
        durability: Durability,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let logs = dir.parent().unwrap_or(dir);
        retry_on_collision(async || {
            let (port, data) = (reserve(&dir.join("port"))?, dir.join("data"));
            let program = program(name, assets, &data, port, durability);
            let etcd = Self { process: Process::start(program, group, logs)?, port, data };
            etcd.ready().await?;
            Ok(etcd)
        })
        .await
    }

    /// The URL for clients.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        let client = http::client()?;
        let url = format!("{}/health", self.endpoint());
        self.process
            .ready(READY_WITHIN, async || {
                let health: serde_json::Value = client.get(&url).send().await?.error_for_status()?.json().await?;
                ensure!(health.get("health").and_then(|value| value.as_str()) == Some("true"), "{health}");
                Ok(())
            })
            .await
    }

    /// Where it listens for clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The revision of its newest write.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn revision(&self) -> Result<i64> {
        let status = self.ask("maintenance/status", &json!({})).await?;
        number(&status, "/header/revision").context("etcd names its revision")
    }

    /// How often a key was written since it was created; 0 if there is none.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self, key: &str) -> Result<i64> {
        let range = self.ask("kv/range", &json!({ "key": STANDARD.encode(key) })).await?;
        Ok(number(&range, "/kvs/0/version").unwrap_or_default())
    }

    /// Makes it forget all that happened before this revision.
    ///
    /// # Errors
    /// When it refuses, as it does for a revision that it has forgotten already.
    pub async fn compact(&self, revision: i64) -> Result<()> {
        self.ask("kv/compaction", &json!({ "revision": revision, "physical": true })).await.map(drop)
    }

    /// One call through its JSON gateway.
    async fn ask(&self, call: &str, body: &Value) -> Result<Value> {
        let rest = Rest::new(&self.endpoint())?;
        rest.post(&format!("/v3/{call}"), body).await?.expect(200)
    }

    /// Kills it and starts it again, with its data.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart(&self) -> Result<()> {
        self.process.kill();
        self.process.start_again()?;
        self.ready().await
    }

    /// Kills it and deletes all its data; an empty etcd comes up under the same address.
    ///
    /// # Errors
    /// When the data cannot be deleted or it does not come back.
    pub async fn wipe(&self) -> Result<()> {
        self.process.kill();
        std::fs::remove_dir_all(&self.data).with_context(|| format!("remove {}", self.data.display()))?;
        self.process.start_again()?;
        self.ready().await
    }
}

/// A number within an answer; the gateway writes them as texts.
fn number(answer: &Value, pointer: &str) -> Option<i64> {
    answer.pointer(pointer)?.as_str()?.parse().ok()
}

fn program(name: &str, assets: &Assets, data: &Path, port: u16, durability: Durability) -> Program {
    let url = format!("http://127.0.0.1:{port}");
    let program = Program::new(name, assets.program("etcd"))
        .flag("data-dir", data.display())
        .flag("listen-client-urls", &url)
        .flag("advertise-client-urls", &url)
        // A single member has no peers to listen to.
        .flag("listen-peer-urls", "http://127.0.0.1:0")
        .flag("log-level", "error");
    match durability {
        Durability::Fast => program.args(["--unsafe-no-fsync"]),
        Durability::Durable => program,
    }
}
