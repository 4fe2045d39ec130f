//! Says in the status of each safety policy what became of it.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use krake_crds::{
    condition::{self, Claim},
    core::{SafetyPolicy, SafetyPolicyStatus},
};
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use tokio_stream::wrappers::WatchStream;

use super::{BUDGET_USED_UP, STOPPED, is_tripped, ledger::Edition};
use crate::{
    context::{Announcement, Context},
    drive::drive_kind,
    outcome::{Failure, Retry, kube_category},
    status::Part,
};

/// Name of the controller in logs and instruments.
const NAME: &str = "safety";

const PART: Part = Part {
    manager: "krake-safety",
    fields: &["observedGeneration"],
    conditions: &[condition::READY, condition::TRIPPED],
};

/// Reason of a condition: the policy is followed.
const FOLLOWED: &str = "Followed";
/// Reason of a condition: no budget is used up.
const WITHIN_BUDGET: &str = "WithinBudget";

/// Why the status of a policy could not be written.
#[derive(thiserror::Error, Debug)]
#[error("recording what became of the policy")]
struct Error(#[source] kube::Error);

impl Failure for Error {
    fn category(&self) -> &'static str {
        kube_category(&self.0)
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }
}

/// Runs the loop over the safety policies until the term of `context` ends.
pub async fn run(context: Arc<Context>) {
    let controller = context.safety_policies.controller().reconcile_on(by_trips(&context));
    drive_kind(NAME, (), controller, context, reconcile).await;
}

/// The policies whose budget was just used up.
fn by_trips(context: &Context) -> impl Stream<Item = ObjectRef<SafetyPolicy>> + Send + use<> {
    WatchStream::from_changes(context.ledger.tripped())
        .flat_map(|tripped| stream::iter(tripped.into_keys().map(|edition| ObjectRef::new(&edition.name))))
}

async fn reconcile(policy: Arc<SafetyPolicy>, context: Arc<Context>) -> Result<Action, Error> {
    let name = policy.name_any();
    let edition = Edition::of(&policy);
    context.ledger.forget_all_but(&edition);
    let tripped = context.ledger.tripped().borrow().get(&edition).cloned();
    let wanted = status_after(&policy, tripped.as_deref(), Timestamp::now());
    let api = Api::<SafetyPolicy>::all(context.client.clone());
    let Some(written) = PART.write(&api, &*policy, &wanted).await.map_err(Error)? else {
        return Ok(Action::await_change());
    };
    context.instruments.wrote_status(NAME);
    if is_tripped(&written) && !is_tripped(&policy) {
        let tripped = condition::find(&wanted.conditions, condition::TRIPPED);
        let note = tripped.map(|tripped| tripped.message.clone()).unwrap_or_default();
        tracing::warn!(policy = name, "{note}");
        context.announce(&written, Announcement::warning("BudgetTripped", "Removing", note));
    }
    Ok(Action::await_change())
}

/// What the policy says about itself: a budget that was used up stays so until its spec changes.
fn status_after(policy: &SafetyPolicy, used_up: Option<&str>, now: Timestamp) -> SafetyPolicyStatus {
    let before = policy.status.clone().unwrap_or_default();
    let generation = policy.metadata.generation;
    let ready = if policy.spec.stop {
        Claim::yes(condition::READY, STOPPED, "nothing is moved or removed while the stop switch is on")
    } else {
        Claim::yes(condition::READY, FOLLOWED, "the policy is followed")
    };
    let known = condition::find(&before.conditions, condition::TRIPPED).filter(|_| is_tripped(policy));
    let tripped = match (used_up, known) {
        (Some(budget), _) => Claim::yes(
            condition::TRIPPED,
            BUDGET_USED_UP,
            format!("the budget for deletions ({budget}) is used up; change the spec to go on"),
        ),
        (None, Some(known)) => Claim::yes(condition::TRIPPED, BUDGET_USED_UP, known.message.clone()),
        (None, None) => Claim::no(condition::TRIPPED, WITHIN_BUDGET, "no budget for deletions is used up"),
    };
    let conditions = [ready, tripped].map(|claim| claim.over(&before.conditions, generation, now)).into();
    SafetyPolicyStatus { observed_generation: generation, conditions }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(generation: i64, status: &SafetyPolicyStatus) -> SafetyPolicy {
        serde_json::from_value(json!({
            "apiVersion": "core.krake.dev/v1alpha1", "kind": "SafetyPolicy",
            "metadata": { "name": "fleet", "generation": generation }, "spec": {}, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_used_up_budget_stays_so_until_the_spec_changes() {
        let now = Timestamp::UNIX_EPOCH;
        let fresh = SafetyPolicyStatus::default();
        let tripped = status_after(&policy(1, &fresh), Some("1 in 60 s for namespace web"), now);
        assert!(is_tripped(&policy(1, &tripped)));
        let message = |status: &SafetyPolicyStatus| status.conditions[1].message.clone();
        assert_eq!(
            message(&tripped),
            "the budget for deletions (1 in 60 s for namespace web) is used up; change the spec to go on"
        );
        let after_restart = status_after(&policy(1, &tripped), None, now);
        assert_eq!(after_restart, tripped);
        let acknowledged = status_after(&policy(2, &tripped), None, now);
        assert!(!is_tripped(&policy(2, &acknowledged)));
    }
}
