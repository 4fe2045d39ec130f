//! What both sides last agreed on, field by field. Kept beside the stored object, in the same transaction.
//!
//! ```text
//! {"object": {"namespace": "team", "name": "shop", "uid": "…"}, "uid": "…",
//!  "fields": {"spec.manifest": "8f2c…", "label:tier": "11ab…", "status.state": ["02…", "77…"]},
//!  "object_only": {"migrationStrategy": "Recreate"}}
//! ```
//!
//! A field has one digest if both sides hold the same value, else one for each side: a side that cannot hold what the
//! other says (say, a state the custom resource does not know) must not look as if it had changed ever after.
//!
//! Of what REST does not know, the values themselves are kept: if the object is lost, they are nowhere else.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use krake_crds::identity::hexadecimal;

use crate::name::Coordinates;

/// Hexadecimal digits of a digest. It guards against accidents, not against an adversary.
const DIGEST_LENGTH: usize = 16;

/// One separately decided part of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Field {
    /// A top-level field of the custom resource's `spec`.
    Spec(String),
    /// The label with this key.
    Label(String),
    /// The owners as a whole.
    Owners,
    /// Whether the finalizer with this Kubernetes name is held.
    Finalizer(String),
    /// The secret part of the `spec`, which Kubernetes keeps in a Secret.
    Secret,
    /// The secret part of the `status`.
    StatusSecret,
    /// A top-level field of the custom resource's `status`.
    Status(String),
}

impl Field {
    /// Whether the field belongs to what users ask for: a change of it moves `metadata.modified`.
    #[must_use]
    pub fn is_wish(&self) -> bool {
        match self {
            Self::Spec(_) | Self::Label(_) | Self::Owners | Self::Secret => true,
            Self::Finalizer(_) | Self::Status(_) | Self::StatusSecret => false,
        }
    }

    /// Whether the field is part of the status.
    #[must_use]
    pub fn is_status(&self) -> bool {
        matches!(self, Self::Status(_) | Self::StatusSecret)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(name) => write!(f, "spec.{name}"),
            Self::Label(key) => write!(f, "label:{key}"),
            Self::Owners => f.write_str("owners"),
            Self::Finalizer(name) => write!(f, "finalizer:{name}"),
            Self::Secret => f.write_str("secret"),
            Self::StatusSecret => f.write_str("status-secret"),
            Self::Status(name) => write!(f, "status.{name}"),
        }
    }
}

/// The text is not the name of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a field")]
pub struct UnknownField(String);

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(text: &str) -> Result<Self, UnknownField> {
        let after = |prefix| text.strip_prefix(prefix).map(str::to_owned);
        match text {
            "owners" => Ok(Self::Owners),
            "secret" => Ok(Self::Secret),
            "status-secret" => Ok(Self::StatusSecret),
            _ => after("spec.")
                .map(Self::Spec)
                .or_else(|| after("label:").map(Self::Label))
                .or_else(|| after("finalizer:").map(Self::Finalizer))
                .or_else(|| after("status.").map(Self::Status))
                .ok_or_else(|| UnknownField(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Field {
    type Error = UnknownField;

    fn try_from(text: String) -> Result<Self, UnknownField> {
        text.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

/// A short fingerprint of a value in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The fingerprint of a value. Values that Kubernetes may turn into each other have the same: `2` and `2.0`,
    /// members in another order, a member that is null and one that is absent.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let mut hasher = Sha256::new();
        feed(value, &mut hasher);
        Self(hexadecimal(&hasher.finalize(), DIGEST_LENGTH))
    }

    /// One fingerprint for many fields.
    #[must_use]
    pub fn of_all<'a>(fields: impl IntoIterator<Item = (&'a Field, &'a Self)>) -> Self {
        let mut hasher = Sha256::new();
        for (field, digest) in fields {
            hasher.update(field.to_string());
            hasher.update([0]);
            hasher.update(&digest.0);
        }
        Self(hexadecimal(&hasher.finalize(), DIGEST_LENGTH))
    }
}

/// Writes the canonical form: every value starts with a tag and ends where nothing else could follow.
fn feed(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(value) => hasher.update(if *value { b"t" } else { b"f" }),
        Value::Number(number) => hasher.update(canonical_number(number)),
        Value::String(text) => feed_text(text, hasher),
        Value::Array(elements) => {
            hasher.update(b"[");
            for element in elements {
                feed(element, hasher);
            }
            hasher.update(b"]");
        }
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().filter(|(_, member)| !member.is_null()).collect();
            hasher.update(b"{");
            for (name, member) in sorted {
                feed_text(name, hasher);
                feed(member, hasher);
            }
            hasher.update(b"}");
        }
    }
}

fn feed_text(text: &str, hasher: &mut Sha256) {
    hasher.update(format!("s{}:", text.len()));
    hasher.update(text);
}

/// Kubernetes keeps integers of 64 bits exactly and everything else as a double, printing whole doubles as integers.
fn canonical_number(number: &serde_json::Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => format!("i{integer};"),
        (None, Some(double)) if double.fract() == 0.0 && double.abs() < 9.0e18 => format!("i{double:.0};"),
        (None, Some(double)) => format!("d{double:e};"),
        (None, None) => format!("x{number};"),
    }
}

