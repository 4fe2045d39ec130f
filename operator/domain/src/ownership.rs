//! What depends on what, and what must be gone before what.
//!
//! A dependent names its owners; when an owner is deleted, its dependents are deleted first, so that a tree goes from the
//! leaves to the root. Owners may form diamonds, and by mistake cycles: there nobody can go first.

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

    /// What must be gone before `object` may be, but for those that are in a cycle with it: see [`Self::cycle_of`].
    #[must_use]
    pub fn awaited_by(&self, object: &ObjectReference) -> Vec<ObjectReference> {
        let direct = self.dependents.get(object).into_iter().flatten();
        direct.filter(|dependent| !self.all_dependents(dependent).contains(object)).cloned().collect()
    }

    /// All that depend on `object` and on which `object` depends, directly or not, with `object` itself; empty unless
    /// there is such a cycle.
    #[must_use]
    pub fn cycle_of(&self, object: &ObjectReference) -> BTreeSet<ObjectReference> {
        let mut members = self.all_dependents(object);
        if !members.contains(object) {
            return BTreeSet::new();
        }
        members.retain(|member| member == object || self.all_dependents(member).contains(object));
        members
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
    fn a_chain_goes_from_the_leaf_to_the_root() {
        let chain = [("magnum", "project"), ("cluster", "magnum"), ("inner", "cluster"), ("app", "inner")];
        let mut left: BTreeSet<_> = ["project", "magnum", "cluster", "inner", "app"].into();
        let mut order = Vec::new();
        while !left.is_empty() {
            let mut now = Graph::default();
            for (dependent, owner) in chain.iter().filter(|(dependent, _)| left.contains(dependent)) {
                now.add(&node(dependent), &[node(owner)]);
            }
            let free: Vec<_> = left.iter().copied().filter(|name| now.awaited_by(&node(name)).is_empty()).collect();
            left.retain(|name| !free.contains(name));
            order.push(free);
        }
        assert_eq!(order, [["app"], ["inner"], ["cluster"], ["magnum"], ["project"]]);
    }

    #[test]
    fn a_cycle_has_exactly_those_members_that_depend_on_each_other() {
        let cycle =
            graph(&[("a", &["b", "root"]), ("b", &["c"]), ("c", &["a"]), ("leaf", &["b"]), ("self", &["self"])]);
        assert_eq!(cycle.awaited_by(&node("root")), [node("a")]);
        assert_eq!(cycle.awaited_by(&node("b")), [node("leaf")]);
        for member in ["a", "b", "c"] {
            assert_eq!(cycle.cycle_of(&node(member)), [node("a"), node("b"), node("c")].into());
        }
        assert_eq!(cycle.awaited_by(&node("self")), []);
        assert_eq!(cycle.cycle_of(&node("self")), [node("self")].into());
        for outside in ["root", "leaf", "nobody"] {
            assert_eq!(cycle.cycle_of(&node(outside)), BTreeSet::new());
        }
    }

    #[test]
    fn a_diamond_is_no_cycle() {
        let diamond = graph(&[("left", &["cloud"]), ("right", &["cloud"]), ("app", &["left", "right"])]);
        for name in ["cloud", "left", "right", "app"] {
            assert_eq!(diamond.cycle_of(&node(name)), BTreeSet::new(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_dependent_is_awaited_or_in_a_cycle_and_no_wait_is_for_ever(
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
                prop_assert_eq!(graph.cycle_of(&owner).contains(&dependent), is_cycle);
                prop_assert_eq!(graph.cycle_of(&dependent).contains(&owner), is_cycle);
            }
        }
    }
}
