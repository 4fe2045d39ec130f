//! The exact Krake name of an object whose Kubernetes name had to be encoded.
//!
//! A Krake name that is a lower-case DNS label and does not start with `x-` is used as it is. Any other becomes
//! `x-<readable part>-<hash>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Marks an encoded name; a plain name never starts with it.
const PREFIX: &str = "x-";
/// Longest readable part of an encoded name, so that the whole fits into a DNS label.
const READABLE_LENGTH: usize = 40;
/// Hexadecimal digits of the hash: 40 bits, enough to make a collision an accident worth refusing.
const HASH_LENGTH: usize = 10;
/// Longest DNS label. Source: RFC 1123.
const LABEL_LENGTH: usize = 63;

/// Names an object the way Krake's REST API does. Immutable once set.
///
/// Absent on objects created through Kubernetes: their Kubernetes name and namespace are their Krake names too.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Name in Krake's REST API: 1 to 255 letters, digits, `_`, `-`, `.` and `:`, starting and ending with a letter, digit or `_`.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Namespace in Krake's REST API; absent for kinds without namespaces. Same syntax as the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub namespace: Option<String>,
}

impl Identity {
    /// Whether these names encode to the Kubernetes names of the object that claims them. One that claims names of others
    /// must not be taken for them. An identity without a namespace leaves that to Kubernetes.
    #[must_use]
    pub fn belongs_to(&self, namespace: Option<&str>, name: &str) -> bool {
        let fits = |krake: &str, kubernetes: &str| is_krake_name(krake) && encode(krake) == kubernetes;
        let namespace_fits = match (&self.namespace, namespace) {
            (Some(krake), Some(kubernetes)) => fits(krake, kubernetes),
            (None, _) => true,
            (Some(_), None) => false,
        };
        namespace_fits && fits(&self.name, name)
    }
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
#[must_use]
pub fn hexadecimal(bytes: &[u8], length: usize) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .take(length)
        .collect()
}

/// Whether the text is a DNS label in lower case. Source: RFC 1123.
#[must_use]
pub fn is_label(name: &str) -> bool {
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
    fn a_claim_holds_only_under_the_names_it_encodes_to() {
        let claim = Identity { name: "Shop".into(), namespace: Some("team".into()) };
        assert!(claim.belongs_to(Some("team"), &encode("Shop")));
        assert!(!claim.belongs_to(Some("other"), &encode("Shop")));
        assert!(!claim.belongs_to(Some("team"), "copy"));
        assert!(!claim.belongs_to(None, &encode("Shop")));
    }

    proptest! {
        #[test]
        fn different_names_never_meet(one in KRAKE_NAME, other in KRAKE_NAME) {
            prop_assume!(one != other);
            prop_assert_ne!(encode(&one), encode(&other));
        }
    }
}