/// The digests of all fields that an object has; a field that is missing has its default.
pub type Fields = BTreeMap<Field, Digest>;

/// What a field was on either side when both were last settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// On the stored side.
    pub stored: Option<Digest>,
    /// On the object's side.
    pub object: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AgreedForm {
    Same(Digest),
    Different(Option<Digest>, Option<Digest>),
}

impl Serialize for Agreed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match (&self.stored, &self.object) {
            (Some(stored), Some(object)) if stored == object => AgreedForm::Same(stored.clone()),
            (stored, object) => AgreedForm::Different(stored.clone(), object.clone()),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Agreed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match AgreedForm::deserialize(deserializer)? {
            AgreedForm::Same(digest) => Self { stored: Some(digest.clone()), object: Some(digest) },
            AgreedForm::Different(stored, object) => Self { stored, object },
        })
    }
}

/// Which object a stored one is paired with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Its namespace in Kubernetes; none for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name in Kubernetes.
    pub name: String,
    /// Its uid: tells it from a namesake that came later.
    pub uid: String,
}

impl Twin {
    /// Where the object is.
    #[must_use]
    pub fn coordinates(&self) -> Coordinates {
        Coordinates { namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

/// What both sides last agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The object; none if Kubernetes refused to take it so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Twin>,
    /// `metadata.uid` of the stored object.
    pub uid: String,
    /// What the stored object asked for when Kubernetes refused it; asked again only when it asks for something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Digest>,
    /// Every settled field that is not at its default on both sides.
    #[serde(default)]
    pub fields: BTreeMap<Field, Agreed>,
    /// Members of the object's `spec` that REST does not know, unless they are at their default.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub object_only: Map<String, Value>,
}

impl Base {
    /// Records what a field now is on both sides.
    pub fn settle(&mut self, field: &Field, stored: Option<&Digest>, object: Option<&Digest>) {
        if stored.is_none() && object.is_none() {
            self.fields.remove(field);
        } else {
            self.fields.insert(field.clone(), Agreed { stored: stored.cloned(), object: object.cloned() });
        }
    }

    /// The bytes for etcd.
    ///
    /// # Errors
    /// Never in practice: every key is a string.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_kubernetes_rewrites_has_the_same_digest() {
        for (one, other) in [
            (json!(2), json!(2.0)),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})),
            (json!({"a": 1, "b": null}), json!({"a": 1.0})),
            (json!({"a": {"creationTimestamp": null}}), json!({"a": {}})),
        ] {
            assert_eq!(Digest::of(&one), Digest::of(&other), "{one} {other}");
        }
    }

    #[test]
    fn different_values_have_different_digests() {
        let values = [
            json!(null),
            json!(true),
            json!(1),
            json!("1"),
            json!(1.5),
            json!([]),
            json!({}),
            json!([1]),
            json!([[1]]),
            json!({"a": []}),
            json!(["a"]),
            json!(["a", "b"]),
            json!(["ab"]),
            json!(9_007_199_254_740_993_i64),
        ];
        let digests: std::collections::BTreeSet<_> = values.iter().map(Digest::of).collect();
        assert_eq!(digests.len(), values.len());
    }

    #[test]
    fn a_base_that_says_nothing_of_what_rest_does_not_know_is_read_and_written_as_ever() {
        let text = r#"{"object":{"name":"shop","uid":"u"},"uid":"k","fields":{"spec.a":"11"}}"#;
        let base: Base = serde_json::from_str(text).unwrap();
        assert!(base.object_only.is_empty());
        assert_eq!(base.encode().unwrap(), text.as_bytes());
    }

    fn field() -> impl Strategy<Value = Field> {
        prop_oneof![
            "[a-zA-Z]{1,9}".prop_map(Field::Spec),
            "[a-z.]{1,9}/[a-z:]{1,9}".prop_map(Field::Label),
            Just(Field::Owners),
            "[a-z.]{1,9}/[a-z]{1,9}".prop_map(Field::Finalizer),
            Just(Field::Secret),
            Just(Field::StatusSecret),
            "[a-zA-Z]{1,9}".prop_map(Field::Status),
        ]
    }

    fn agreed() -> impl Strategy<Value = Agreed> {
        let digest = || proptest::option::of(any::<u8>().prop_map(|n| Digest::of(&json!(n % 3))));
        (digest(), digest()).prop_map(|(stored, object)| Agreed { stored, object })
    }

    proptest! {
        #[test]
        fn a_base_survives_etcd(
            fields in proptest::collection::btree_map(field(), agreed(), 0..6),
            object_only in proptest::collection::btree_map("[a-zA-Z]{1,9}", any::<i64>().prop_map(Value::from), 0..3),
        ) {
            let object_only = object_only.into_iter().collect();
            let object = Some(Twin { namespace: Some("team".into()), name: "shop".into(), uid: "u".into() });
            let base = Base { object, uid: "k".into(), refused: None, fields, object_only };
            prop_assert_eq!(serde_json::from_slice::<Base>(&base.encode().unwrap()).unwrap(), base);
        }
    }
}
