//! Where a kind has its secret: in REST, in the Secret, and where the custom resource refers to it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use krake_facade_wire::Json;
use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Field;

/// Larger Secrets do not exist in Kubernetes.
const LONGEST_TEXT: usize = 1 << 20;

/// The names of members from an object down to a value.
pub(super) type Path = &'static [&'static str];

/// A secret that REST shows inline, and the custom resource refers to.
#[derive(Clone, Copy, Debug)]
pub struct SecretPart {
    /// The part of the object that it is in, on either side.
    pub section: Section,
    /// Where in that section the custom resource refers to it.
    pub reference: Path,
    /// What follows on the object's name in the name of the Secret that is written for it.
    pub suffix: &'static str,
    /// What it looks like.
    pub form: Form,
}

/// A part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What users ask for.
    Spec,
    /// What controllers report.
    Status,
}

/// What a secret looks like. `wire` paths start in the wire's section of the same name.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A document under one key: YAML or JSON in the Secret, an object in REST.
    Document {
        /// The key under which it is written.
        key: &'static str,
        /// Where REST shows it.
        wire: Path,
    },
    /// A text under one key.
    Text {
        /// The key under which it is written.
        key: &'static str,
        /// Where REST shows it: at the one of these places that the object has.
        wire: &'static [Path],
    },
    /// Several texts, each under a key of its own; the reference names the Secret only.
    Texts(&'static [(&'static str, Path)]),
}

/// A reference to a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// The name of the Secret.
    pub(crate) name: String,
    /// The key that holds the secret, if there is but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// The Secret holds something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

impl Section {
    /// The name of the section on both sides.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Status => "status",
        }
    }

    /// The field that stands for a secret of this section.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::Spec => Field::Secret,
            Self::Status => Field::StatusSecret,
        }
    }
}

impl SecretPart {
    /// The reference to the Secret that is written for the object of this name.
    pub(crate) fn own_reference(&self, object: &str) -> Reference {
        Reference { name: format!("{object}{}", self.suffix), key: self.key().map(str::to_owned) }
    }

