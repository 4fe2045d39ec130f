//! The safety envelope: what every destructive step goes through.
//!
//! - [`delete`] is the one way in which controllers delete objects of the management cluster. Absence is never deletion:
//!   what a cache says, or fails to say, is not enough. The caches must be current, the object is read again from the API
//!   server, the reason is checked against what it is now, and the call carries its identity, so that a namesake created
//!   meanwhile survives.
//! - [`permit`] is asked before an application is moved, and before anything is removed from a target cluster: it knows
//!   the stop switch and the budgets of the safety policies.
//! - [`run`] says in the status of each policy what became of it.

mod ledger;
mod policy;

use std::{future::ready, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use krake_crds::{condition, core::SafetyPolicy, kubernetes::Placement};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Preconditions},
    runtime::reflector::ObjectRef,
};

use self::ledger::Answer;
pub use self::{ledger::Ledger, policy::run};

use crate::{
    changes::Changes,
    context::{Cached, Context, Shared, Watched},
    moved_away,
    outcome::{Failure, NOT_CURRENT, Retry, kube_category},
};

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is marked for deletion now.
    Marked,
    /// It was marked already.
    Leaving,
    /// There is no such object any more.
    Gone,
    /// The object, as it is now, must not be deleted.
    Refused,
}

/// Why an object could not be deleted.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// A cache is not complete, or its watch has failed since.
    #[error("caches are not current")]
    NotCurrent,
    /// A safety policy forbids it now.
    #[error("{}", .0.sentence)]
    Withheld(Withheld),
    /// The object could not be read again.
    #[error("reading {0} before its deletion")]
    Read(String, #[source] kube::Error),
    /// The mark that says why it goes could not be written.
    #[error("marking {0} before its deletion")]
    Mark(String, #[source] kube::Error),
    /// The call failed; with a conflict the object has changed and is looked at again.
    #[error("deleting {0}")]
    Delete(String, #[source] kube::Error),
}

impl Failure for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::NotCurrent => NOT_CURRENT,
            Self::Withheld(_) => "withheld",
            Self::Read(_, error) | Self::Mark(_, error) | Self::Delete(_, error) => kube_category(error),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Withheld(withheld) => Retry::After(withheld.retry_after.unwrap_or(AGAIN)),
            Self::NotCurrent | Self::Read(..) | Self::Mark(..) | Self::Delete(..) => Retry::Soon,
        }
    }
}

/// How soon to ask again what only a human can change, by those whom [`changes`] does not wake.
const AGAIN: Duration = Duration::from_secs(30);

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// An application is given another place.
    Migrate,
    /// What an application has on a cluster is removed, because the application was deleted.
    Remove,
    /// What is no longer wanted is removed, because something else took its place. Only the stop switch forbids it.
    Clean,
}

/// Why something must not be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// `PascalCase`, for conditions and Events.
    pub reason: &'static str,
    /// One plain sentence.
    pub sentence: String,
    /// When it is worth to ask again.
    pub retry_after: Option<Duration>,
}

/// Reason of a condition: a stop switch is on.
pub const STOPPED: &str = "Stopped";
/// Reason of a condition: a budget is used up, and refills with time.
pub const BUDGET_USED_UP: &str = "BudgetUsedUp";
/// Reason of a condition: a budget is used up, and waits for a human.
pub const TRIPPED: &str = "BudgetTripped";

impl Withheld {
    fn stopped(policy: &str) -> Self {
        let sentence = format!("the safety policy {policy} has stopped everything that moves or removes");
        Self { reason: STOPPED, sentence, retry_after: Some(AGAIN) }
    }

    fn tripped(policy: &str) -> Self {
        let sentence =
            format!("the deletion budget of the safety policy {policy} is used up, and waits for a change of its spec");
        Self { reason: TRIPPED, sentence, retry_after: Some(AGAIN) }
    }

    fn exhausted(policy: &str, budget: &str, until_room: Duration) -> Self {
        let sentence = format!("the safety policy {policy} permits {budget}, and these are used up");
        Self { reason: BUDGET_USED_UP, sentence, retry_after: Some(until_room) }
    }
}

/// Whether `act` may be done now to the application with this uid, of this namespace. What is permitted is counted.
///
/// # Errors
/// When a safety policy forbids it; it says when to ask again.
pub fn permit(context: &Context, act: Act, namespace: &str, uid: &str) -> Result<(), Withheld> {
    let policies = context.safety_policies.store.state();
    match context.ledger.ask(&policies, act, (namespace, uid), Timestamp::now()) {
        Answer::Permitted => Ok(()),
        Answer::Withheld(withheld) => Err(withheld),
        Answer::Trips { edition, budget } => {
            let withheld = Withheld::tripped(&edition.name);
            context.ledger.trip(edition, budget);
            Err(withheld)
        }
    }
}

/// Tells whenever what the policies permit may be another thing than before: one appears, vanishes, or has another spec.
pub fn changes(context: &Arc<Context>) -> impl Stream<Item = ()> + Send + use<> {
    let mut seen = Changes::default();
    let policies = context.clone();
    context.safety_policies.touched().filter_map(move |policy| {
        let name = policy.name_any();
        let generation = policies.safety_policies.named(&name).map(|policy| policy.metadata.generation);
        ready(seen.notes((String::new(), name), generation).then_some(()))
    })
}

