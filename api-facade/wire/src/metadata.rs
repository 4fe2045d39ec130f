//! What every object has in common: its name, its labels, its place in the deletion order.

use indexmap::IndexMap;
use krake_constraint::label;

use crate::schema::{Mode, optional, record, required};
use crate::{Invalid, Json, ResourceRef, Timestamp, python};

const LONGEST_NAME: usize = 255;

record! {
    /// The metadata of an object.
    #[derive(Debug)]
    pub struct Metadata {
        /// The name, unique among the objects of the kind and namespace.
        pub name: String = required().immutable().check(|name: &String| check_name(name)),
        /// The namespace; nothing for kinds without namespaces, unless a client said otherwise.
        pub namespace: Option<String> = optional()
            .immutable()
            .check(|namespace: &Option<String>| namespace.as_deref().map_or(Ok(()), namespace_syntax)),
        /// What constraints select by.
        pub labels: IndexMap<String, String> = optional().read_by(read_labels),
        /// Whether the labels of the object's cloud count as its own.
        pub inherit_labels: bool = optional(),
        /// Who must clean up before the object may go, the next one last; order and repetition matter.
        pub finalizers: Vec<String> = optional(),
        /// The identity of this very object, given by the server.
        pub uid: String = required().read_only(String::new),
        /// When the server created the object.
        pub created: Timestamp = required().read_only(|| Timestamp::EPOCH),
        /// When a client last changed the object itself, not one of its subresources.
        pub modified: Timestamp = required().read_only(|| Timestamp::EPOCH),
        /// Since when the object is to be deleted.
        pub deleted: Option<Timestamp> = optional().read_only(|| None),
        /// What this object depends on.
        pub owners: Vec<ResourceRef> = optional(),
    }
}

/// Checks a namespace that did not come in a body: the answer reads as if it had.
///
/// # Errors
/// The namespace has a character that namespaces cannot have, is empty or longer than 255 characters.
pub fn check_namespace(namespace: &str) -> Result<(), Invalid> {
    namespace_syntax(namespace).map_err(|invalid| Invalid::field("metadata", Invalid::field("namespace", invalid)))
}

fn namespace_syntax(namespace: &str) -> Result<(), Invalid> {
    is_name(namespace).then_some(()).ok_or_else(|| Invalid::message("Invalid character in resource namespace."))
}

fn check_name(name: &str) -> Result<(), Invalid> {
    is_name(name).then_some(()).ok_or_else(|| Invalid::message("Invalid character in resource name."))
}

/// Letters, digits and `_`, inside also `-`, `.` and `:`; all of them ASCII.
fn is_name(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST_NAME
        && bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(byte) || matches!(byte, b'-' | b'.' | b':'))
}

/// All offending keys and values are reported; stored labels were checked when they were written.
fn read_labels(json: &Json, mode: Mode) -> Result<IndexMap<String, String>, Invalid> {
    let Some(members) = json.as_object() else {
        return Err(Invalid::message("Not a valid mapping type."));
    };
    let mut labels = IndexMap::with_capacity(members.len());
    let mut wrong = Vec::new();
    for (key, value) in members {
        if mode != Mode::Stored && !label::is_key(key) {
            wrong.push((key.clone(), key_message(&python::quote(key))));
        }
        match value {
            Json::String(text) if mode == Mode::Stored || label::is_value(text) => {
                labels.insert(key.clone(), text.clone());
            }
            Json::String(text) => wrong.push((text.clone(), value_message(text))),
            other => {
                let found = python::type_name(other);
                wrong.push((python::text(other), format!("expected string or bytes-like object, got '{found}'")));
            }
        }
    }
    if wrong.is_empty() { Ok(labels) } else { Err(Invalid::Labels(wrong)) }
}

/// `key` as Python prints it.
pub(crate) fn key_message(key: &str) -> String {
    format!("Label key {key} does not match the regex {}.", python::quote(label::KEY_PATTERN))
}

pub(crate) fn value_message(value: &str) -> String {
    format!("Label value {} does not match the regex {}.", python::quote(value), python::quote(label::VALUE_PATTERN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;
    use crate::schema::Value;

    fn refusal(metadata: &str) -> String {
        Metadata::read(&parse(metadata.as_bytes()).unwrap(), Mode::Creation).unwrap_err().to_string()
    }

    #[test]
    fn names_are_what_the_original_took_for_names() {
        for good in ["a", "_", "role:system", "static_provider", "Upper_Case", "0.1-a", &"n".repeat(255)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a/b", "-a", "a-", ":a", "a b", "a\n", "ä", &"n".repeat(256)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_reported_in_schema_order() {
        assert_eq!(
            refusal(r#"{"namespace": "a/b", "finalizers": [1], "name": "", "uid": 5, "created": null}"#),
            "{'name': ['Invalid character in resource name.'], \
             'namespace': ['Invalid character in resource namespace.'], 'finalizers': {0: ['Not a valid string.']}}"
        );
    }

    #[test]
    fn wrong_labels_are_listed_key_before_value() {
        assert_eq!(
            refusal(r#"{"name": "a", "labels": {"a b": "c d", "k": 1, "l": ["x"]}}"#),
            r#"{'labels': [{'a b': "Label key 'a b' does not match the regex '^((\\\\w|(\\\\w[\\\\w\\\\-_.]{0,251}\\\\w))\\\\/)?(\\\\w|(\\\\w[\\\\w\\\\-_.]{0,61}\\\\w))$'."}, {'c d': "Label value 'c d' does not match the regex '\\\\w|(\\\\w[\\\\w\\\\-_.]{0,61}\\\\w)'."}, {'1': "expected string or bytes-like object, got 'int'"}, {"['x']": "expected string or bytes-like object, got 'list'"}]}"#
        );
        assert_eq!(refusal(r#"{"name": "a", "labels": []}"#), "{'labels': ['Not a valid mapping type.']}");
        assert_eq!(refusal(r#"{"name": "a", "labels": null}"#), "{'labels': ['Field may not be null.']}");
    }

    #[test]
    fn a_namespace_from_elsewhere_is_refused_as_if_it_came_in_a_body() {
        assert_eq!(
            check_namespace("a b").unwrap_err().to_string(),
            "{'metadata': {'namespace': ['Invalid character in resource namespace.']}}"
        );
        assert!(check_namespace("system:admin").is_ok());
    }
}
