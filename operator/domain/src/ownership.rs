//! What depends on what, and what must be gone before what.
//!
//! A dependent names its owners; when an owner is deleted, its dependents are deleted first. Owners may form diamonds,
//! and by mistake cycles: objects of a cycle do not wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use krake_crds::reference::Owner;

/// Who depends on whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    dependents: BTreeMap<Owner, BTreeSet<Owner>>,
}

impl Graph {
    /// Records that `dependent` depends on all of `owners`.
    pub fn add(&mut self, dependent: &Owner, owners: &[Owner]) {
        for owner in owners {
            self.dependents.entry(owner.clone()).or_default().insert(dependent.clone());
        }
    }

    /// What must be gone before `object` may be. What `object` itself, directly or not, depends on is not awaited: that
    /// is a cycle, and waiting would never end.
    #[must_use]
    pub fn awaited_by(&self, object: &Owner) -> Vec<Owner> {
        let direct = self.dependents.get(object).into_iter().flatten();
        direct.filter(|dependent| !self.all_dependents(dependent).contains(object)).cloned().collect()
    }

    /// Everything that goes when `object` does, each once and before its owners, so `object` comes last. Objects of one
    /// cycle may go in any order among themselves, which is always the same.
    #[must_use]
    pub fn deletion_order(&self, object: &Owner) -> Vec<Owner> {
        let mut left = self.all_dependents(object);
        left.insert(object.clone());
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let awaited = |one: &&Owner| self.awaited_by(one).iter().any(|dependent| left.contains(dependent));
            let (held, free) = left.iter().cloned().partition(|one| awaited(&one));
            left = held;
            order.extend::<BTreeSet<_>>(free);
        }
        order
    }

    /// All that depend on `object`, directly or not. Contains `object` itself if it is part of a cycle.
    fn all_dependents(&self, object: &Owner) -> BTreeSet<Owner> {
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

    fn node(name: &str) -> Owner {
        Owner { api: "kubernetes".into(), kind: "Cluster".into(), namespace: Some("n".into()), name: name.into() }
    }

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (dependent, owners) in edges {
            graph.add(&node(dependent), &owners.iter().map(|owner| node(owner)).collect::<Vec<_>>());
        }
        graph
    }

    fn order(graph: &Graph, of: &str) -> Vec<String> {
        graph.deletion_order(&node(of)).into_iter().map(|owner| owner.name).collect()
    }

    #[test]
    fn dependents_go_before_owners_in_a_diamond() {
        let diamond = graph(&[("left", &["cloud"]), ("right", &["cloud"]), ("app", &["left", "right"])]);
        assert_eq!(order(&diamond, "cloud"), ["app", "left", "right", "cloud"]);
        assert_eq!(order(&diamond, "left"), ["app", "left"]);
        assert_eq!(diamond.awaited_by(&node("cloud")), [node("left"), node("right")]);
        assert_eq!(diamond.awaited_by(&node("app")), []);
    }

    #[test]
    fn objects_of_a_cycle_do_not_wait_for_each_other() {
        let cycle =
            graph(&[("a", &["b", "root"]), ("b", &["c"]), ("c", &["a"]), ("leaf", &["b"]), ("self", &["self"])]);
        assert_eq!(order(&cycle, "root"), ["a", "c", "leaf", "b", "root"]);
        assert_eq!(cycle.awaited_by(&node("b")), [node("leaf")]);
        assert_eq!(order(&cycle, "self"), ["self"]);
    }

    proptest! {
        #[test]
        fn every_dependent_goes_once_and_before_its_owners(edges in proptest::collection::vec((0_u8..8, 0_u8..8), 0..20)) {
            let mut graph = Graph::default();
            let name = |index: u8| node(&index.to_string());
            for &(dependent, owner) in &edges {
                graph.add(&name(dependent), &[name(owner)]);
            }
            let order = graph.deletion_order(&name(0));
            prop_assert!(order.contains(&name(0)));
            let position = |one: &Owner| order.iter().position(|other| other == one);
            prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len());
            for (dependent, owner) in edges {
                let (dependent, owner) = (name(dependent), name(owner));
                let is_cycle = graph.all_dependents(&dependent).contains(&owner);
                if let (Some(owner), false) = (position(&owner), is_cycle) {
                    prop_assert!(position(&dependent).is_some_and(|dependent| dependent < owner));
                }
            }
        }
    }
}
