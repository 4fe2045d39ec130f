//! A real Prometheus on a loopback port, and what it measures.

mod exporter;
mod installation;
mod monitoring;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    eventually, http, port,
    process::{Process, ProcessGroup, Program},
    progress::Progress,
};

pub use exporter::Exporter;
pub use monitoring::Monitoring;

/// A fraction of a second, and several times that beside a build.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// It looks every second, but after a start only when it has found out where, which it does every five seconds, in two
/// steps. The rest is for a machine that is busy.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// A Prometheus that runs as a child process and looks at its exporters every second.
#[derive(Debug)]
pub struct Prometheus {
    /// The process, for faults.
    pub process: Process,
    url: String,
    _group: Arc<ProcessGroup>,
}

impl Prometheus {
    /// Finds the program, version 2 or newer, and installs Debian's where it is missing. Later calls find it at once.
    ///
    /// # Errors
    /// When it is missing and this is not a Debian, or not its administrator; or when it is older.
    pub async fn find_or_install(progress: Progress) -> Result<()> {
        installation::find_or_install(progress).await
    }

    /// Starts a Prometheus with its data and its log in `dir`, which looks at `/metrics` of these exporters. To what it
    /// finds it adds the labels `job` and `instance`, as always.
    ///
    /// # Errors
    /// When it cannot be installed or is not ready in time.
    pub async fn start(dir: &Path, exporters: &[SocketAddr]) -> Result<Self> {
        Self::start_below("", dir, exporters).await
    }

    /// As [`Self::start`], with everything below a path, e.g. `/prometheus`: a Prometheus behind a gateway.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn start_below(prefix: &str, dir: &Path, exporters: &[SocketAddr]) -> Result<Self> {
        Self::find_or_install(Progress::Shown).await?;
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let configuration = dir.join("prometheus.yaml");
        std::fs::write(&configuration, looking_at(exporters).to_string())
            .with_context(|| format!("write {}", configuration.display()))?;
        port::retry_on_collision(async || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
            let url = format!("http://{address}{prefix}");
            let program = Program::new("prometheus", installation::PROGRAM)
                .flag("config.file", configuration.display())
                .flag("storage.tsdb.path", dir.join("data").display())
                .flag("web.listen-address", address)
                .flag("web.external-url", &url);
            let group = ProcessGroup::start()?;
            let process = Process::start(program, &group, dir)?;
            let prometheus = Self { process, url, _group: group };
            prometheus.ready().await?;
            Ok(prometheus)
        })
        .await
    }

    /// Where it answers, without a slash at the end, e.g. `http://127.0.0.1:15000/prometheus`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it answers queries. Its first look at the exporters comes up to ten seconds later; until then it
    /// shows what it saw before it was started.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        let client = http::client()?;
        let url = format!("{}/-/ready", self.url);
        self.process
            .ready(READY_WITHIN, async || {
                client.get(&url).send().await?.error_for_status()?;
                Ok(())
            })
            .await
    }

    /// Waits until a query gives one series with this value; NaN is a value like any other.
    ///
    /// # Errors
    /// When it does not within half a minute; the error holds what it gave instead.
    pub async fn sees(&self, query: &str, value: f64) -> Result<()> {
        let is_it = |seen: f64| seen.total_cmp(&value).is_eq() || (seen.is_nan() && value.is_nan());
        self.until(&format!("{query} is {value}"), query, |seen| matches!(seen, [seen] if is_it(*seen))).await
    }

    /// Waits until a query gives nothing.
    ///
    /// # Errors
    /// As for [`Self::sees`].
    pub async fn sees_nothing(&self, query: &str) -> Result<()> {
        self.until(&format!("{query} is gone"), query, <[f64]>::is_empty).await
    }

    async fn until(&self, what: &str, query: &str, is_wanted: impl Fn(&[f64]) -> bool) -> Result<()> {
        let client = http::client()?;
        eventually(what, SEEN_WITHIN, async || {
            let seen = self.values(&client, query).await?;
            ensure!(is_wanted(&seen), "{seen:?}");
            Ok(())
        })
        .await
    }

    /// The values of all series that a query gives.
    async fn values(&self, client: &reqwest::Client, query: &str) -> Result<Vec<f64>> {
        let request = client.get(format!("{}/api/v1/query", self.url)).query(&[("query", query)]);
        let answer: Value = request.send().await.context("ask Prometheus")?.json().await.context("read its answer")?;
        let unexpected = || format!("Prometheus answered {answer}");
        let series = answer.pointer("/data/result").and_then(Value::as_array).with_context(unexpected)?;
        let value = |series: &Value| series.pointer("/value/1")?.as_str()?.parse().ok();
        series.iter().map(value).collect::<Option<_>>().with_context(unexpected)
    }
}

/// The configuration, which is YAML and so may be JSON.
fn looking_at(exporters: &[SocketAddr]) -> Value {
    json!({
        "global": { "scrape_interval": "1s" },
        "scrape_configs": [{ "job_name": "testbed", "static_configs": [{ "targets": exporters }] }],
    })
}

/// A name for a metric that no other test uses: as [`crate::unique`], in the letters that Prometheus allows.
#[must_use]
pub fn unique(metric: &str) -> String {
    crate::unique(metric).replace('-', "_")
}
