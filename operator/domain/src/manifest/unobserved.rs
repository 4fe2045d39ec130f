//! Fields that a user's observer schema leaves out belong to whoever sets them on the target: applying the manifest again
//! must not take them back.

use serde_json::{Map, Value};

use super::observer_schema::{Node, ObserverSchema};

/// `desired` as it is applied over an object that is already there: what the schema does not observe is as it is on the
/// target. Without an entry in the schema everything is observed, and the manifest is applied as it is.
#[must_use]
pub fn keep_unobserved(desired: &Value, live: &Value, schema: &ObserverSchema) -> Value {
    let Some(Node::Map(observed)) = schema.explicit(desired) else { return desired.clone() };
    let merged = desired.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let kept = match (name.as_str(), observed.get(name)) {
            ("apiVersion" | "kind", _) => Some(value.clone()),
            ("metadata", node) => Some(merge_metadata(node, value, live.get(name))),
            (_, node) => merge(node, value, live.get(name)),
        };
        Some((name.clone(), kept?))
    });
    Value::Object(merged.collect())
}

/// What identifies the object stays whatever the schema says.
fn merge_metadata(node: Option<&Node>, desired: &Value, live: Option<&Value>) -> Value {
    let Some(Value::Object(mut merged)) = merge(node, desired, live) else { return desired.clone() };
    for name in ["name", "namespace"] {
        if let Some(value) = desired.get(name) {
            merged.insert(name.into(), value.clone());
        }
    }
    Value::Object(merged)
}

/// The observed parts of `desired` and the unobserved ones of `live`; nothing if it is unobserved and not there.
fn merge(node: Option<&Node>, desired: &Value, live: Option<&Value>) -> Option<Value> {
    match (node, desired) {
        (None, _) => live.map(|live| restrict(live, desired)),
        (Some(Node::Map(observed)), Value::Object(fields)) => {
            let merged: Map<_, _> = fields
                .iter()
                .filter_map(|(name, value)| {
                    let live = live.and_then(|live| live.get(name));
                    Some((name.clone(), merge(observed.get(name), value, live)?))
                })
                .collect();
            Some(Value::Object(merged))
        }
        (Some(Node::List { elements, max, .. }), Value::Array(desired)) => {
            let live: &[Value] = live.and_then(Value::as_array).map_or(&[], Vec::as_slice);
            let merged =
                desired.iter().enumerate().filter_map(|(at, value)| merge(elements.get(at), value, live.get(at)));
            // What others appended is theirs as long as the schema allows it.
            let appended =
                live.iter().skip(desired.len()).take(max.unwrap_or(usize::MAX).saturating_sub(desired.len()));
            Some(Value::Array(merged.chain(appended.cloned()).collect()))
        }
        _ => Some(desired.clone()),
    }
}

/// `live` without the fields that the manifest does not mention: those are not ours to apply.
fn restrict(live: &Value, desired: &Value) -> Value {
    match (live, desired) {
        (Value::Object(live), Value::Object(desired)) => {
            let known =
                live.iter().filter_map(|(name, value)| Some((name.clone(), restrict(value, desired.get(name)?))));
            Value::Object(known.collect())
        }
        _ => live.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(replicas: u32, image: &str, label: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "shop", "labels": { "tier": label } },
            "spec": { "replicas": replicas, "template": { "spec": { "containers": [{ "name": "web", "image": image }] } } },
        })
    }

    const ONLY_IMAGES: &str = r#"[{
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "template": { "spec": { "containers": [
            { "image": null }, { "observer_schema_list_min_length": 1, "observer_schema_list_max_length": 2 }
        ] } } }
    }]"#;

    #[test]
    fn what_is_not_observed_stays_as_it_is_on_the_target() {
        let schema = ObserverSchema::parse(ONLY_IMAGES).unwrap();
        let mut live = deployment(7, "old", "theirs");
        live["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({ "name": "sidecar" }));
        live["metadata"]["uid"] = json!("u1");
        let mut expected = deployment(7, "new", "theirs");
        expected["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(json!({ "name": "sidecar" }));
        assert_eq!(keep_unobserved(&deployment(2, "new", "ours"), &live, &schema), expected);
    }

    #[test]
    fn what_is_neither_observed_nor_there_is_not_applied() {
        let schema = ObserverSchema::parse(ONLY_IMAGES).unwrap();
        let mut live = deployment(7, "old", "theirs");
        live["spec"].as_object_mut().unwrap().shift_remove("replicas");
        let merged = keep_unobserved(&deployment(2, "new", "ours"), &live, &schema);
        assert_eq!(merged["spec"].get("replicas"), None);
        assert_eq!(merged["metadata"]["name"], "web");
    }

    #[test]
    fn without_a_schema_the_manifest_is_applied_as_it_is() {
        let desired = deployment(2, "new", "ours");
        assert_eq!(keep_unobserved(&desired, &deployment(7, "old", "theirs"), &ObserverSchema::default()), desired);
    }
}
