//! Fields that a user's observer schema names and the manifest does not: the target assigns them, and from then on they
//! are kept as they were first seen. What was seen is recorded with the object.

use serde_json::{Map, Value};

use super::observer_schema::{NOT_IN_METADATA, Node, ObserverSchema};

/// What is kept of an object from now on: what `before` says, and what `live` adds to it; nothing if there is none.
///
/// Only an entry of the schema freezes anything, because without one the manifest says all that is observed. What the
/// manifest has come to say itself, or the schema no longer names, is let go. The status is never frozen: it is not ours
/// to keep. Of a list element that the manifest does not have, all fields are recorded, so that it can be made again.
#[must_use]
pub fn freeze(desired: &Value, live: Option<&Value>, before: Option<&Value>, schema: &ObserverSchema) -> Option<Value> {
    let Some(Node::Map(observed)) = schema.explicit(desired) else { return None };
    let seen = Seen { desired: Some(desired), live, before };
    let fields = observed.iter().filter(|(name, _)| name.as_str() != "status").filter_map(|(name, node)| {
        let kept = seen.field(name).kept(node)?;
        let kept = if name == "metadata" { without_identity(kept)? } else { kept };
        Some((name.clone(), kept))
    });
    some_object(fields.collect())
}

/// `desired` with the fields that are kept.
#[must_use]
pub fn complete(desired: &Value, frozen: &Value) -> Value {
    match (desired, frozen) {
        (Value::Object(desired), Value::Object(frozen)) => {
            let mut all = desired.clone();
            for (name, frozen) in frozen {
                let whole = desired.get(name).map_or_else(|| frozen.clone(), |desired| complete(desired, frozen));
                all.insert(name.clone(), whole);
            }
            Value::Object(all)
        }
        (Value::Array(desired), Value::Array(frozen)) => {
            let kept = |at: usize| frozen.get(at).filter(|kept| !kept.is_null());
            let both = desired
                .iter()
                .enumerate()
                .map(|(at, one)| kept(at).map_or_else(|| one.clone(), |kept| complete(one, kept)));
            let beyond = frozen.iter().skip(desired.len()).filter(|kept| !kept.is_null()).cloned();
            Value::Array(both.chain(beyond).collect())
        }
        (desired, _) => desired.clone(),
    }
}

/// One place in the three views of an object.
#[derive(Clone, Copy)]
struct Seen<'a> {
    desired: Option<&'a Value>,
    live: Option<&'a Value>,
    before: Option<&'a Value>,
}

impl<'a> Seen<'a> {
    fn field(self, name: &str) -> Self {
        self.inside(|value| value.get(name))
    }

    fn element(self, index: usize) -> Self {
        self.inside(|value| value.get(index))
    }

    fn inside(self, look: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        let Self { desired, live, before } = self;
        Self { desired: desired.and_then(&look), live: live.and_then(&look), before: before.and_then(&look) }
    }

    /// What is to be kept here.
    fn kept(self, node: &Node) -> Option<Value> {
        match (node, self.desired) {
            (Node::Map(observed), None | Some(Value::Object(_))) => {
                let kept =
                    observed.iter().filter_map(|(name, node)| Some((name.clone(), self.field(name).kept(node)?)));
                some_object(kept.collect())
            }
            (Node::List { elements, .. }, None | Some(Value::Array(_))) => self.kept_elements(elements),
            (Node::Leaf, None) => self.first(),
            _ => None,
        }
    }

    /// A list in which `null` stands for an element of which nothing is kept.
    fn kept_elements(self, elements: &[Node]) -> Option<Value> {
        let known = self.desired.and_then(Value::as_array).map_or(0, Vec::len);
        let kept = elements.iter().enumerate().map(|(index, node)| {
            let element = self.element(index);
            let kept = if index < known { element.kept(node) } else { element.first() };
            kept.unwrap_or(Value::Null)
        });
        let kept: Vec<_> = kept.collect();
        kept.iter().any(|one| !one.is_null()).then_some(Value::Array(kept))
    }

    /// The first value that was ever seen.
    fn first(self) -> Option<Value> {
        self.before.into_iter().chain(self.live).find(|value| !value.is_null()).cloned()
    }
}

