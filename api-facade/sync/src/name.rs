//! Krake's names ⇄ Kubernetes' names.
//!
//! A Krake name that is a lower-case DNS label and does not start with `x-` is used as it is. Any other becomes
//! `x-<readable part>-<hash>`; the exact name then stands in the object's `spec.identity`. An object without an
//! identity was made in Kubernetes: its names are its Krake names.

use krake_crds::identity::Identity;
use krake_facade_store::Key;
use sha2::{Digest, Sha256};

/// Marks an encoded name; a plain name never starts with it.
const PREFIX: &str = "x-";
/// Longest readable part of an encoded name, so that the whole fits into a DNS label.
const READABLE_LENGTH: usize = 40;
/// Hexadecimal digits of the hash: 40 bits, enough to make a collision an accident worth refusing.
const HASH_LENGTH: usize = 10;
/// Longest DNS label. Source: RFC 1123.
const LABEL_LENGTH: usize = 63;

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
    let Some(Identity { name, namespace }) = identity else {
        return Ok((at.namespace.clone(), at.name.clone()));
    };
    let fits = |krake: &str, kubernetes: &str| is_krake_name(krake) && encode(krake) == kubernetes;
    let namespace_fits = match (namespace, &at.namespace) {
        (Some(krake), Some(kubernetes)) => fits(krake, kubernetes),
        (None, _) => true,
        (Some(_), None) => false,
    };
    if !namespace_fits || !fits(name, &at.name) {
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

/// The Kubernetes name that stands for a Krake name.
#[must_use]
pub fn encode(name: &str) -> String {
    if is_plain(name) {
        return name.to_owned();
    }
    let readable: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .skip_while(|c| *c == '-')
        .take(READABLE_LENGTH)
        .collect();
    let hash = hexadecimal(&Sha256::digest(name.as_bytes()), HASH_LENGTH);
    match readable.trim_end_matches('-') {
        "" => format!("{PREFIX}{hash}"),
        readable => format!("{PREFIX}{readable}-{hash}"),
    }
}

/// Whether a Krake name serves as Kubernetes name as it is.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    is_label(name) && !name.starts_with(PREFIX)
}

/// The first `length` hexadecimal digits of some bytes.
pub(crate) fn hexadecimal(bytes: &[u8], length: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .take(length)
        .collect()
}

fn is_label(name: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    name.len() <= LABEL_LENGTH
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|b| alphanumeric(Some(b)) || *b == b'-')
}

/// Source: section 1.6 of the REST contract.
fn is_krake_name(name: &str) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = name.as_bytes();
    name.len() <= 255
        && word(bytes.first())
        && word(bytes.last())
        && bytes.iter().all(|b| word(Some(b)) || b"-.:".contains(b))
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
    fn the_documented_names_are_encoded_as_documented() {
        for (krake, kubernetes) in [
            ("system:admin", "x-system-admin-259c31ec66"),
            ("role:system", "x-role-system-5d91418ac7"),
            ("My_App", "x-my-app-0e86b84b26"),
            ("shop", "shop"),
            ("7-of-9", "7-of-9"),
        ] {
            assert_eq!(encode(krake), kubernetes);
        }
    }

    #[test]
    fn a_name_that_looks_encoded_is_encoded_again() {
        assert!(encode("x-my-app-0e86b84b26").starts_with("x-x-my-app-"));
    }

    #[test]
    fn a_name_without_readable_part_is_still_a_name() {
        assert_eq!(encode("_").len(), PREFIX.len() + HASH_LENGTH);
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

        #[test]
        fn different_names_never_meet(one in KRAKE_NAME, other in KRAKE_NAME) {
            prop_assume!(one != other);
            prop_assert_ne!(encode(&one), encode(&other));
        }
    }
}
