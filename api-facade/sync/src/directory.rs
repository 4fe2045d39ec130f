//! Which Kubernetes names stand for which Krake names, where that is not plain to see.
//!
//! Filled by the watches of all kinds, read by the translation of references. Objects whose names are the same on both
//! sides, nearly all of them, are not in here. A reference to something unknown is translated by rule.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use krake_crds::identity::encode;

use crate::name::Coordinates;

type Names = (Option<String>, String);

/// The objects of all kinds whose names differ between Krake and Kubernetes.
#[derive(Debug, Default)]
pub struct Directory {
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    krake: HashMap<(String, Coordinates), Names>,
    kubernetes: HashMap<(String, Names), Coordinates>,
}

impl Directory {
    /// Records an object's names on both sides. They stay known after its end, as references to it may.
    pub fn learn(&self, kind: &str, at: &Coordinates, krake: &Names) {
        let is_plain = krake.0 == at.namespace && krake.1 == at.name && by_rule(krake) == *at;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let place = (kind.to_owned(), at.clone());
        if let Some(earlier) = entries.krake.remove(&place) {
            entries.kubernetes.remove(&(kind.to_owned(), earlier));
        }
        if !is_plain {
            entries.krake.insert(place, krake.clone());
            entries.kubernetes.insert((kind.to_owned(), krake.clone()), at.clone());
        }
    }

    /// Where the object of these Krake names is in Kubernetes.
    #[must_use]
    pub fn to_kubernetes(&self, kind: &str, namespace: Option<&str>, name: &str) -> Coordinates {
        let names = (namespace.map(str::to_owned), name.to_owned());
        let rule = by_rule(&names);
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.kubernetes.get(&(kind.to_owned(), names)).cloned().unwrap_or(rule)
    }

    /// The Krake names of an object.
    #[must_use]
    pub fn to_krake(&self, kind: &str, at: Coordinates) -> Names {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let known = entries.krake.get(&(kind.to_owned(), at.clone())).cloned();
        known.unwrap_or((at.namespace, at.name))
    }
}

fn by_rule((namespace, name): &Names) -> Coordinates {
    Coordinates { namespace: namespace.as_deref().map(encode), name: encode(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(namespace: &str, name: &str) -> Coordinates {
        Coordinates { namespace: Some(namespace.into()), name: name.into() }
    }

    #[test]
    fn encoded_names_are_found_again() {
        let directory = Directory::default();
        let (place, krake) = (at("team", &encode("Edge_1")), (Some("team".into()), "Edge_1".into()));
        directory.learn("Cluster", &place, &krake);
        assert_eq!(directory.to_krake("Cluster", place.clone()), krake);
        assert_eq!(directory.to_kubernetes("Cluster", Some("team"), "Edge_1"), place);
    }

    #[test]
    fn an_object_made_in_kubernetes_keeps_its_place() {
        let directory = Directory::default();
        let (place, krake) = (at("x-files", "my.app"), (Some("x-files".into()), "my.app".into()));
        directory.learn("Cluster", &place, &krake);
        assert_eq!(directory.to_kubernetes("Cluster", Some("x-files"), "my.app"), place);
    }

    #[test]
    fn what_is_unknown_goes_by_the_rule() {
        let directory = Directory::default();
        assert_eq!(directory.to_kubernetes("Cluster", Some("team"), "Edge_1").name, encode("Edge_1"));
        assert_eq!(directory.to_krake("Cluster", at("team", "edge")), (Some("team".into()), "edge".into()));
    }
}