fn without_identity(metadata: Value) -> Option<Value> {
    let Value::Object(mut fields) = metadata else { return None };
    fields.retain(|name, _| !NOT_IN_METADATA.contains(&name.as_str()));
    some_object(fields)
}

fn some_object(fields: Map<String, Value>) -> Option<Value> {
    (!fields.is_empty()).then_some(Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SCHEMA: &str = r#"[{
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo", "labels": { "tier": null }, "uid": null },
        "spec": {
            "type": null, "sessionAffinity": null, "selector": { "app": null, "tier": null },
            "ports": [
                { "port": null, "nodePort": null }, { "port": null },
                { "observer_schema_list_min_length": 1, "observer_schema_list_max_length": 4 }
            ]
        },
        "status": { "loadBalancer": null }
    }]"#;

    fn schema() -> ObserverSchema {
        ObserverSchema::parse(SCHEMA).unwrap()
    }

    fn desired() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo" },
            "spec": { "type": "NodePort", "selector": { "app": "echo" }, "ports": [{ "port": 80 }] },
        })
    }

    fn live() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "echo", "uid": "u1", "labels": { "tier": "web", "other": "x" } },
            "spec": {
                "type": "NodePort", "sessionAffinity": "None", "clusterIP": "10.0.0.7", "selector": { "app": "echo" },
                "ports": [{ "port": 80, "nodePort": 31_000 }],
            },
            "status": { "loadBalancer": {} },
        })
    }

    #[test]
    fn what_the_target_assigned_to_observed_fields_is_kept_as_it_was_first_seen() {
        let first = freeze(&desired(), Some(&live()), None, &schema()).unwrap();
        let expected = json!({
            "metadata": { "labels": { "tier": "web" } },
            "spec": { "sessionAffinity": "None", "ports": [{ "nodePort": 31_000 }, null] },
        });
        assert_eq!(first, expected);
        let mut changed = live();
        changed["spec"]["sessionAffinity"] = json!("ClientIP");
        changed["spec"]["ports"][0]["nodePort"] = json!(31_001);
        assert_eq!(freeze(&desired(), Some(&changed), Some(&first), &schema()).unwrap(), expected);
        assert_eq!(freeze(&desired(), None, Some(&first), &schema()).unwrap(), expected);
        let whole = complete(&desired(), &first);
        assert_eq!(whole["spec"]["ports"], json!([{ "port": 80, "nodePort": 31_000 }]));
        assert_eq!((&whole["spec"]["sessionAffinity"], &whole["metadata"]["name"]), (&json!("None"), &json!("echo")));
    }

    #[test]
    fn an_observed_position_beyond_the_manifest_is_kept_once_it_has_appeared() {
        let mut extended = live();
        let added = json!({ "port": 81, "name": "more" });
        extended["spec"]["ports"].as_array_mut().unwrap().push(added.clone());
        let frozen = freeze(&desired(), Some(&extended), None, &schema()).unwrap();
        assert_eq!(frozen["spec"]["ports"], json!([{ "nodePort": 31_000 }, added]));
        assert_eq!(complete(&desired(), &frozen)["spec"]["ports"][1], added);
    }

    #[test]
    fn what_the_manifest_says_by_now_or_the_schema_no_longer_names_is_let_go() {
        let frozen = freeze(&desired(), Some(&live()), None, &schema()).unwrap();
        let mut said = desired();
        said["spec"]["sessionAffinity"] = json!("ClientIP");
        said["spec"]["ports"][0]["nodePort"] = json!(null);
        let kept = freeze(&said, Some(&live()), Some(&frozen), &schema());
        assert_eq!(kept, Some(json!({ "metadata": { "labels": { "tier": "web" } } })));
        let other = r#"[{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo" } }]"#;
        let other = ObserverSchema::parse(other).unwrap();
        assert_eq!(freeze(&desired(), Some(&live()), Some(&frozen), &other), None);
        assert_eq!(freeze(&desired(), Some(&live()), Some(&frozen), &ObserverSchema::default()), None);
    }
}
