//! An exporter: what a Prometheus looks at.

use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result};
use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use tokio::{runtime, sync::oneshot};

/// A metric and its labels, sorted.
type Series = (String, Vec<(String, String)>);

type Values = BTreeMap<Series, f64>;

/// Shows values that tests set, change and remove, until it is dropped. It has a thread of its own, so that it may
/// outlive the runtime of the test that made it.
///
/// Names of metrics and labels are written as they are: one that Prometheus does not allow makes it see nothing at all
/// of this exporter.
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    values: Arc<Mutex<Values>>,
    // The server ends when this goes.
    _alive: oneshot::Sender<()>,
}

impl Exporter {
    /// Starts an exporter without values on a free port.
    ///
    /// # Errors
    /// When it cannot listen, or have a thread.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listen as an exporter")?;
        listener.set_nonblocking(true).context("prepare the exporter's listener")?;
        let address = listener.local_addr().context("find the exporter's own address")?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().context("make a runtime")?;
        let values = Arc::new(Mutex::default());
        let shown = router(&values);
        let (alive, gone) = oneshot::channel();
        let serve = async move {
            tokio::select! {
                _ = serve(listener, shown) => {}
                _ = gone => {}
            }
        };
        let thread = std::thread::Builder::new().name("exporter".to_owned());
        thread.spawn(move || runtime.block_on(serve)).context("start the exporter's thread")?;
        Ok(Self { address, values, _alive: alive })
    }

    /// Where it listens; its values are at `/metrics`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows a value, or another one than before.
    pub fn set(&self, metric: &str, value: f64) {
        self.set_labelled(metric, &[], value);
    }

    /// Shows a value with labels beside those of the same metric with other labels.
    pub fn set_labelled(&self, metric: &str, labels: &[(&str, &str)], value: f64) {
        lock(&self.values).insert(series(metric, labels), value);
    }

    /// Shows a metric no longer, whatever its labels.
    pub fn remove(&self, metric: &str) {
        lock(&self.values).retain(|(name, _), _| name != metric);
    }

    /// Shows a metric no longer with exactly these labels.
    pub fn remove_labelled(&self, metric: &str, labels: &[(&str, &str)]) {
        lock(&self.values).remove(&series(metric, labels));
    }
}

fn series(metric: &str, labels: &[(&str, &str)]) -> Series {
    let mut labels: Vec<_> = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    labels.sort();
    (metric.to_owned(), labels)
}

fn lock(values: &Mutex<Values>) -> MutexGuard<'_, Values> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

fn router(values: &Arc<Mutex<Values>>) -> Router {
    let values = values.clone();
    let show = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], exposition(&lock(&values)));
    Router::new().route("/metrics", get(show))
}

async fn serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
}

/// The text format of Prometheus, version 0.0.4: a line for each series, those of one metric together.
fn exposition(values: &Values) -> String {
    values.iter().fold(String::new(), |mut text, ((metric, labels), value)| {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        // Nothing that is written to a String fails.
        let _ = writeln!(text, "{metric}{{{}}} {value}", labels.join(","));
        text
    })
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_holds_what_was_set_and_not_removed() {
        let exporter = Exporter::start().unwrap();
        exporter.set("heat", 1.0);
        exporter.set("heat", 2.5);
        exporter.set("cold", f64::NAN);
        exporter.set("noise", 3.0);
        exporter.set_labelled("load", &[("zone", "b"), ("krake_cluster", "edge")], 0.3);
        exporter.set_labelled("load", &[("krake_cluster", "core")], 0.4);
        exporter.remove("noise");
        exporter.remove_labelled("load", &[("krake_cluster", "core")]);
        assert_eq!(
            exposition(&lock(&exporter.values)),
            "cold{} NaN\nheat{} 2.5\nload{krake_cluster=\"edge\",zone=\"b\"} 0.3\n"
        );
    }

    #[test]
    fn a_label_may_hold_anything() {
        let values = Values::from([(series("load", &[("path", "a\\b \"c\"\nd")]), 1.0)]);
        assert_eq!(exposition(&values), "load{path=\"a\\\\b \\\"c\\\"\\nd\"} 1\n");
    }
}