/// The objects of a cache whose conditions say that a safety policy has kept something from them, whenever one changes.
pub fn withheld<K: Watched>(
    context: &Arc<Context>,
    cache: fn(&Context) -> &Shared<K>,
    conditions: fn(&K) -> &[Condition],
) -> impl Stream<Item = ObjectRef<K>> + Send + use<K> {
    let is_withheld = move |object: &K| {
        conditions(object).iter().any(|condition| [STOPPED, BUDGET_USED_UP, TRIPPED].contains(&&*condition.reason))
    };
    let woken = context.clone();
    changes(context).flat_map(move |()| {
        let withheld = cache(&woken).store.state_filter(is_withheld);
        stream::iter(withheld.into_iter().map(|object| ObjectRef::from_obj(&*object)))
    })
}

/// Whether the policy, as it is now, says that its budget for deletions is used up.
fn is_tripped(policy: &SafetyPolicy) -> bool {
    let conditions = policy.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::TRIPPED)
        .is_some_and(|tripped| tripped.status == "True" && tripped.observed_generation == policy.metadata.generation)
}

/// Marks the object for deletion that was seen as `seen`, provided that `still_due` holds for it as it is now.
///
/// # Errors
/// See [`Error`]; all of them may be tried again.
pub async fn delete<K, F>(context: &Context, seen: &K, still_due: F) -> Result<Deletion, Error>
where
    K: Watched,
    F: Fn(&K) -> bool + Send,
{
    delete_through(context, &context.api_of(seen), seen, still_due).await
}

/// As [`delete`], for a copy of an application: it is marked before, or loses its mark, by whether the application was moved
/// away from it. What must not be removed now is not marked either.
///
/// # Errors
/// As [`delete`].
pub async fn delete_copy<F>(
    context: &Context,
    seen: &Placement,
    is_moved_away: bool,
    still_due: F,
) -> Result<Deletion, Error>
where
    F: Fn(&Placement) -> bool + Send,
{
    let api = context.api_of(seen);
    may_delete(context, seen)?;
    let marked = moved_away::mark(&api, seen, is_moved_away).await;
    marked.map_err(|error| Error::Mark(seen.name_any(), error))?;
    delete_through(context, &api, seen, still_due).await
}

/// As [`delete`], for an object of a kind that is not known at compile time; `api` is that of its kind and namespace.
///
/// # Errors
/// As [`delete`].
pub async fn delete_through<K, F>(context: &Context, api: &Api<K>, seen: &K, still_due: F) -> Result<Deletion, Error>
where
    K: Cached,
    F: Fn(&K) -> bool + Send,
{
    may_delete(context, seen)?;
    delete_exactly(api, seen, still_due).await
}

fn may_delete(context: &Context, seen: &impl ResourceExt) -> Result<(), Error> {
    if !context.is_current() {
        return Err(Error::NotCurrent);
    }
    let namespace = seen.namespace().unwrap_or_default();
    permit(context, Act::Clean, &namespace, &seen.uid().unwrap_or_default()).map_err(Error::Withheld)
}

async fn delete_exactly<K, F>(api: &Api<K>, seen: &K, still_due: F) -> Result<Deletion, Error>
where
    K: Cached,
    F: Fn(&K) -> bool + Send,
{
    let name = seen.name_any();
    let described = || format!("{}/{name}", api.resource_url());
    let Some(now) = api.get_opt(&name).await.map_err(|error| Error::Read(described(), error))? else {
        return Ok(Deletion::Gone);
    };
    if now.uid() != seen.uid() {
        return Ok(Deletion::Gone);
    }
    if now.meta().deletion_timestamp.is_some() {
        return Ok(Deletion::Leaving);
    }
    if !still_due(&now) {
        return Ok(Deletion::Refused);
    }
    let exactly = Preconditions { uid: now.uid(), resource_version: now.resource_version() };
    match api.delete(&name, &DeleteParams::background().preconditions(exactly)).await {
        Ok(_) => Ok(Deletion::Marked),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Deletion::Gone),
        Err(error) => Err(Error::Delete(described(), error)),
    }
}

#[cfg(test)]
mod tests {
    use krake_crds::kubernetes::Cluster;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Call, Server};

    fn cluster(uid: &str, deletion_timestamp: Option<&str>) -> Value {
        json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
            "metadata": {
                "name": "edge", "namespace": "web", "uid": uid, "resourceVersion": "8",
                "deletionTimestamp": deletion_timestamp,
            },
            "spec": {},
        })
    }

    /// What becomes of the deletion of the cluster that was seen as `u1`, if the server has `now`; and the calls made.
    async fn deletion(now: Value, still_due: bool) -> (Deletion, Vec<Call>) {
        let server = Server::answering([now.clone(), now]);
        let api = Api::namespaced(server.client(), "web");
        let seen: Cluster = serde_json::from_value(cluster("u1", None)).unwrap();
        let became = delete_exactly(&api, &seen, |_| still_due).await.unwrap();
        (became, server.calls())
    }

    #[tokio::test]
    async fn the_call_names_the_object_as_it_was_read_a_moment_before() {
        let (became, calls) = deletion(cluster("u1", None), true).await;
        assert_eq!(became, Deletion::Marked);
        let methods: Vec<_> = calls.iter().map(|call| call.method.as_str()).collect();
        assert_eq!(methods, ["GET", "DELETE"]);
        assert_eq!(calls[1].body["preconditions"], json!({ "uid": "u1", "resourceVersion": "8" }));
    }

    #[tokio::test]
    async fn nothing_is_deleted_that_is_another_object_marked_already_or_not_due_any_more() {
        for (now, still_due, expected) in [
            (cluster("u2", None), true, Deletion::Gone),
            (cluster("u1", Some("2026-01-02T03:04:05Z")), true, Deletion::Leaving),
            (cluster("u1", None), false, Deletion::Refused),
        ] {
            let (became, calls) = deletion(now, still_due).await;
            assert_eq!((became, calls.len()), (expected, 1));
        }
    }
}
