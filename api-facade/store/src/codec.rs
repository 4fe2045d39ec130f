//! Stored bytes ⇄ wire object.
//!
//! Everything we write is already in the form we serve, so lists and watches pass stored bytes on unread. Values
//! written by an older Krake, or by other tools, may differ; those are read and written again.

use bytes::Bytes;
use krake_facade_wire::Kind;

use crate::{Error, Record};

/// The object a record holds.
///
/// # Errors
/// [`Error::Unreadable`] if the value is not an object of the kind.
pub fn read<K: Kind>(record: &Record) -> Result<K, Error> {
    K::decode_stored(&record.value).map_err(|source| Error::Unreadable { key: record.key.to_string(), source })
}

/// The bytes to serve for a stored value; `None`, with a warning, if it is not an object of the kind: one bad value must
/// not make all others unreachable.
pub(crate) fn serve<K: Kind>(record: &Record) -> Option<Bytes> {
    match read::<K>(record) {
        Ok(object) => {
            let written = object.to_bytes();
            Some(if written == record.value { record.value.clone() } else { written.into() })
        }
        Err(error) => {
            let (key, error) = (record.key.as_str(), &error as &dyn std::error::Error);
            tracing::warn!(key, revision = record.revision, error, "leaving out a stored value");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::json;
    use krake_facade_wire::kubernetes::Application;

    use super::*;
    use crate::{Collection, Key};

    fn record(value: impl Into<Bytes>) -> Record {
        let key = Key::of::<Application>(Some("n"), "a");
        Record { key, value: value.into(), revision: 7, created_revision: 1 }
    }

    fn application() -> Vec<u8> {
        let body = r#"{"metadata": {"name": "a"}, "spec": {"csar": "http://x/y.zip", "manifest": [],
            "constraints": {"cluster": {}}}}"#;
        Application::decode_new(&json::parse(body.as_bytes()).unwrap()).unwrap().to_bytes()
    }

    #[test]
    fn what_we_wrote_is_served_as_it_is() {
        let stored = record(application());
        let served = serve::<Application>(&stored).unwrap();
        assert_eq!(served.as_ptr(), stored.value.as_ptr());
    }

    #[test]
    fn what_another_version_wrote_is_served_as_we_would_write_it() {
        let compact = String::from_utf8(application()).unwrap().replace("\"inherit_labels\": false, ", "");
        assert_eq!(serve::<Application>(&record(compact)).unwrap(), application());
    }

    #[test]
    fn an_unreadable_value_is_left_out() {
        assert_eq!(serve::<Application>(&record("{}")), None);
    }

    #[test]
    fn keys_of_a_kind_lie_in_its_collections() {
        let key = Key::of::<Application>(Some("n"), "a");
        assert_eq!(key.as_str(), "/kubernetes/applications/n/a");
        assert!(Collection::of::<Application>(None).contains(&key));
        assert!(Collection::of::<Application>(Some("n")).contains(&key));
        assert!(!Collection::of::<Application>(Some("m")).contains(&key));
    }
}
