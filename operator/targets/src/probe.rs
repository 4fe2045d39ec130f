//! Probes one cluster for as long as it is connected.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use crate::{
    connection::Connection,
    gate::cause,
    nodes::Nodes,
    reachability::Reachability,
    wake::{ClusterKey, Wake},
};

/// How long a probe may take. Healthy API servers answer `/version` within milliseconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// Pause before a probe that shall confirm or refute a failed one.
const CONFIRMATION: Duration = Duration::from_secs(1);

pub(crate) async fn keep_probing(connection: Arc<Connection>, interval: Duration) {
    for tick in 0_u64.. {
        probe(&connection).await;
        let is_down = matches!(connection.gate.verdict(), Reachability::Unreachable { .. });
        let pause = if connection.gate.is_in_doubt() && !is_down {
            CONFIRMATION
        } else {
            jittered(interval, &connection.address.key, tick)
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = connection.gate.doubted() => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn probe(connection: &Connection) {
    let answer = tokio::time::timeout(DEADLINE, connection.client.apiserver_version()).await;
    let change = connection.gate.probed(match answer {
        Ok(Ok(version)) => Ok(version.git_version),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(format!("the API server did not answer within {} s", DEADLINE.as_secs())),
    });
    if change.verdict {
        match connection.gate.verdict() {
            Reachability::Reachable { version } => tracing::info!(version, "cluster answers"),
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

/// Spreads the probes of many clusters: between 90 % and 110 % of the interval, differently for each cluster and turn.
fn jittered(interval: Duration, key: &ClusterKey, tick: u64) -> Duration {
    let mut hasher = DefaultHasher::new();
    (key, tick).hash(&mut hasher);
    let percent = u32::try_from(hasher.finish() % 21).unwrap_or_default();
    interval * (90 + percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_spread_around_the_interval() {
        let interval = Duration::from_secs(3);
        let pauses: Vec<_> = (0..50).map(|tick| jittered(interval, &ClusterKey::new("web", "edge"), tick)).collect();
        assert!(pauses.iter().all(|pause| (2.7..=3.3).contains(&pause.as_secs_f64())), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
