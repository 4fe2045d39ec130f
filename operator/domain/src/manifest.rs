//! From what an application asks for and what is recorded of its target to what must be done there.
//!
//! ```text
//! manifest ──┐
//! inventory ─┼─▶ plan ─▶ apply these in this order, then prune those
//! scopes ────┘
//! what the target assigned ─▶ freeze ─▶ complete the desired object with it
//! desired + live + observer schema ─▶ drift ─▶ which observed fields differ
//! ```

pub mod diff;
mod frozen;
pub mod identity;
pub mod observer_schema;
mod order;
mod quantity;
mod secret;
pub mod unobserved;

use std::collections::BTreeSet;

use krake_crds::kubernetes::placement::InventoryEntry;
use serde_json::{Value, json};

pub use diff::{Drift, drift};
pub use frozen::{complete, freeze};
pub use identity::Identity;
pub use observer_schema::ObserverSchema;
pub use order::{deletion_order, is_left_behind, is_needed_by};
pub use unobserved::keep_unobserved;

/// A manifest cannot be planned. Only a change of it, or of what the target offers, helps.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An object of the manifest lacks what identifies it.
    #[error("object {index} of the manifest has no {field}")]
    Incomplete {
        /// Position in the manifest, from 0.
        index: usize,
        /// The field that is missing or not a text.
        field: &'static str,
    },
    /// Two objects of the manifest are the same one.
    #[error("{0} is in the manifest twice")]
    Duplicate(Identity),
    /// Neither the target nor a definition in the manifest knows the kind.
    #[error("the target knows no kind {kind} in {api_version}")]
    UnknownKind {
        /// `apiVersion` of the object.
        api_version: String,
        /// Kind of the object.
        kind: String,
    },
}

/// Whether a kind's objects live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In namespaces.
    Namespaced,
    /// Beside them.
    Cluster,
}

/// An object that shall be on the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Which object it is.
    pub identity: Identity,
    /// `apiVersion` under which it is applied.
    pub api_version: String,
    /// The whole object as the target keeps it: with the namespace that it goes to, a Secret with `data` only.
    pub body: Value,
}

impl Desired {
    /// How the object is recorded; `uid` is the one it has on the target, if it is there.
    #[must_use]
    pub fn entry(&self, uid: Option<String>) -> InventoryEntry {
        InventoryEntry {
            api_version: self.api_version.clone(),
            kind: self.identity.kind.clone(),
            namespace: self.identity.namespace.clone(),
            name: self.identity.name.clone(),
            uid,
            ..InventoryEntry::default()
        }
    }
}

/// What must be done on a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// To be applied, in this order.
    pub apply: Vec<Desired>,
    /// To be deleted afterwards, in this order.
    pub prune: Vec<InventoryEntry>,
}

impl Plan {
    /// What has to be recorded before anything is done: everything that will or may be on the target, with what `recorded`
    /// knows about it.
    #[must_use]
    pub fn inventory(&self, recorded: &[InventoryEntry]) -> Vec<InventoryEntry> {
        let known = |desired: &Desired| {
            let known = recorded.iter().find(|entry| Identity::of_entry(entry) == desired.identity);
            InventoryEntry {
                api_version: desired.api_version.clone(),
                ..known.cloned().unwrap_or_else(|| desired.entry(None))
            }
        };
        self.apply.iter().map(known).chain(self.prune.iter().cloned()).collect()
    }
}

/// Plans how `manifest` comes onto a target of which `inventory` is recorded.
///
/// Namespaced objects without a namespace go to `default_namespace`. `scope` says what the target knows about a kind,
/// given its `apiVersion` and name; kinds that the manifest itself defines need not be known yet.
///
/// # Errors
/// When the manifest is incomplete, names an object twice, or holds a kind that nobody knows.
pub fn plan(
    manifest: &[Value],
    inventory: &[InventoryEntry],
    default_namespace: &str,
    scope: impl Fn(&str, &str) -> Option<Scope>,
) -> Result<Plan, Error> {
    let mut apply = Vec::with_capacity(manifest.len());
    let mut seen = BTreeSet::new();
    for (index, object) in manifest.iter().enumerate() {
        let (api_version, kind) = (identity::api_version(object, index)?, identity::kind(object, index)?);
        let scope = scope(api_version, kind)
            .or_else(|| defined_scope(manifest, api_version, kind))
            .ok_or_else(|| Error::UnknownKind { api_version: api_version.into(), kind: kind.into() })?;
        let desired = build_desired(object, index, scope, default_namespace)?;
        if !seen.insert(desired.identity.clone()) {
            return Err(Error::Duplicate(desired.identity));
        }
        apply.push(desired);
    }
    order::sort_for_apply(&mut apply);
    let stale = inventory.iter().filter(|entry| !seen.contains(&Identity::of_entry(entry))).cloned();
    Ok(Plan { apply, prune: deletion_order(stale) })
}

fn build_desired(object: &Value, index: usize, scope: Scope, default_namespace: &str) -> Result<Desired, Error> {
    let mut body = object.clone();
    let mut identity = Identity::of(object, index)?;
    identity.namespace = match scope {
        Scope::Namespaced => Some(identity.namespace.unwrap_or_else(|| default_namespace.into())),
        Scope::Cluster => None,
    };
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        match &identity.namespace {
            Some(namespace) => drop(metadata.insert("namespace".into(), json!(namespace))),
            None => drop(metadata.shift_remove("namespace")),
        }
    }
    secret::fold(&mut body);
    Ok(Desired { identity, api_version: identity::api_version(object, index)?.into(), body })
}

/// The scope of a kind that a custom resource definition of this manifest defines.
fn defined_scope(manifest: &[Value], api_version: &str, kind: &str) -> Option<Scope> {
    let group = identity::group(api_version);
    let defines = |object: &&Value| {
        object["kind"] == "CustomResourceDefinition"
            && object["spec"]["group"] == group
            && object["spec"]["names"]["kind"] == kind
    };
    match manifest.iter().find(defines)?["spec"]["scope"].as_str()? {
        "Namespaced" => Some(Scope::Namespaced),
        "Cluster" => Some(Scope::Cluster),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
