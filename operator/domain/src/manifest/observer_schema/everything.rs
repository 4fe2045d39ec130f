//! The schema of an object for which the user gave none: every field of its manifest, in every list exactly as many
//! elements as there are.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Node;

/// What the API server alone writes, or identifies the object and so cannot differ.
pub(in crate::manifest) const NOT_IN_METADATA: [&str; 8] =
    ["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"];

impl Node {
    /// Everything that the manifest's object says and the target can keep.
    pub(in crate::manifest) fn everything(object: &Value) -> Self {
        // Admission adds volumes, tolerations and containers to Pods, which nobody can take away again.
        let is_bounded = object["kind"] != "Pod";
        let fields = object.as_object().into_iter().flatten();
        let fields = fields.filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "status"));
        let observe = |(name, value): (&String, &Value)| {
            let node = if name == "metadata" { of_metadata(value) } else { of_value(value, is_bounded) };
            (name.clone(), node)
        };
        Self::Map(fields.map(observe).collect())
    }
}

fn of_metadata(metadata: &Value) -> Node {
    let fields = metadata.as_object().into_iter().flatten();
    let observed = fields.filter(|(name, _)| !NOT_IN_METADATA.contains(&name.as_str()));
    Node::Map(observed.map(|(name, value)| (name.clone(), of_value(value, false))).collect())
}

fn of_value(value: &Value, is_bounded: bool) -> Node {
    match value {
        Value::Object(fields) => {
            let observe = |(name, value): (&String, &Value)| (name.clone(), of_value(value, is_bounded));
            Node::Map(fields.iter().map(observe).collect::<BTreeMap<_, _>>())
        }
        Value::Array(elements) => {
            let length = elements.len();
            let elements = elements.iter().map(|element| of_value(element, is_bounded)).collect();
            // As in a written schema, a maximum of 0 is none.
            Node::List { elements, min: length, max: (is_bounded && length != 0).then_some(length) }
        }
        _ => Node::Leaf,
    }
}
