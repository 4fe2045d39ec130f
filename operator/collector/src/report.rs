//! What an object says about its deletion: the condition `Deleting`, and an Event when the reason becomes another one.
//! Kinds without conditions only have the Event, and so have Applications, whose condition is the application
//! controller's.

use jiff::Timestamp;
use krake_crds::condition::{self, Claim};
use krake_operator_loops::context::{Announcement, Context};
use kube::{
    Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    Error, NAME,
    decide::{NAMED_OF_CYCLE, Plan, Said},
    index::{Entry, Index},
    kinds,
    observe::Observed,
};

/// Field manager under which the condition is written.
const MANAGER: &str = "krake-garbage-collector";

/// Dependents are still there.
pub(super) const AWAITING_DEPENDENTS: &str = "AwaitingDependents";

/// Dependents may still be there.
const DEPENDENTS_UNKNOWN: &str = "DependentsUnknown";

/// Dependents are still there, and have been for so long that nobody should wait any more.
pub(super) const DELETION_STUCK: &str = "DeletionStuck";

/// The object depends on one that depends on it.
pub(super) const OWNERSHIP_CYCLE: &str = "OwnershipCycle";

pub(super) async fn report(observed: &Observed, plan: &Plan, index: &Index, context: &Context) -> Result<(), Error> {
    let object = &observed.object;
    let said = match plan {
        Plan::Cascade { said, .. } => said.clone(),
        Plan::Wait(doubt) => Said { reason: DEPENDENTS_UNKNOWN, message: doubt.to_string() },
        Plan::Release => {
            index.forget(object);
            return Ok(());
        }
        Plan::Guard | Plan::Rest => return Ok(()),
    };
    let is_news = if kinds::WITH_CONDITION.contains(&object.kind) {
        write(object, &said, context).await?
    } else {
        index.is_news(object, said.reason)
    };
    if is_news {
        announce(observed, said, context);
    }
    Ok(())
}

/// A cycle concerns all who are in it, whether they are being deleted or not.
fn announce(observed: &Observed, Said { reason, message }: Said, context: &Context) {
    let announcement = match reason {
        DELETION_STUCK | OWNERSHIP_CYCLE => Announcement::warning(reason, "Deleting", message),
        _ => Announcement::normal(reason, "Deleting", message),
    };
    let object = &observed.object;
    let others = observed.cycle.iter().filter(|member| reason == OWNERSHIP_CYCLE && member.place() != object.place());
    for concerned in [object].into_iter().chain(others.take(NAMED_OF_CYCLE)) {
        context.announce_about(concerned.outline.object_ref(&concerned.kind), announcement.clone());
    }
}

/// Whether the reason became another one.
async fn write(object: &Entry, said: &Said, context: &Context) -> Result<bool, Error> {
    let outline = &object.outline;
    let before = outline.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let claim = Claim::yes(condition::DELETING, said.reason, said.message.clone());
    let condition = claim.over(before, outline.metadata.generation, Timestamp::now());
    if before.contains(&condition) {
        return Ok(false);
    }
    let name = outline.name_any();
    let applied = json!({
        "apiVersion": object.kind.api_version,
        "kind": object.kind.kind,
        "metadata": { "name": name, "resourceVersion": outline.resource_version() },
        "status": { "conditions": [condition] },
    });
    let how = PatchParams::apply(MANAGER).force();
    let written = object.api(&context.client).patch_status(&name, &how, &Patch::Apply(&applied)).await;
    written.map_err(Error::Report)?;
    context.instruments.wrote_status(NAME);
    Ok(!before.iter().any(|known| known.reason == said.reason))
}
