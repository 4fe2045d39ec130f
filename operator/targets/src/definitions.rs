//! Which custom resources a target serves: the resources of every group that is not Kubernetes' own.
//!
//! Read from the API discovery (one request, from Kubernetes 1.26 on) when the cluster is connected or back, and when its
//! custom resource definitions change. Those are watched, metadata only, if the kubeconfig allows it; if it does not,
//! changes are found when the watch is tried again ([`Connection::follow`] says when). A group whose extension server is
//! away keeps the names that it had, and no other group is kept waiting for it.

mod listing;

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc, time::Duration};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::PartialObjectMeta,
    runtime::watcher::{self, Event},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use self::listing::{Listing, group_of};
use crate::{
    connection::{Connection, PAGE},
    gate::{Access, CallError},
    nodes::refusal,
    wake::Wake,
};

/// How long definitions must have been quiet before they are read: an operator brings dozens, and the API server serves
/// each of them a moment after it was made.
const SETTLE: Duration = Duration::from_secs(2);

/// After how long what was read is read once more. An API server that has just started does not list everything yet,
/// and of several one may be behind.
const CONFIRM: Duration = Duration::from_secs(30);

/// After how long groups that could not be read are read again: no definition changes when their server is back.
const AGAIN: Duration = Duration::from_mins(10);

/// The custom resources that a target serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Names of the definitions, `<plural>.<group>`.
    pub names: BTreeSet<String>,
    /// Whether they were read twice. If not, what is not named here may only not have been listed yet; or so much could not
    /// be read that it cannot be told what.
    pub is_confirmed: bool,
    /// The groups of which something could not be read, because the extension server behind them is away or because there
    /// was too much: more may be served. At most some hundred.
    pub unread: BTreeSet<String>,
}

impl Served {
    /// What is known after reading `listing`; only one that was read for confirmation can take anything back.
    fn after(&self, mut listing: Listing, is_confirmation: bool) -> Self {
        let is_confirmation = is_confirmation && !listing.is_hopeless();
        let is_kept = |name: &&String| !is_confirmation || listing.unread.contains(group_of(name));
        let kept: Vec<_> = self.names.iter().filter(is_kept).cloned().collect();
        listing.extend(kept);
        let is_confirmed = is_confirmation && !listing.is_hopeless();
        let Listing { names, unread } = listing.bounded();
        Self { names, is_confirmed, unread }
    }

    /// Whether a definition that was served once may be served still, though it need not be named here.
    #[must_use]
    pub fn may_serve(&self, name: &str) -> bool {
        !self.is_confirmed || self.names.contains(name) || self.unread.contains(group_of(name))
    }
}

/// Keeps known what the cluster serves, as long as it is connected.
pub(crate) async fn keep_reading(connection: Arc<Connection>) {
    let hint = Notify::new();
    tokio::join!(watch(&connection, &hint), read_on(&connection, &hint));
}

async fn watch(connection: &Connection, hint: &Notify) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(connection.client.clone());
    let on_event = |event| match event {
        Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => {
            connection.kinds.forget_unknown();
            hint.notify_one();
            ControlFlow::Continue(())
        }
        Err(error) if refusal(&error).is_some() => {
            hint.notify_one();
            ControlFlow::Break(())
        }
        Ok(Event::Init | Event::InitApply(_)) | Err(_) => ControlFlow::Continue(()),
    };
    connection.follow(api, watcher::Config::default().page_size(PAGE), on_event).await;
}

/// Reads after every hint, and once more; what could not be read, after a while.
async fn read_on(connection: &Connection, hint: &Notify) {
    loop {
        let is_partial = !connection.served.borrow().unread.is_empty();
        // Whether there was a hint or the time is over: it is read.
        drop(timeout(if is_partial { AGAIN } else { Duration::MAX }, hint.notified()).await);
        let mut is_confirmed = false;
        while !is_confirmed {
            sleep(SETTLE).await;
            read(connection, false).await;
            // Another hint begins anew.
            is_confirmed = timeout(CONFIRM, hint.notified()).await.is_err() && read(connection, true).await;
        }
    }
}

/// Reads what is served now; `false` if it has to be tried again.
async fn read(connection: &Connection, is_confirmation: bool) -> bool {
    let listing = match connection.gate.pass(Access::Read, Listing::of(&connection.client)).await {
        Ok(listing) => listing,
        // Asking again would bring the same answer.
        Err(CallError::Kube(kube::Error::Api(status))) if (400..500).contains(&status.code) && status.code != 429 => {
            tracing::debug!(reason = status.message, "custom resources not readable");
            return true;
        }
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "custom resources not read");
            return false;
        }
    };
    let is_new = connection.served.send_if_modified(|before| {
        let next = before.after(listing, is_confirmation);
        let is_new = *before != next;
        *before = next;
        is_new
    });
    if is_new {
        connection.wake(Wake::Cluster(connection.address.key.clone()));
    }
    true
}

#[cfg(test)]
mod tests;
