//! Probes one cluster for as long as it is connected.
//!
//! Signs of life that come by themselves, answered calls and events of watches, put the next probe off; a broken watch or
//! an unanswered call brings it forward. With the default period of 5 s, a cluster that falls silent without a trace is
//! found out within 10 s: 6 s at most until the next probe, and twice [`PATIENCE`]. In a fleet of more than seven hundred the
//! period is longer, so that looking after it costs no more than [`EACH`] allows: a thousand are probed every 7 s.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::select_ok;
use kube::Client;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    answer::{self, cause},
    connection::Connection,
    nodes::Nodes,
    reachability::Reachability,
    wake::{ClusterKey, Wake},
};

/// How long an answer may take before a second probe is sent, on another connection, and how long both may take then.
/// Healthy API servers answer `/version` within milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Least time between two probes of which the second shall confirm or refute the first.
const CONFIRMATION: Duration = Duration::from_secs(1);

/// Pause before a probe that is brought forward: what breaks often breaks together.
const REACTION: Duration = Duration::from_millis(100);

/// The longest that signs of life put a probe off: only a probe tells the version, and whether the credentials still hold.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// By how much the first probes of clusters that are connected together are spread, for each of them.
const SPREAD: Duration = Duration::from_millis(2);

/// Least time between two probes of any clusters, on average. A probe takes about 0.1 ms of a core.
const EACH: Duration = Duration::from_millis(7);

/// Probes are due at multiples of this (of a quarter of the interval, if that is less): waking up for many at once costs a
/// third of waking up for each.
const BEAT: Duration = Duration::from_millis(250);

/// When to look at a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Rhythm {
    /// Where the beats are counted from, the same for all clusters.
    pub(crate) origin: Instant,
    /// Period between two probes of a cluster of which nothing is heard otherwise.
    pub(crate) interval: Duration,
    /// How many clusters are connected now.
    pub(crate) clusters: Arc<AtomicUsize>,
}

impl Rhythm {
    /// How long the first probe waits: nothing to speak of for a few clusters, at most one interval for many. All of them
    /// may have been connected at the same moment.
    fn first(&self, key: &ClusterKey) -> Duration {
        SPREAD.saturating_mul(self.clusters()).min(self.interval) * share(key, 0, 100) / 100
    }

    /// Spreads the probes of many clusters: between 80 % and 120 % of the interval, differently for each cluster and turn.
    fn turn(&self, key: &ClusterKey, turn: u64) -> Duration {
        self.interval.max(EACH.saturating_mul(self.clusters())) * (80 + share(key, turn, 40)) / 100
    }

    fn clusters(&self) -> u32 {
        u32::try_from(self.clusters.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// The last beat before that moment.
    fn beat(&self, moment: Instant) -> Instant {
        let beat = BEAT.min(self.interval / 4).as_millis().max(1);
        let since = moment.saturating_duration_since(self.origin).as_millis();
        moment - Duration::from_millis(u64::try_from(since % beat).unwrap_or_default())
    }
}

/// A number from 0 to `most`, the same for the same cluster and turn.
fn share(key: &ClusterKey, turn: u64, most: u32) -> u32 {
    let mut hasher = DefaultHasher::new();
    (key, turn).hash(&mut hasher);
    u32::try_from(hasher.finish() % u64::from(most + 1)).unwrap_or_default()
}

pub(crate) async fn keep_probing(connection: Arc<Connection>, rhythm: Rhythm) {
    let key = &connection.address.key;
    sleep(rhythm.first(key)).await;
    for turn in 1_u64.. {
        let begun = Instant::now();
        probe(&connection).await;
        match connection.gate.verdict() {
            Reachability::Returning { .. } => sleep_until(begun + CONFIRMATION).await,
            Reachability::Unreachable { .. } => sleep_until(rhythm.beat(begun + rhythm.turn(key, turn))).await,
            Reachability::Unknown | Reachability::Reachable { .. } if connection.gate.is_in_doubt() => {
                sleep_until(begun + CONFIRMATION).await;
            }
            Reachability::Unknown | Reachability::Reachable { .. } => {
                await_silence(&connection, &rhythm, rhythm.turn(key, turn)).await;
            }
        }
    }
}

/// Returns when nothing was heard of the cluster for so long, or when there is doubt.
async fn await_silence(connection: &Connection, rhythm: &Rhythm, silence: Duration) {
    let begun = Instant::now();
    let latest = begun + silence.max(LONGEST_SILENCE);
    let heard = || connection.gate.last_heard().unwrap_or(begun).max(begun);
    let due = || rhythm.beat((heard() + silence).min(latest));
    let mut turn = due();
    loop {
        tokio::select! {
            () = sleep_until(turn) => {
                if due() <= turn {
                    return;
                }
                turn = due();
            }
            () = connection.gate.doubted() => return sleep(REACTION).await,
        }
    }
}

async fn probe(connection: &Connection) {
    let mut first = pin!(ask(&connection.prober));
    if let Ok(answer) = timeout(PATIENCE, first.as_mut()).await {
        return conclude(connection, answer);
    }
    conclude(connection, Err(silent()));
    // The first one keeps its connection busy, which may be all that is broken. A late answer to it counts as well.
    let second = pin!(ask(&connection.prober));
    let answer = timeout(PATIENCE, select_ok([first, second]));
    conclude(connection, answer.await.map_or_else(|_| Err(silent()), |answer| answer.map(|(version, _)| version)));
}

fn silent() -> String {
    format!("the API server did not answer within {} s", PATIENCE.as_secs())
}

async fn ask(client: &Client) -> Result<String, String> {
    match client.apiserver_version().await {
        Ok(version) => Ok(answer::version(&version.git_version)),
        Err(error) => Err(explain(&error)),
    }
}

fn conclude(connection: &Connection, answer: Result<String, String>) {
    let change = connection.gate.probed(answer);
    if change.verdict {
        match connection.gate.verdict() {
            Reachability::Reachable { version } => tracing::info!(version, "cluster answers"),
            Reachability::Returning { version } => tracing::info!(version, "cluster answers again"),
            Reachability::Unreachable { why } => {
                connection.nodes.send_replace(Nodes::Unknown);
                tracing::warn!(reason = why, "cluster does not answer");
            }
            Reachability::Unknown => {}
        }
        connection.wake(Wake::Cluster(connection.address.key.clone()));
    }
    if change.opened {
        connection.wake(Wake::Everything(connection.address.key.clone()));
    }
}

fn explain(error: &kube::Error) -> String {
    let cause = cause(error);
    match error {
        kube::Error::Api(status) if status.code == 401 || status.code == 403 => {
            format!("the API server refuses the credentials of the kubeconfig: {cause}")
        }
        kube::Error::Api(_) => format!("the API server is not well: {cause}"),
        _ => format!("the API server cannot be reached: {cause}"),
    }
}

#[cfg(test)]
mod tests;
