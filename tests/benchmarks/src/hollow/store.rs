//! The objects of one hollow cluster, with revisions and the last changes, for watches.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{
    answer::Refusal,
    asked::{Collection, Kind, NODE, Target},
};

/// Changes that a watch may be behind; one that is further behind starts over with a list, as on a real cluster.
const REMEMBERED: usize = 256;

/// What happened to an object.
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) kind: &'static Kind,
    pub(super) event: &'static str,
    pub(super) object: Arc<Value>,
}

/// One cluster.
pub(super) struct Store {
    inside: Mutex<Inside>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Inside {
    revision: u64,
    objects: BTreeMap<Target, Arc<Value>>,
    changes: VecDeque<Arc<Change>>,
}

/// The watch asks for changes that are not remembered any more.
pub(super) struct Expired;

impl Store {
    /// A cluster with one node, which is ready.
    pub(super) fn with_node() -> Self {
        let store = Self { inside: Mutex::default(), newest: watch::Sender::new(0) };
        let ready = json!({ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "" });
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-1" }, "status": { "conditions": [ready] },
        });
        store.apply(&Target { kind: &NODE, namespace: None, name: "node-1".to_owned() }, node);
        store
    }

    pub(super) fn get(&self, target: &Target) -> Option<Arc<Value>> {
        self.inside().objects.get(target).cloned()
    }

    /// What is there, and the revision from which to watch on.
    pub(super) fn list(&self, collection: &Collection) -> (Vec<Arc<Value>>, u64) {
        let inside = self.inside();
        let objects = inside.objects.iter().filter(|(target, object)| {
            let is_there = collection.namespace.is_none() || collection.namespace == target.namespace;
            target.kind == collection.kind && is_there && is_selected(collection, object)
        });
        (objects.map(|(_, object)| object.clone()).collect(), inside.revision)
    }

    /// Makes the object what it is given as; a Deployment is ready at once.
    pub(super) fn apply(&self, target: &Target, given: Value) -> Arc<Value> {
        let mut inside = self.inside();
        let before = inside.objects.get(target).cloned();
        let mut object = given;
        stamp(&mut object, before.as_deref());
        if target.kind.name == "Deployment" {
            make_ready(&mut object);
        }
        match before {
            Some(before) if *before == object => before,
            before => self.put(&mut inside, target, object, before.is_none()),
        }
    }

    /// Applies a merge patch.
    pub(super) fn amend(&self, target: &Target, patch: &Value) -> Result<Arc<Value>, Refusal> {
        let mut inside = self.inside();
        let before = inside.objects.get(target).cloned().ok_or_else(|| Refusal::no_object(target))?;
        let mut object = (*before).clone();
        merge(&mut object, patch);
        Ok(self.put(&mut inside, target, object, false))
    }

    pub(super) fn delete(&self, target: &Target) -> Result<(), Refusal> {
        let mut inside = self.inside();
        let gone = inside.objects.remove(target).ok_or_else(|| Refusal::no_object(target))?;
        self.record(&mut inside, target.kind, "DELETED", (*gone).clone());
        Ok(())
    }

    /// Changes after a revision, and the revision up to which that is all.
    pub(super) fn changes_since(&self, revision: u64) -> Result<(Vec<Arc<Change>>, u64), Expired> {
        let inside = self.inside();
        let oldest = inside.changes.front().map_or(inside.revision, |change| change.revision);
        if revision + 1 < oldest {
            return Err(Expired);
        }
        let first = inside.changes.partition_point(|change| change.revision <= revision);
        Ok((inside.changes.range(first..).cloned().collect(), inside.revision))
    }

    /// Changes whenever there is something new.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn put(&self, inside: &mut Inside, target: &Target, object: Value, is_new: bool) -> Arc<Value> {
        let event = if is_new { "ADDED" } else { "MODIFIED" };
        let object = self.record(inside, target.kind, event, object);
        inside.objects.insert(target.clone(), object.clone());
        object
    }

    fn record(&self, inside: &mut Inside, kind: &'static Kind, event: &'static str, mut object: Value) -> Arc<Value> {
        inside.revision += 1;
        let revision = inside.revision;
        edit_metadata(&mut object, |metadata| {
            metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
        });
        let object = Arc::new(object);
        if inside.changes.len() == REMEMBERED {
            inside.changes.pop_front();
        }
        inside.changes.push_back(Arc::new(Change { revision, kind, event, object: object.clone() }));
        self.newest.send_replace(revision);
        object
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an object carries the label that is asked for.
pub(super) fn is_selected(collection: &Collection, object: &Value) -> bool {
    collection.label.as_ref().is_none_or(|(key, value)| {
        let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
        labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value)
    })
}

/// Adds what only a server sets: that of the object before, if there was one.
fn stamp(object: &mut Value, before: Option<&Value>) {
    let known = before.and_then(|before| before.get("metadata"));
    let fresh = json!({
        "uid": format!("{:032x}", rand::random::<u128>()),
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 1,
    });
    edit_metadata(object, |metadata| {
        for field in ["uid", "creationTimestamp", "generation", "resourceVersion"] {
            if let Some(value) = known.unwrap_or(&fresh).get(field) {
                metadata.insert(field.to_owned(), value.clone());
            }
        }
    });
}

fn make_ready(deployment: &mut Value) {
    let replicas = deployment.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let available = json!({ "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" });
    let status = json!({
        "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
        "availableReplicas": replicas, "conditions": [available],
    });
    edit(deployment, |root| {
        root.insert("status".to_owned(), status);
    });
}

fn edit_metadata(object: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    edit(object, |root| edit(root.entry("metadata").or_insert(Value::Null), change));
}

/// Changes an object in place; whatever is there and is none is replaced by an empty one.
fn edit(value: &mut Value, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut map = match value.take() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    change(&mut map);
    *value = Value::Object(map);
}

/// A merge patch as in RFC 7396.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        value.clone_from(patch);
        return;
    };
    edit(value, |map| {
        for (name, change) in patch {
            if change.is_null() {
                map.shift_remove(name);
            } else {
                merge(map.entry(name.as_str()).or_insert(Value::Null), change);
            }
        }
    });
}
