//! Objects of a cache by something that they have in common, so that nobody has to look through all of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{PoisonError, RwLock},
};

use kube::ResourceExt;

use super::cache::Cached;

/// Namespace and name.
type Key = (String, String);

/// The objects of each group. An object is in one group, and stays in it.
#[derive(Debug)]
pub(super) struct Grouping<K> {
    group_of: fn(&K) -> String,
    groups: RwLock<HashMap<String, BTreeSet<Key>>>,
}

impl<K: Cached> Grouping<K> {
    pub(super) fn new(group_of: fn(&K) -> String) -> Self {
        Self { group_of, groups: RwLock::default() }
    }

    pub(super) fn add(&self, object: &K) {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        groups.entry((self.group_of)(object)).or_default().insert(key(object));
    }

    pub(super) fn remove(&self, object: &K) {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        let group = (self.group_of)(object);
        if let Some(members) = groups.get_mut(&group) {
            members.remove(&key(object));
            if members.is_empty() {
                groups.remove(&group);
            }
        }
    }

    /// Begins anew with these.
    pub(super) fn reset<'a>(&self, objects: impl Iterator<Item = &'a K>) {
        let mut fresh: HashMap<String, BTreeSet<Key>> = HashMap::new();
        for object in objects {
            fresh.entry((self.group_of)(object)).or_default().insert(key(object));
        }
        *self.groups.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    pub(super) fn members(&self, group: &str) -> Vec<Key> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(group).into_iter().flatten().cloned().collect()
    }
}

fn key<K: Cached>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn object(name: &str, group: &str) -> ConfigMap {
        let metadata = json!({ "name": name, "namespace": "web", "labels": { "group": group } });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    fn names(grouping: &Grouping<ConfigMap>, group: &str) -> Vec<String> {
        grouping.members(group).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn members_come_go_and_are_set_anew() {
        let grouping = Grouping::new(|object: &ConfigMap| object.labels()["group"].clone());
        for (name, group) in [("a", "x"), ("b", "x"), ("c", "y"), ("a", "x")] {
            grouping.add(&object(name, group));
        }
        assert_eq!((names(&grouping, "x"), names(&grouping, "y")), (vec!["a".into(), "b".into()], vec!["c".into()]));
        grouping.remove(&object("a", "x"));
        grouping.remove(&object("c", "y"));
        assert_eq!((names(&grouping, "x"), names(&grouping, "y").len()), (vec!["b".into()], 0));
        grouping.reset([object("d", "y")].iter());
        assert_eq!((names(&grouping, "x").len(), names(&grouping, "y")), (0, vec!["d".into()]));
    }
}
