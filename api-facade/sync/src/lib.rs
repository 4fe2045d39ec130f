//! Keeps what REST shows (in etcd) and the custom resources (in the management cluster) the same, in both directions.
//! The only crate that knows both `wire` and `crds`.
//!
//! ```text
//! watch of etcd ───────────┐                      ┌── pair: stored, base, tombstone   (one read of etcd)
//! watch of objects ────────┼─▶ queue ─▶ look ─────┼── object, fresh                   (one read of Kubernetes)
//! watch of Secrets, time ──┘      (16 at a time)  └─▶ decide ─▶ at most one write per side, etcd's with the base
//! ```
//!
//! `decide` holds the rules and is pure; `translate` is the two languages side by side; everything else carries them
//! out. Events only wake. Everything may be killed at any instruction and started anywhere else.

pub mod base;
pub mod decide;
pub mod directory;
pub mod error;
pub mod face;
pub mod instruments;
pub mod name;
pub mod objects;
pub mod ownership;
pub mod secret;
pub mod translate;

mod detach;
mod gate;
mod listen;
mod locate;
mod patch;
mod publish;
mod queue;
mod reconcile;
mod report;
mod stored;
mod work;

use std::{marker::PhantomData, sync::Arc};

use krake_facade_store::Store;
use kube::Client;
use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub use detach::detach;
pub use instruments::Instruments;

use crate::{
    directory::Directory,
    gate::Gates,
    listen::Objectwise,
    name::Coordinates,
    objects::Objects,
    reconcile::Reconciler,
    report::Reporter,
    secret::Secrets,
    translate::{ForKind, Pairing, every_kind},
};

/// Wakes on their way into a queue; whoever wakes waits when it is full.
const WAKES: usize = 1024;

/// What the sync works with.
#[derive(Clone)]
pub struct Context {
    /// The management cluster.
    pub client: Client,
    /// The namespace in which the facade runs: Secrets of kinds without namespaces are there.
    pub home: String,
    /// etcd. It must keep tombstones, or removals through REST would be undone.
    pub store: Store,
    /// What the sync tells about itself.
    pub instruments: Instruments,
    /// Becomes true when the first lists of both sides are in.
    pub ready: watch::Sender<bool>,
}

/// Something ended that should not.
#[derive(Debug, thiserror::Error)]
#[error("a task of the sync ended without being asked")]
pub struct Ended;

/// Runs the sync of all kinds until `stop`. At most one may run on an etcd and a management cluster at a time.
///
/// # Errors
/// [`Ended`] if a task broke off, which is a defect.
pub async fn run(context: Context, stop: CancellationToken) -> Result<(), Ended> {
    let secrets = broadcast::Sender::new(WAKES);
    let mut tasks = JoinSet::new();
    let watching = listen::secrets(context.client.clone(), secrets.clone());
    tasks.spawn(watching.instrument(tracing::info_span!("task", name = "sync", kind = "Secret")));
    let mut running = Running { names: Arc::default(), gates: Gates::new(), secrets, tasks, context };
    every_kind(&mut running);

    let Running { gates, mut tasks, context, .. } = running;
    let announce = async {
        gates.opened().await;
        tracing::info!("synchronising");
        context.ready.send_replace(true);
        std::future::pending::<()>().await;
    };
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        _ = tasks.join_next() => Err(Ended),
        () = announce => Ok(()),
    };
    context.ready.send_replace(false);
    ended
}

/// What has been started. Dropping it ends it all.
struct Running {
    context: Context,
    names: Arc<Directory>,
    gates: Gates,
    secrets: broadcast::Sender<Coordinates>,
    tasks: JoinSet<()>,
}

impl ForKind for Running {
    fn apply<P: Pairing>(&mut self) {
        let Context { client, home, store, instruments, .. } = self.context.clone();
        let objects = Objects::new::<P::Resource>(client.clone());
        let (wakes, woken) = mpsc::channel(WAKES);
        let gaps = Arc::new(Notify::new());
        let reporter = Reporter::new(client.clone(), objects.resource().clone());
        let listening = Objectwise::<P>::new(self.names.clone(), home.clone(), wakes.clone(), self.gates.gate());
        let span = tracing::info_span!("task", name = "sync", kind = P::KIND);
        let listening = listening.run(objects.clone(), gaps.clone(), self.secrets.subscribe());
        self.tasks.spawn(listening.instrument(span.clone()));
        let gate = self.gates.gate();
        let stored = listen::stored::<P>(store.clone(), wakes.clone(), gaps.clone(), gate);
        self.tasks.spawn(stored.instrument(span.clone()));
        self.tasks.spawn(listen::time::<P>(store.clone(), wakes, gaps).instrument(span.clone()));
        let reconciler = Reconciler::<P> {
            objects,
            secrets: Secrets::new(client, home),
            store,
            names: self.names.clone(),
            instruments,
            reporter,
            pairing: PhantomData,
        };
        self.tasks.spawn(work::run(Arc::new(reconciler), woken, self.gates.clone()).instrument(span));
    }
}
