//! Changes the target, and lets go of the Placement when nothing of it is left there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use krake_crds::{
    finalizer,
    kubernetes::{Placement, placement::InventoryEntry},
};
use krake_operator_domain::manifest::{Identity, is_left_behind, is_needed_by};
use krake_operator_loops::{
    context::Context,
    finalizers, labels,
    safety::{self, Withheld},
};
use krake_operator_targets::{self as targets, Dependents, Ownership, Removal, TargetCluster, Tie};
use serde_json::Value;

use super::{
    Error,
    decide::{Change, Converge, Plan, Untouched, is_current},
    observe::Reach,
    progress::Progress,
    report,
    trouble::Trouble,
};

/// What really happened.
pub(super) enum Done {
    /// Nothing: the target does not answer.
    Waited { why: String, trouble: Option<Trouble> },
    /// The target was changed as far as possible.
    Settled(Settled),
    /// Removal has begun; these are left.
    Removing { left: Vec<InventoryEntry>, trouble: Option<Trouble> },
    /// Nothing was removed, because that is not allowed now.
    Withheld(Withheld),
    /// Nothing is left, and the finalizer is gone.
    Released,
}

/// How the target is after it was changed.
#[derive(Default)]
pub(super) struct Settled {
    /// What is or may be on the target.
    pub(super) inventory: Vec<InventoryEntry>,
    /// The live objects of the manifest, as last seen; `None` for one that is not there. Nothing if nothing could be read.
    pub(super) live: Option<BTreeMap<Identity, Option<Value>>>,
    /// Whether an object was applied just now, so that its workload starts (again).
    pub(super) has_applied: bool,
    /// Somebody keeps changing what was corrected; so long the next correction waits.
    pub(super) contested: Option<Duration>,
    /// The host under which node ports are reached.
    pub(super) host: String,
    /// Kinds of objects of whose changes nobody tells.
    pub(super) unwatched: BTreeSet<String>,
    /// Whether something that is no longer wanted is still there.
    pub(super) is_pruning: bool,
    /// Why it is, if it may not be removed now.
    pub(super) withheld: Option<Withheld>,
    /// What stopped us.
    pub(super) trouble: Option<Trouble>,
    /// Nothing was tried, because what stopped us before has not been waited for: what was said about it stands.
    pub(super) is_held: bool,
}

/// What can be done before something is reported.
#[derive(Clone, Copy)]
pub(super) struct Round<'a> {
    /// What was done in earlier ones.
    pub(super) progress: &'a Progress,
    /// When it is over: nothing is begun afterwards, but the first thing always is.
    pub(super) until: Instant,
}

impl Round<'_> {
    /// Whether it is over after so many things.
    fn is_over(&self, done: usize) -> bool {
        done > 0 && Instant::now() >= self.until
    }
}

pub(super) async fn act(
    plan: Plan,
    placement: &Placement,
    reach: &Reach,
    (context, round): (&Context, Round<'_>),
) -> Result<Done, Error> {
    match (plan, reach) {
        (Plan::Converge(converge), Reach::Reached(target)) => {
            Ok(self::converge(converge, placement, target, (context, round)).await)
        }
        (Plan::Remove { entries, ownership, act, dependents }, Reach::Reached(target)) => {
            if !entries.is_empty()
                && let Err(withheld) = permit(act, placement, context)
            {
                return Ok(Done::Withheld(withheld));
            }
            let removed = part_with(entries, Way::Delete(dependents), &ownership, (target, round)).await;
            finish(removed, placement, context).await
        }
        (Plan::Unmark { entries, ownership }, Reach::Reached(target)) => {
            let released = part_with(entries, Way::Unmark, &ownership, (target, round)).await;
            finish(released, placement, context).await
        }
        (Plan::Abandon { left, why }, _) => {
            report::announce_abandoned(placement, &left, why, context);
            release(placement, context).await
        }
        (Plan::Refuse { trouble, untouched }, Reach::Reached(target)) => {
            Ok(Done::Settled(Settled { trouble: Some(trouble), ..leave(untouched, target) }))
        }
        (Plan::Hold(untouched), Reach::Reached(target)) => {
            Ok(Done::Settled(Settled { is_held: true, ..leave(untouched, target) }))
        }
        (Plan::Wait { why, trouble }, _) => Ok(Done::Waited { why, trouble }),
        _ => Ok(Done::Waited { why: "the cluster is not reachable any more".to_owned(), trouble: None }),
    }
}

/// Whether objects of the application may be removed from a target.
fn permit(act: safety::Act, placement: &Placement, context: &Context) -> Result<(), Withheld> {
    let namespace = placement.metadata.namespace.as_deref().unwrap_or_default();
    let application = labels::application_uid(placement).or(placement.metadata.uid.as_deref()).unwrap_or_default();
    safety::permit(context, act, namespace, application)
}

async fn finish(
    (left, trouble): (Vec<InventoryEntry>, Option<Trouble>),
    placement: &Placement,
    context: &Context,
) -> Result<Done, Error> {
    if left.is_empty() && trouble.is_none() {
        return release(placement, context).await;
    }
    Ok(as_waited(trouble, |trouble| Done::Removing { left, trouble }))
}

fn leave(Untouched { inventory, live }: Untouched, target: &TargetCluster) -> Settled {
    let live = live.map(|live| seen(&inventory, live));
    let unwatched = unwatched(&inventory, target);
    Settled { inventory, live, host: target.server_host().to_owned(), unwatched, ..Settled::default() }
}

fn unwatched<'a>(entries: impl IntoIterator<Item = &'a InventoryEntry>, target: &TargetCluster) -> BTreeSet<String> {
    entries.into_iter().filter(|entry| target.is_unwatched(entry)).map(|entry| entry.kind.clone()).collect()
}

