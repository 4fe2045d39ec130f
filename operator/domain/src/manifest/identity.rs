//! Which object is meant. The version is no part of it: the same object is served under several.

use std::fmt;

use krake_crds::kubernetes::placement::InventoryEntry;
use serde_json::Value;

use super::Error;

/// Identifies an object on a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped kinds, and in manifests that leave it to the target.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl Identity {
    /// The identity of the manifest's object at `index`, as far as it says it itself.
    ///
    /// # Errors
    /// [`Error::Incomplete`].
    pub fn of(object: &Value, index: usize) -> Result<Self, Error> {
        let metadata = &object["metadata"];
        Ok(Self {
            group: group(api_version(object, index)?).into(),
            kind: kind(object, index)?.into(),
            namespace: text(&metadata["namespace"]).map(Into::into),
            name: text(&metadata["name"]).ok_or(Error::Incomplete { index, field: "metadata.name" })?.into(),
        })
    }

    /// The identity of a recorded object.
    #[must_use]
    pub fn of_entry(entry: &InventoryEntry) -> Self {
        Self {
            group: group(&entry.api_version).into(),
            kind: entry.kind.clone(),
            namespace: entry.namespace.clone(),
            name: entry.name.clone(),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// The group of an `apiVersion`; empty for the core group.
#[must_use]
pub fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

pub(super) fn api_version(object: &Value, index: usize) -> Result<&str, Error> {
    text(&object["apiVersion"]).ok_or(Error::Incomplete { index, field: "apiVersion" })
}

pub(super) fn kind(object: &Value, index: usize) -> Result<&str, Error> {
    text(&object["kind"]).ok_or(Error::Incomplete { index, field: "kind" })
}

/// A text that says something.
fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
