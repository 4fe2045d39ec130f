//! Which fields of an application's objects are observed and kept as they are in the manifest.
//!
//! Users write a list of partial objects as JSON text: what identifies an object is literal, every other leaf is `null`,
//! and the last element of every list says how long the real list may be. Objects without an entry are observed in every
//! field of their manifest.

mod everything;

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value};

use super::secret;

pub(super) use everything::NOT_IN_METADATA;

const MIN_LENGTH: &str = "observer_schema_list_min_length";
const MAX_LENGTH: &str = "observer_schema_list_max_length";

/// An observer schema cannot be used. Only a change of it helps.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// It is no JSON.
    #[error("the observer schema is not JSON")]
    Json(#[source] serde_json::Error),
    /// It is not shaped like an observer schema.
    #[error("`{path}` of the observer schema must be {expected}")]
    Shape {
        /// Where, e.g. `[0].spec.ports`.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
    /// It describes an object that is not in the manifest.
    #[error("the observer schema describes {kind} {name}, which is not in the manifest")]
    Unmatched {
        /// Kind of the object.
        kind: String,
        /// Name of the object.
        name: String,
    },
}

/// Which fields of which objects are observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObserverSchema {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    api_version: String,
    kind: String,
    name: String,
    observed: Node,
}

/// What is observed of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// The value as a whole.
    Leaf,
    /// These fields.
    Map(BTreeMap<String, Node>),
    /// The elements at the first positions, and the length of the real list.
    List { elements: Vec<Node>, min: usize, max: Option<usize> },
}

impl ObserverSchema {
    /// Reads a schema, as far as it can be judged without the manifest.
    ///
    /// # Errors
    /// When it is not JSON, or not shaped like a schema.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text).map_err(Error::Json)?;
        let objects = match &value {
            Value::Null => [].as_slice(),
            Value::Array(objects) => objects,
            _ => return Err(shape("", "a list of partial objects")),
        };
        let entries = objects.iter().enumerate().map(|(index, object)| Entry::parse(object, index));
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// Whether everything that the schema describes is in `manifest`.
    ///
    /// # Errors
    /// [`Error::Unmatched`] for the first entry that is not.
    pub fn check(&self, manifest: &[Value]) -> Result<(), Error> {
        match self.entries.iter().find(|entry| !manifest.iter().any(|object| entry.describes(object))) {
            Some(entry) => Err(Error::Unmatched { kind: entry.kind.clone(), name: entry.name.clone() }),
            None => Ok(()),
        }
    }

    /// What the schema itself says about an object, if anything.
    pub(super) fn explicit(&self, object: &Value) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.describes(object)).map(|entry| &entry.observed)
    }

    /// What is observed of an object: what the schema says, else everything.
    pub(super) fn of(&self, object: &Value) -> Cow<'_, Node> {
        self.explicit(object).map_or_else(|| Cow::Owned(Node::everything(object)), Cow::Borrowed)
    }
}

impl Entry {
    fn parse(object: &Value, index: usize) -> Result<Self, Error> {
        let path = format!("[{index}]");
        let mut fields = object.as_object().ok_or_else(|| shape(&path, "a partial object"))?.clone();
        let Some(Value::Object(mut metadata)) = fields.shift_remove("metadata") else {
            return Err(shape(&format!("{path}.metadata"), "an object with the name of the object"));
        };
        let entry = Self {
            api_version: take_literal(&mut fields, &path, "apiVersion")?,
            kind: take_literal(&mut fields, &path, "kind")?,
            name: take_literal(&mut metadata, &format!("{path}.metadata"), "name")?,
            observed: Node::Leaf,
        };
        if metadata.shift_remove("namespace").is_some_and(|namespace| !namespace.is_null()) {
            return Err(shape(&format!("{path}.metadata.namespace"), "null"));
        }
        fields.insert("metadata".into(), Value::Object(metadata));
        let mut observed = parse_map(&fields, &path)?;
        if secret::is_one(&entry.api_version, &entry.kind) {
            observed = as_kept(observed);
        }
        Ok(Self { observed, ..entry })
    }

    fn describes(&self, object: &Value) -> bool {
        object["apiVersion"] == self.api_version.as_str()
            && object["kind"] == self.kind.as_str()
            && object["metadata"]["name"] == self.name.as_str()
    }
}

fn take_literal(fields: &mut Map<String, Value>, path: &str, field: &str) -> Result<String, Error> {
    match fields.shift_remove(field) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(shape(&format!("{path}.{field}"), "a text, because it identifies the object")),
    }
}

fn parse_node(value: &Value, path: &str) -> Result<Node, Error> {
    match value {
        Value::Null => Ok(Node::Leaf),
        Value::Object(fields) => parse_map(fields, path),
        Value::Array(elements) => parse_list(elements, path),
        _ => Err(shape(path, "null, an object or a list")),
    }
}

fn parse_map(fields: &Map<String, Value>, path: &str) -> Result<Node, Error> {
    let parse = |(name, value): (&String, &Value)| Ok((name.clone(), parse_node(value, &format!("{path}.{name}"))?));
    fields.iter().map(parse).collect::<Result<_, _>>().map(Node::Map)
}

fn parse_list(elements: &[Value], path: &str) -> Result<Node, Error> {
    let lengths = "a list whose last element says how long the real list may be";
    let Some((control, elements)) = elements.split_last() else { return Err(shape(path, lengths)) };
    let bound = |name| control.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    let (Some(min), Some(max)) = (bound(MIN_LENGTH), bound(MAX_LENGTH)) else { return Err(shape(path, lengths)) };
    if control.as_object().is_some_and(|fields| fields.len() != 2) {
        return Err(shape(path, lengths));
    }
    if max != 0 && (max < min || max < elements.len()) {
        return Err(shape(path, "a list with a maximum length that allows its minimum and what is observed"));
    }
    let parse = |(index, element)| parse_node(element, &format!("{path}[{index}]"));
    let elements = elements.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(Node::List { elements, min, max: (max != 0).then_some(max) })
}

/// What is observed of a Secret, of which `stringData` is found in `data` only.
fn as_kept(observed: Node) -> Node {
    let Node::Map(mut fields) = observed else { return observed };
    if let Some(written) = fields.remove(secret::WRITTEN) {
        let both = match (written, fields.remove(secret::KEPT)) {
            (Node::Map(written), Some(Node::Map(kept))) => Node::Map(kept.into_iter().chain(written).collect()),
            (written @ Node::Map(_), None) => written,
            _ => Node::Leaf,
        };
        fields.insert(secret::KEPT.into(), both);
    }
    Node::Map(fields)
}

fn shape(path: &str, expected: &'static str) -> Error {
    Error::Shape { path: path.into(), expected }
}

#[cfg(test)]
mod tests;
