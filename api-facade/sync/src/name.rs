//! Krake's names ⇄ Kubernetes' names.
//!
//! The rule is [`krake_crds::identity`]'s: a name that Kubernetes cannot hold is encoded, and stands in the object's
//! `spec.identity`. An object without an identity was made in Kubernetes: its names are its Krake names.

use krake_crds::identity::{Identity, encode, is_label, is_plain};
use krake_facade_store::Key;

/// Where an object is in Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coordinates {
    /// Its namespace; none for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Coordinates {
    /// Where the object of a stored key is, unless it was made in Kubernetes under another name.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self { namespace: key.namespace().map(encode), name: encode(key.name()) }
    }

    /// Where an object made in Kubernetes would be whose names equal those of the key, if that is another place.
    #[must_use]
    pub fn verbatim(key: &Key) -> Option<Self> {
        let verbatim = Self { namespace: key.namespace().map(str::to_owned), name: key.name().to_owned() };
        let possible = verbatim.namespace.as_deref().is_none_or(is_label)
            && verbatim.name.split('.').all(is_label)
            && verbatim != Self::of(key);
        possible.then_some(verbatim)
    }
}

/// The Krake names that an object claims are not those that its Kubernetes names stand for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.identity names {name:?}, which does not belong under this Kubernetes name")]
pub struct Mismatch {
    /// The claimed name, with its namespace if there is one.
    pub name: String,
}

/// The Krake namespace and name of an object.
///
/// # Errors
/// [`Mismatch`] if its identity does not encode to its Kubernetes names: such an object is not synchronised.
pub fn krake_names(at: &Coordinates, identity: Option<&Identity>) -> Result<(Option<String>, String), Mismatch> {
    let Some(identity) = identity else { return Ok((at.namespace.clone(), at.name.clone())) };
    let Identity { name, namespace } = identity;
    if !identity.belongs_to(at.namespace.as_deref(), &at.name) {
        let name = namespace.iter().chain([name]).map(String::as_str).collect::<Vec<_>>().join("/");
        return Err(Mismatch { name });
    }
    Ok((namespace.clone().or_else(|| at.namespace.clone()), name.clone()))
}

/// The identity that an object needs so that its Krake names can be read from it; none if its names say it all.
#[must_use]
pub fn identity(key: &Key) -> Option<Identity> {
    let plain = is_plain(key.name()) && key.namespace().is_none_or(is_plain);
    (!plain).then(|| Identity { name: key.name().to_owned(), namespace: key.namespace().map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KRAKE_NAME: &str = "[A-Za-z0-9_]([A-Za-z0-9_.:-]{0,253}[A-Za-z0-9_])?";

    fn at(namespace: &str, name: &str) -> Coordinates {
        Coordinates { namespace: Some(namespace.into()), name: name.into() }
    }

    fn claims(namespace: Option<&str>, name: &str) -> Identity {
        Identity { name: name.into(), namespace: namespace.map(str::to_owned) }
    }

    #[test]
    fn an_identity_that_belongs_elsewhere_is_refused() {
        assert!(krake_names(&at("team", "shop"), Some(&claims(Some("team"), "other"))).is_err());
        assert!(krake_names(&at("team", "shop"), Some(&claims(Some("other"), "shop"))).is_err());
        let slash = encode("a/b");
        assert!(krake_names(&at("team", &slash), Some(&claims(None, "a/b"))).is_err(), "would be another key");
    }

    #[test]
    fn an_object_without_identity_keeps_its_names() {
        let names = krake_names(&at("x-files", "my.app"), None).unwrap();
        assert_eq!(names, (Some("x-files".into()), "my.app".into()));
    }

    proptest! {
        #[test]
        fn every_krake_name_comes_back_from_kubernetes(namespace in KRAKE_NAME, name in KRAKE_NAME) {
            let at = at(&encode(&namespace), &encode(&name));
            prop_assert!(is_label(&at.name) && at.namespace.as_deref().is_some_and(is_label));
            let plain = is_plain(&name) && is_plain(&namespace);
            let identity = (!plain).then(|| claims(Some(&namespace), &name));
            prop_assert_eq!(krake_names(&at, identity.as_ref()).unwrap(), (Some(namespace), name));
        }
    }
}
