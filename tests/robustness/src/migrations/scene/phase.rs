//! How far a migration is, as the management cluster says it.

use serde_json::Value;

/// How far a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::migrations) enum Phase {
    /// There is a better cluster, and no copy on it yet.
    Chosen,
    /// As before, and the old copy is on its way out: the application must not run twice.
    Clearing,
    /// The new copy is there and not ready.
    Making,
    /// The new copy is ready, and the old one still said to be serving.
    TakingOver,
    /// The new copy is said to be serving, and the old one still there.
    Leaving,
}

/// How far the migration of an application is; nothing if it does not move. `was_served` tells a move in which nobody
/// serves from a first deployment.
pub(in crate::migrations) fn phase(application: &Value, placements: &[Value], was_served: bool) -> Option<Phase> {
    let status = &application["status"];
    let (to, on) = (&status["scheduledTo"]["name"], &status["runningOn"]["name"]);
    let name = &application["metadata"]["name"];
    let mut new = None;
    let mut old = Vec::new();
    for placement in placements.iter().filter(|placement| placement["spec"]["application"] == *name) {
        if placement["spec"]["cluster"]["name"] == *to { new = Some(placement) } else { old.push(placement) }
    }
    if to == on {
        return (!old.is_empty()).then_some(Phase::Leaving);
    }
    if to.is_null() || (on.is_null() && !was_served) {
        return None;
    }
    Some(match new {
        Some(new) if is_ready(new) => Phase::TakingOver,
        Some(_) => Phase::Making,
        None if old.iter().any(|old| !old["metadata"]["deletionTimestamp"].is_null()) => Phase::Clearing,
        None => Phase::Chosen,
    })
}

/// Whether a placement says that it is ready.
pub(super) fn is_ready(placement: &Value) -> bool {
    let conditions = placement["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn application(to: &str, on: Option<&str>) -> Value {
        let on = on.map(|on| json!({ "name": on }));
        json!({ "metadata": { "name": "shop" }, "status": { "scheduledTo": { "name": to }, "runningOn": on } })
    }

    fn placement(cluster: &str, ready: &str, leaving: Option<&str>) -> Value {
        json!({
            "metadata": { "deletionTimestamp": leaving },
            "spec": { "application": "shop", "cluster": { "name": cluster } },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        })
    }

    #[test]
    fn every_stretch_of_a_move_has_its_name() {
        let (old, new) = (placement("a", "True", None), placement("b", "False", None));
        let leaving = placement("a", "True", Some("2030-01-01T00:00:00Z"));
        let ready = placement("b", "True", None);
        for (application, placements, expected) in [
            (application("a", Some("a")), vec![old.clone()], None),
            (application("a", None), vec![], Some(Phase::Chosen)),
            (application("b", Some("a")), vec![old.clone()], Some(Phase::Chosen)),
            (application("b", Some("a")), vec![leaving.clone()], Some(Phase::Clearing)),
            (application("b", Some("a")), vec![old.clone(), new.clone()], Some(Phase::Making)),
            (application("b", Some("a")), vec![old, ready.clone()], Some(Phase::TakingOver)),
            (application("b", Some("b")), vec![leaving, ready.clone()], Some(Phase::Leaving)),
            (application("b", Some("b")), vec![ready], None),
        ] {
            assert_eq!(phase(&application, &placements, true), expected, "{placements:?}");
        }
    }

    #[test]
    fn a_first_deployment_is_no_move() {
        assert_eq!(phase(&application("a", None), &[placement("a", "False", None)], false), None);
    }
}
