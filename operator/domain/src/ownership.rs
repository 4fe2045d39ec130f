//! What depends on what, and what must be gone before what.
//!
//! A dependent names its owners; when an owner is deleted, its dependents are deleted first. Owners may form diamonds,
//! and by mistake cycles: objects of a cycle do not wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::reference::ObjectReference;

/// Who depends on whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    dependents: BTreeMap<ObjectReference, BTreeSet<ObjectReference>>,
}

impl Graph {
    /// Records that `dependent` depends on all of `owners`.
    pub fn add(&mut self, dependent: &ObjectReference, owners: &[ObjectReference]) {
        for owner in owners {
            self.dependents.entry(owner.clone()).or_default().insert(dependent.clone());
        }
    }

    /// What must be gone before `object` may be. What `object` itself, directly or not, depends on is not awaited: that
    /// is a cycle, and waiting would never end.
    #[must_use]
    pub fn awaited_by(&self, object: &ObjectReference) -> Vec<ObjectReference> {
        let direct = self.dependents.get(object).into_iter().flatten();
        direct.filter(|dependent| !self.all_dependents(dependent).contains(object)).cloned().collect()
    }

    /// All that depend on `object`, directly or not. Contains `object` itself if it is part of a cycle.
    fn all_dependents(&self, object: &ObjectReference) -> BTreeSet<ObjectReference> {
        let mut found = BTreeSet::new();
        let mut open = vec![object];
        while let Some(next) = open.pop() {
            let direct = self.dependents.get(next).into_iter().flatten();
            open.extend(direct.filter(|dependent| found.insert((*dependent).clone())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(name: &str) -> ObjectReference {
        ObjectReference {
            group: "kubernetes.krake.dev".into(),
            kind: "Cluster".into(),
            namespace: Some("n".into()),
            name: name.into(),
        }
    }

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (dependent, owners) in edges {
            graph.add(&node(dependent), &owners.iter().map(|owner| node(owner)).collect::<Vec<_>>());
        }
        graph
    }

    #[test]
    fn an_owner_awaits_its_direct_dependents_in_a_diamond() {
        let diamond = graph(&[("left", &["cloud"]), ("right", &["cloud"]), ("app", &["left", "right"])]);
        assert_eq!(diamond.awaited_by(&node("cloud")), [node("left"), node("right")]);
        assert_eq!(diamond.awaited_by(&node("left")), [node("app")]);
        assert_eq!(diamond.awaited_by(&node("app")), []);
    }

    #[test]
    fn objects_of_a_cycle_do_not_wait_for_each_other() {
        let cycle =
            graph(&[("a", &["b", "root"]), ("b", &["c"]), ("c", &["a"]), ("leaf", &["b"]), ("self", &["self"])]);
        assert_eq!(cycle.awaited_by(&node("root")), [node("a")]);
        assert_eq!(cycle.awaited_by(&node("b")), [node("leaf")]);
        assert_eq!(cycle.awaited_by(&node("self")), []);
    }

    proptest! {
        #[test]
        fn every_dependent_is_awaited_unless_the_wait_would_never_end(
            edges in proptest::collection::vec((0_u8..8, 0_u8..8), 0..20),
        ) {
            let mut graph = Graph::default();
            let name = |index: u8| node(&index.to_string());
            for &(dependent, owner) in &edges {
                graph.add(&name(dependent), &[name(owner)]);
            }
            let mut waiting = Graph::default();
            for owner in (0..8).map(name) {
                for dependent in graph.awaited_by(&owner) {
                    waiting.add(&dependent, std::slice::from_ref(&owner));
                }
            }
            for object in (0..8).map(name) {
                prop_assert!(!waiting.all_dependents(&object).contains(&object));
            }
            for (dependent, owner) in edges {
                let (dependent, owner) = (name(dependent), name(owner));
                let is_cycle = graph.all_dependents(&dependent).contains(&owner) || dependent == owner;
                prop_assert_eq!(graph.awaited_by(&owner).contains(&dependent), !is_cycle);
            }
        }
    }
}
