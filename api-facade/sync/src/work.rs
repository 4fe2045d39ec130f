//! The loop of one kind: takes keys from the queue and looks at a bounded number of them at a time.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use krake_facade_store::Key;
use tokio::{sync::mpsc, task::JoinSet};
use tracing::Instrument;

use crate::{
    error::Retry,
    gate::Gates,
    listen::Wake,
    queue::{Outcome, Queue},
    reconcile::Reconciler,
    translate::Pairing,
};

/// How many objects of a kind are looked at at the same time: enough to hide the round trips, few enough to leave the
/// API server to others.
const CONCURRENCY: usize = 16;

/// Works until the wakes end.
pub(crate) async fn run<P: Pairing>(reconciler: Arc<Reconciler<P>>, mut wakes: mpsc::Receiver<Wake>, gates: Gates) {
    let mut queue = Queue::new();
    let mut departed = HashMap::new();
    let mut opening = std::pin::pin!(gates.opened().fuse());
    let mut is_open = false;
    let mut looks = JoinSet::new();
    loop {
        while is_open && looks.len() < CONCURRENCY {
            let Some(key) = queue.take(Instant::now()) else { break };
            let mark = departed.remove(&key);
            looks.spawn(look(reconciler.clone(), key, mark));
        }
        let due = queue.next_due().filter(|_| is_open && looks.len() < CONCURRENCY);
        tokio::select! {
            () = &mut opening, if !is_open => is_open = true,
            wake = wakes.recv() => match wake {
                Some(Wake::Look(key)) => queue.wake(key),
                Some(Wake::Departed { key, uid }) => {
                    departed.insert(key.clone(), uid);
                    queue.wake(key);
                }
                None => return,
            },
            Some(look) = looks.join_next() => {
                // Panics are caught inside, and nobody aborts a look but the end of the loop.
                let Ok(Look { key, outcome, mark }) = look else { continue };
                if let (Outcome::Later, Some(mark)) = (outcome, mark) {
                    departed.entry(key.clone()).or_insert(mark);
                }
                queue.done(key, outcome, Instant::now());
            }
            () = sleep_until(due) => {}
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// A look that has ended.
struct Look {
    key: Key,
    outcome: Outcome,
    /// Given back, so that a failed look does not lose it.
    mark: Option<String>,
}

async fn look<P: Pairing>(reconciler: Arc<Reconciler<P>>, key: Key, mark: Option<String>) -> Look {
    let kind = P::KIND;
    let span = tracing::info_span!("sync", kind, namespace = key.namespace(), name = key.name());
    let pass = AssertUnwindSafe(reconciler.reconcile(&key, mark.clone())).catch_unwind().instrument(span.clone());
    let outcome = match pass.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            let _entered = span.enter();
            let (category, retry) = (error.category(), error.retry());
            let error: &dyn std::error::Error = &error;
            match retry {
                Retry::Now => tracing::debug!(error, category, "looking again"),
                Retry::Backoff | Retry::OnChange => {
                    reconciler.instruments.failed(kind, category);
                    tracing::warn!(error, category, "a pass failed");
                }
            }
            match retry {
                Retry::Now => Outcome::Again,
                Retry::Backoff => Outcome::Later,
                Retry::OnChange => Outcome::Settled,
            }
        }
        Err(_panic) => {
            reconciler.instruments.failed(kind, "panic");
            tracing::error!(parent: &span, "a pass broke off; this is a defect");
            Outcome::Later
        }
    };
    Look { key, outcome, mark }
}
