//! A document becomes an object: checked as the API checks a creation, with all that the API would add.

use krake_facade_store::Key;
use krake_facade_wire::core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider, Role, RoleBinding};
use krake_facade_wire::{Json, Kind, Timestamp};
use serde_yaml::Value;

use crate::wording::shown;

/// An object, ready to be written.
#[derive(Debug)]
pub(super) struct Draft {
    /// What it is called in reports.
    pub(super) reference: String,
    pub(super) key: Key,
    pub(super) uid: String,
    pub(super) bytes: Vec<u8>,
}

/// A document that is no object that can be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Which one.
    pub(super) what: String,
    /// Why, as Python would print the exception.
    pub(super) error: String,
}

impl Draft {
    /// Reads the document with this number in its file.
    pub(super) fn read(document: &Value, number: usize, now: Timestamp) -> Result<Self, Refusal> {
        let Ok(json @ Json::Object(_)) = &json(document) else {
            let what = format!("document {number}");
            return Err(Refusal { what, error: value_error("The document is not a resource.") });
        };
        draft(json, now).map_err(|error| Refusal { what: identify(json), error })
    }
}

fn draft(json: &Json, now: Timestamp) -> Result<Draft, String> {
    let text = |key: &str| json.get(key).map_or_else(|| "MISSING".to_owned(), word);
    if text("api") != Role::API {
        return Err(value_error(&format!("The api '{}' could not be found.", text("api"))));
    }
    match text("kind").as_str() {
        Role::KIND => build::<Role>(json, now),
        RoleBinding::KIND => build::<RoleBinding>(json, now),
        GlobalMetric::KIND => build::<GlobalMetric>(json, now),
        GlobalMetricsProvider::KIND => build::<GlobalMetricsProvider>(json, now),
        Metric::KIND => build::<Metric>(json, now),
        MetricsProvider::KIND => build::<MetricsProvider>(json, now),
        kind => Err(value_error(&format!("The kind '{kind}' could not be found."))),
    }
}

fn build<K: Kind>(json: &Json, now: Timestamp) -> Result<Draft, String> {
    let mut object = K::decode_new(json).map_err(|invalid| format!("ValidationError({invalid})"))?;
    let metadata = object.metadata_mut();
    match (K::NAMESPACED, &metadata.namespace) {
        (true, None) => return Err(value_error(&format!("The kind '{}' needs a namespace.", K::KIND))),
        (false, Some(_)) => return Err(value_error(&format!("The kind '{}' has no namespace.", K::KIND))),
        (true, Some(_)) | (false, None) => {}
    }
    metadata.uid = uuid::Uuid::new_v4().to_string();
    (metadata.created, metadata.modified) = (now, now);
    let (uid, name, namespace) = (metadata.uid.clone(), metadata.name.clone(), metadata.namespace.clone());
    let shown_namespace = namespace.as_deref().unwrap_or("None");
    Ok(Draft {
        reference: format!("{}(api='{}', namespace='{shown_namespace}', name='{name}')", K::KIND, K::API),
        key: Key::of::<K>(namespace.as_deref(), &name),
        uid,
        bytes: object.to_bytes(),
    })
}

/// What a document that cannot be used says about itself.
fn identify(json: &Json) -> String {
    let said = |value: Option<&Json>| format!("'{}'", value.map_or_else(|| "MISSING".to_owned(), word));
    let metadata = json.get("metadata");
    let [namespace, name] = ["namespace", "name"].map(|key| said(metadata.and_then(|metadata| metadata.get(key))));
    let [kind, api] = ["kind", "api"].map(|key| said(json.get(key)));
    format!("kind: {kind}, api: {api}, namespace: {namespace}, name: {name}")
}

/// The value on one line, if it is simple.
fn word(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Int(value) => value.to_string(),
        Json::Float(value) => value.to_string(),
        Json::BigInt(text) | Json::String(text) => shown(text),
        Json::Array(_) | Json::Object(_) => "…".to_owned(),
    }
}

/// An exception of Python with this sentence, which quotes something in single quotes or nothing.
fn value_error(sentence: &str) -> String {
    let quote = if sentence.contains('\'') { '"' } else { '\'' };
    format!("ValueError({quote}{sentence}{quote})")
}

/// The value as JSON, if JSON can say it.
fn json(value: &Value) -> Result<Json, NotJson> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Json::Int(value),
            (None, Some(value), _) => Json::BigInt(value.to_string()),
            (None, None, Some(value)) if value.is_finite() => Json::Float(value),
            (None, None, _) => return Err(NotJson),
        },
        Value::String(text) => Json::String(text.clone()),
        Value::Sequence(elements) => Json::Array(elements.iter().map(json).collect::<Result<_, _>>()?),
        Value::Mapping(members) => {
            let members =
                members.iter().map(|(key, value)| Ok((key.as_str().ok_or(NotJson)?.to_owned(), json(value)?)));
            Json::Object(members.collect::<Result<_, _>>()?)
        }
        Value::Tagged(_) => return Err(NotJson),
    })
}

/// A key that is no string, an infinite number, or a value with a tag.
struct NotJson;

#[cfg(test)]
mod tests;