/// A target that falls silent in the middle says nothing about the objects: that is waiting, whatever we were doing.
fn as_waited(trouble: Option<Trouble>, otherwise: impl FnOnce(Option<Trouble>) -> Done) -> Done {
    match trouble {
        Some(trouble) if trouble.is_unreachable() => Done::Waited { why: trouble.sentence(), trouble: Some(trouble) },
        trouble => otherwise(trouble),
    }
}

async fn release(placement: &Placement, context: &Context) -> Result<Done, Error> {
    let api = context.api_of(placement);
    finalizers::remove(&api, placement, finalizer::PLACEMENT).await.map_err(Error::Release)?;
    tracing::info!("placement released");
    Ok(Done::Released)
}

async fn converge(
    plan: Converge,
    placement: &Placement,
    target: &TargetCluster,
    (context, round): (&Context, Round<'_>),
) -> Done {
    let Converge { wanted, apply, prune, contested, mut live, ownership } = plan;
    let all = apply.len();
    let due = due(apply, placement, &live, round);
    let mut settled = Settled {
        // Corrections that an attempt leaves out were made in an earlier round of it.
        has_applied: !due.is_empty() || (all > 0 && is_current(placement)),
        contested,
        host: target.server_host().to_owned(),
        unwatched: unwatched(wanted.iter().chain(&prune), target),
        ..Settled::default()
    };
    let mut stale = prune;
    // What is no longer wanted stays until what replaces it is there.
    let mut trouble = apply_all((due, all), placement, &mut live, (target, round)).await.err();
    if trouble.is_none() && !stale.is_empty() {
        match permit(safety::Act::Clean, placement, context) {
            Ok(()) => {
                let way = Way::Delete(Dependents::Follow);
                (stale, trouble) = part_with(stale, way, &ownership, (target, round)).await;
            }
            Err(withheld) => settled.withheld = Some(withheld),
        }
        settled.is_pruning = !stale.is_empty();
    }
    let live = seen(&wanted, live);
    settled.inventory = wanted.into_iter().map(|entry| with_uid(entry, &live, &ownership)).chain(stale).collect();
    settled.live = Some(live);
    as_waited(trouble, |trouble| Done::Settled(Settled { trouble, ..settled }))
}

/// What is still to be applied. What somebody has removed meanwhile is applied again.
fn due(apply: Vec<Change>, placement: &Placement, live: &BTreeMap<Identity, Value>, round: Round<'_>) -> Vec<Change> {
    let is_done = |change: &Change| live.contains_key(&change.identity) && round.progress.holds(placement, change);
    apply.into_iter().filter(|change| !is_done(change)).collect()
}

/// Applies in order what is due of `all`, and stops at the first failure, or when time is up; `live` holds what is there
/// then.
async fn apply_all(
    (due, all): (Vec<Change>, usize),
    placement: &Placement,
    live: &mut BTreeMap<Identity, Value>,
    (target, round): (&impl Apply, Round<'_>),
) -> Result<(), Trouble> {
    let before = all.saturating_sub(due.len());
    for (index, change) in due.into_iter().enumerate() {
        if round.is_over(index) {
            return Err(Trouble::Unfinished { done: before + index, all });
        }
        let applied = target.make(&change).await?;
        tracing::info!(object = %change.identity, "object applied");
        round.progress.applied(placement, &change, Instant::now());
        live.insert(change.identity, applied);
    }
    Ok(())
}

/// Where objects are applied.
trait Apply: Sync {
    /// Makes an object what it should be, and answers it as it is then.
    fn make(&self, change: &Change) -> impl Future<Output = Result<Value, Trouble>> + Send;
}

impl Apply for TargetCluster {
    async fn make(&self, change: &Change) -> Result<Value, Trouble> {
        let applied = self.apply(&change.entry, &change.body).await.map_err(|error| match error {
            // There would be no plan if the manifest did not define it.
            targets::Error::UnknownKind { kind, .. } => Trouble::NotServedYet(kind),
            error => Trouble::Target(error),
        })?;
        match &change.shortening {
            Some(patch) => self.amend(&change.entry, patch).await.map_err(Trouble::Target),
            None => Ok(applied),
        }
    }
}

/// How an object ceases to be ours.
#[derive(Clone, Copy, Debug)]
enum Way {
    Delete(Dependents),
    Unmark,
}

/// Lets go of the objects in order, until time is up; one that resists does not keep the others, but a target that falls
/// silent does. Answers what is left, and the first failure.
async fn part_with(
    entries: Vec<InventoryEntry>,
    way: Way,
    ownership: &Ownership,
    (target, round): (&TargetCluster, Round<'_>),
) -> (Vec<InventoryEntry>, Option<Trouble>) {
    let (mut left, mut trouble) = (Vec::new(), None::<Trouble>);
    let mut pending: Vec<InventoryEntry> = Vec::new();
    for (index, entry) in entries.iter().cloned().enumerate() {
        let is_needed = pending.iter().any(|pending| is_needed_by(&entry, pending, &entries));
        if is_needed || round.is_over(index) || trouble.as_ref().is_some_and(Trouble::is_unreachable) {
            left.push(entry);
            continue;
        }
        let way = if is_left_behind(&entry) { Way::Unmark } else { way };
        let parted = match way {
            Way::Delete(dependents) => target.delete(&entry, ownership, dependents).await,
            Way::Unmark => target.release(&entry, ownership).await,
        };
        match parted {
            Ok(Removal::Gone) => tracing::info!(object = %Identity::of_entry(&entry), ?way, "object let go"),
            Ok(Removal::Pending) => {
                pending.push(entry.clone());
                left.push(entry);
            }
            Err(error) => {
                let error = Trouble::Target(error);
                let is_worse = error.is_unreachable() || trouble.is_none();
                trouble = if is_worse { Some(error) } else { trouble };
                left.push(entry);
            }
        }
    }
    (left, trouble)
}

/// The live objects of these entries.
fn seen(entries: &[InventoryEntry], mut live: BTreeMap<Identity, Value>) -> BTreeMap<Identity, Option<Value>> {
    let identities = entries.iter().map(Identity::of_entry);
    identities.map(|identity| (identity.clone(), live.remove(&identity))).collect()
}

/// The entry with the uid of the live object, if that is ours by now.
fn with_uid(entry: InventoryEntry, live: &BTreeMap<Identity, Option<Value>>, ownership: &Ownership) -> InventoryEntry {
    let found = live.get(&Identity::of_entry(&entry)).and_then(Option::as_ref);
    let ours = found.filter(|live| ownership.tie(live) == Tie::Ours);
    let uid = ours.and_then(|live| live.pointer("/metadata/uid")).and_then(Value::as_str);
    match uid {
        Some(uid) => InventoryEntry { uid: Some(uid.to_owned()), ..entry },
        None => entry,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::placement::example::{applied, entry, object, placement};

    /// A target that remembers the names of what was applied.
    #[derive(Default)]
    struct Asked(Mutex<Vec<String>>);

    impl Apply for Asked {
        async fn make(&self, change: &Change) -> Result<Value, Trouble> {
            self.0.lock().unwrap().push(change.entry.name.clone());
            Ok(change.body.clone())
        }
    }

    fn changes() -> Vec<Change> {
        let change = |name: &str| {
            let body = object("ConfigMap", name);
            let entry = entry(&body);
            Change { identity: Identity::of_entry(&entry), entry, body, is_drifted: true, shortening: None }
        };
        ["a", "b", "c"].map(change).into()
    }

    /// One round in which there is time for one object; the names of what was applied, and how far it is.
    async fn round(
        placement: &Placement,
        live: &mut BTreeMap<Identity, Value>,
        progress: &Progress,
    ) -> (Vec<String>, String) {
        let round = Round { progress, until: Instant::now() };
        let asked = Asked::default();
        let due = due(changes(), placement, live, round);
        let outcome = apply_all((due, changes().len()), placement, live, (&asked, round)).await;
        (asked.0.into_inner().unwrap(), outcome.map_or_else(|trouble| trouble.sentence(), |()| "done".into()))
    }

    #[tokio::test]
    async fn a_deployment_that_takes_many_rounds_says_how_far_it_is_and_goes_on_there() {
        let (placement, progress, mut live) = (placement(&[]), Progress::default(), BTreeMap::new());
        let mut said = Vec::new();
        for _ in 0..3 {
            said.push(round(&placement, &mut live, &progress).await);
        }
        let expected = [("a", "1 of 3 objects are applied"), ("b", "2 of 3 objects are applied"), ("c", "done")];
        assert_eq!(said, expected.map(|(name, said)| (vec![name.to_owned()], said.to_owned())));
        live.remove(&changes()[1].identity);
        assert_eq!(round(&placement, &mut live, &progress).await, (vec!["b".to_owned()], "done".to_owned()));
    }

    #[tokio::test]
    async fn what_drifts_again_while_it_is_corrected_does_not_keep_the_rest_from_its_turn() {
        let (current, progress, mut live) = (applied(placement(&[]), &[]), Progress::default(), BTreeMap::new());
        for expected in ["a", "b", "c"] {
            assert_eq!(round(&current, &mut live, &progress).await.0, [expected]);
        }
        progress.forget(&current);
        assert_eq!(round(&current, &mut live, &progress).await.0, ["a"]);
    }
}
