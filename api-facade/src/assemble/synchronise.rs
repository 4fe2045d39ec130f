//! The sync as a task of the facade: it runs in the copy that holds the Lease, and nowhere else.

use std::time::Duration;

use krake_facade_store::Store;
use krake_facade_sync::{Context, Ended, Instruments};
use krake_operator_process::lease::{self, Elector};
use krake_operator_process::readiness::{Permit, Readiness};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::settings::Management;

const LEASE: &str = "krake-api-facade-sync";
/// How long the process says that it waits for the sync, here or in another copy: longer than a Lease lasts that a dead
/// predecessor left behind. After that the management cluster is away, and REST serves without.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// The sync, ready to take part in the election.
pub(super) struct Synchronise {
    elector: Elector,
    context: Context,
    starting: Permit,
}

impl Synchronise {
    pub(super) fn new(
        client: Client,
        store: Store,
        instruments: Instruments,
        readiness: &Readiness,
        management: &Management,
    ) -> Self {
        let leases = Api::namespaced(client.clone(), &management.namespace);
        Self {
            elector: Elector::new(leases, LEASE, lease::identity(&management.pod_name)),
            context: Context {
                client,
                home: management.namespace.clone(),
                store,
                instruments,
                ready: watch::Sender::new(false),
            },
            starting: readiness.hold("sync"),
        }
    }

    /// Takes part in the election, and runs the sync during each term, until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self { elector, context, starting } = self;
        let (ready, elsewhere) = (context.ready.subscribe(), elector.elsewhere());
        let leading = lease::while_leading(elector, stop, |term| krake_facade_sync::run(context.clone(), term));
        tokio::select! {
            ended = leading => report(ended),
            () = started(ready, elsewhere, starting) => {}
        }
    }
}

/// Releases the permit in time, and then never ends.
async fn started(mut ready: watch::Receiver<bool>, mut elsewhere: watch::Receiver<bool>, starting: Permit) {
    let running = async {
        tokio::select! {
            _ = ready.wait_for(|ready| *ready) => {}
            _ = elsewhere.wait_for(|elsewhere| *elsewhere) => {}
        }
    };
    if tokio::time::timeout(START_DEADLINE, running).await.is_err() {
        tracing::info!("serving without waiting for the sync any longer");
    }
    starting.release();
    std::future::pending::<()>().await;
}

fn report(ended: Result<(), Ended>) {
    if let Err(error) = ended {
        tracing::error!(error = &error as &dyn std::error::Error, "the sync broke off");
    }
}
