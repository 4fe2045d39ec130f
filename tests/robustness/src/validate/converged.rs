//! Whether REST and the custom resources show the same.

use serde_json::{Map, Value};

use super::World;
use crate::thing::{Kind, Thing};

/// Where REST and where the custom resource of an application show the same.
const APPLICATION: [(&str, &str); 10] = [
    ("/metadata/labels", "/spec/labels"),
    ("/spec/manifest", "/spec/manifest"),
    ("/spec/constraints/cluster/labels", "/spec/constraints/cluster/labels"),
    ("/spec/constraints/cluster/custom_resources", "/spec/constraints/cluster/customResources"),
    ("/spec/constraints/migration", "/spec/constraints/migration"),
    ("/status/state", "/status/state"),
    ("/status/reason/code", "/status/reason/code"),
    ("/status/scheduled_to/name", "/status/scheduledTo/name"),
    ("/status/running_on/name", "/status/runningOn/name"),
    ("/status/services", "/status/services"),
];

/// Where REST and where the custom resource of a cluster show the same.
const CLUSTER: [(&str, &str); 4] = [
    ("/metadata/labels", "/spec/labels"),
    ("/spec/custom_resources", "/spec/customResources"),
    ("/status/state", "/status/state"),
    ("/status/reason/code", "/status/reason/code"),
];

/// Everything that is not the same on both sides.
pub(super) fn differences(world: &World) -> Vec<String> {
    let missing = |thing: &Thing, where_: &str| format!("{thing} is not in {where_}");
    let unstored = world.objects.keys().filter(|thing| !world.stored.contains_key(thing));
    let mut seen: Vec<String> = unstored.map(|thing| missing(thing, "REST")).collect();
    for (thing, stored) in &world.stored {
        match world.objects.get(thing) {
            None => seen.push(missing(thing, "Kubernetes")),
            Some(object) => seen.extend(compare(thing, stored, object)),
        }
        let kubeconfig = world.kubeconfigs.get(thing);
        if thing.kind == Kind::Cluster && kubeconfig != Some(&stored["spec"]["kubeconfig"]) {
            // Credentials are not shown.
            seen.push(format!("{thing} has a kubeconfig in REST and another one, or none, in its Secret"));
        }
    }
    seen
}

fn compare(thing: &Thing, stored: &Value, object: &Value) -> Vec<String> {
    let pointers: &[(&str, &str)] = match thing.kind {
        Kind::Application => &APPLICATION,
        Kind::Cluster => &CLUSTER,
    };
    let at = |value: &Value, pointer: &str| normalise(value.pointer(pointer));
    let differs = pointers.iter().filter(|(rest, kubernetes)| at(stored, rest) != at(object, kubernetes));
    let mut seen: Vec<String> = differs
        .map(|(rest, kubernetes)| {
            let (here, there) = (at(stored, rest), at(object, kubernetes));
            format!("{thing} has {rest} = {here} in REST and {kubernetes} = {there} in Kubernetes")
        })
        .collect();
    if stored["metadata"]["deleted"].is_null() != object["metadata"]["deletionTimestamp"].is_null() {
        seen.push(format!("{thing} is deleted on one side only"));
    }
    let metadata = &object["metadata"];
    let uid = metadata["annotations"].get("krake.dev/uid").unwrap_or(&metadata["uid"]);
    if stored["metadata"]["uid"] != *uid {
        seen.push(format!("{thing} is {} in REST and {uid} in Kubernetes", stored["metadata"]["uid"]));
    }
    seen
}

/// What is nothing is absent, and a number is a number.
fn normalise(value: Option<&Value>) -> Value {
    match value {
        None => Value::Null,
        Some(Value::Number(number)) => number.as_f64().map_or(Value::Null, Value::from),
        Some(Value::Array(items)) if items.is_empty() => Value::Null,
        Some(Value::Array(items)) => items.iter().map(|item| normalise(Some(item))).collect(),
        Some(Value::Object(members)) => {
            let members = members.iter().map(|(key, member)| (key.clone(), normalise(Some(member))));
            let members: Map<String, Value> = members.filter(|(_, member)| !member.is_null()).collect();
            if members.is_empty() { Value::Null } else { Value::Object(members) }
        }
        Some(other) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubernetes_rewrites_is_the_same() {
        let (one, other) = (json!({ "a": 2, "b": null, "c": [] }), json!({ "a": 2.0 }));
        assert_eq!(normalise(Some(&one)), normalise(Some(&other)));
        assert_ne!(normalise(Some(&one)), normalise(Some(&json!({ "a": 3 }))));
    }
}