    /// The keys of several texts.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> {
        let texts: &'static [(&'static str, Path)] = match self.form {
            Form::Document { .. } | Form::Text { .. } => &[],
            Form::Texts(texts) => texts,
        };
        texts.iter().map(|(key, _)| *key)
    }

    const fn key(&self) -> Option<&'static str> {
        match self.form {
            Form::Document { key, .. } | Form::Text { key, .. } => Some(key),
            Form::Texts(_) => None,
        }
    }

    /// Whether REST shows it as text, not as a document.
    pub(crate) const fn is_text(&self) -> bool {
        !matches!(self.form, Form::Document { .. })
    }

    /// The reference that an object has.
    pub(crate) fn reference_of(&self, object: &DynamicObject) -> Option<Reference> {
        let section = object.data.get(self.section.name())?;
        let reference = self.reference.iter().try_fold(section, |value, name| value.get(name))?;
        serde_json::from_value(reference.clone()).ok()
    }

    /// The secret in a wire object, as it is compared; none if it is empty.
    pub(crate) fn in_wire(&self, object: &Json) -> Option<Value> {
        let section = object.get(self.section.name())?;
        let text = |path: Path| match find(section, path)? {
            Json::String(text) if !text.is_empty() => Some(text.as_str()),
            _ => None,
        };
        match self.form {
            Form::Document { wire, .. } => find(section, wire).filter(|secret| !secret.is_falsy()).map(Value::from),
            Form::Text { wire, .. } => wire.iter().find_map(|path| text(path)).map(Value::from),
            Form::Texts(texts) => {
                let texts = texts.iter().filter_map(|(key, path)| Some(((*key).to_owned(), text(path)?.into())));
                let texts: Map<String, Value> = texts.collect();
                (!texts.is_empty()).then_some(Value::Object(texts))
            }
        }
    }

    /// Puts the secret into a wire object, wherever that has a place for it.
    pub(crate) fn put_in_wire(&self, object: &mut Json, secret: Option<&Value>) {
        let Json::Object(members) = object else { return };
        let Some(section) = members.get_mut(self.section.name()) else { return };
        match self.form {
            Form::Document { wire, .. } => {
                let document = secret.map_or_else(|| Json::Object([].into_iter().collect()), Json::from);
                put(section, wire, document);
            }
            Form::Text { wire, .. } => {
                let text = secret.and_then(Value::as_str).unwrap_or_default();
                for path in wire {
                    put(section, path, text.into());
                }
            }
            Form::Texts(texts) => {
                for (key, path) in texts {
                    let text = secret.and_then(|secret| secret.get(key)).and_then(Value::as_str);
                    put(section, path, text.map_or(Json::Null, Json::from));
                }
            }
        }
    }

    /// The secret in the data of a Secret; `None` if it is not there at all.
    pub(crate) fn read_data(
        &self,
        mut data: BTreeMap<String, ByteString>,
        reference: &Reference,
    ) -> Option<Result<Value, Unfit>> {
        let key = reference.key.as_deref().or(self.key());
        match self.form {
            Form::Document { .. } => data.remove(key?).map(|ByteString(text)| parse(&text).ok_or(Unfit)),
            Form::Text { .. } => data.remove(key?).map(|bytes| Ok(Value::String(read(bytes)?))),
            Form::Texts(texts) => {
                let found = texts.iter().filter_map(|(key, _)| Some((*key, data.remove(*key)?)));
                let read: Result<Map<String, Value>, Unfit> =
                    found.map(|(key, bytes)| Ok((key.to_owned(), Value::String(read(bytes)?)))).collect();
                match read {
                    Ok(texts) if texts.is_empty() => None,
                    read => Some(read.map(Value::Object)),
                }
            }
        }
    }

    /// The data of the Secret that is written.
    pub(crate) fn data_of(&self, secret: &Value, reference: &Reference) -> BTreeMap<String, ByteString> {
        let entries: Vec<(String, Vec<u8>)> = match (self.form, secret) {
            // JSON is YAML, and the only YAML that every program reads alike.
            (Form::Document { .. }, document) => key(reference, &document.to_string()),
            (Form::Text { .. }, text) => key(reference, text.as_str().unwrap_or_default()),
            (Form::Texts(_), texts) => {
                let texts = texts.as_object().into_iter().flatten();
                texts.filter_map(|(key, text)| Some((key.clone(), text.as_str()?.as_bytes().to_vec()))).collect()
            }
        };
        entries.into_iter().map(|(key, bytes)| (key, ByteString(bytes))).collect()
    }
}

fn key(reference: &Reference, text: &str) -> Vec<(String, Vec<u8>)> {
    reference.key.iter().map(|key| (key.clone(), text.as_bytes().to_vec())).collect()
}

fn find(section: &Json, path: Path) -> Option<&Json> {
    path.iter().try_fold(section, |value, name| value.get(name))
}

/// Sets a value whose parents are there; a place that the object does not have stays without.
fn put(section: &mut Json, path: Path, value: Json) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = section;
    for name in parents {
        let Json::Object(members) = place else { return };
        let Some(next) = members.get_mut(*name) else { return };
        place = next;
    }
    if let Json::Object(members) = place {
        members.insert((*last).to_owned(), value);
    }
}

fn read(ByteString(bytes): ByteString) -> Result<String, Unfit> {
    if bytes.len() > LONGEST_TEXT {
        return Err(Unfit);
    }
    String::from_utf8(bytes).map_err(|_| Unfit)
}

/// Users write YAML. Only an object can be shown.
fn parse(text: &[u8]) -> Option<Value> {
    if text.len() > LONGEST_TEXT {
        return None;
    }
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        return value.is_object().then_some(value);
    }
    let text = str::from_utf8(text).ok()?;
    let mut value = serde_yaml::Value::deserialize(serde_yaml::Deserializer::from_str(text)).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok().filter(Value::is_object)
}

#[cfg(test)]
mod tests;
