//! Stored bytes ⇄ wire object.
//!
//! Everything we write is already in the form we serve, so lists and watches pass stored bytes on unread. Values
//! written by an older Krake, or by other tools, may differ; those are read and written again, once per revision.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use krake_facade_wire::Kind;

use crate::{Error, Key, Record};

/// A bound on what is remembered, far beyond the number of objects we are built for. Forgetting costs a parse.
const MAX_REMEMBERED: usize = 200_000;

/// The object a record holds.
///
/// # Errors
/// [`Error::Unreadable`] if the value is not an object of the kind.
pub fn read<K: Kind>(record: &Record) -> Result<K, Error> {
    K::decode_stored(&record.value).map_err(|source| Error::Unreadable { key: record.key.to_string(), source })
}

/// Gives the bytes to serve for stored ones, and remembers what it found out about them.
pub(crate) struct Serving<K> {
    verdicts: Mutex<HashMap<Key, Seen>>,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone, Copy)]
struct Seen {
    revision: i64,
    verdict: Verdict,
}

#[derive(Clone, Copy)]
enum Verdict {
    /// The value is served as it is.
    Verbatim,
    /// The value is no object of the kind.
    Unreadable,
}

impl<K: Kind> Serving<K> {
    pub(crate) fn new() -> Self {
        Self { verdicts: Mutex::default(), kind: PhantomData }
    }

    /// The bytes to serve; `None` if the value is not an object of the kind: one bad value must not make all others
    /// unreachable. That is logged once.
    pub(crate) fn bytes(&self, record: &Record) -> Option<Bytes> {
        match self.find(record) {
            Some(Verdict::Verbatim) => return Some(record.value.clone()),
            Some(Verdict::Unreadable) => return None,
            None => {}
        }
        match read::<K>(record) {
            Ok(object) => {
                let written = object.to_bytes();
                if written != record.value {
                    return Some(written.into());
                }
                self.remember(record, Verdict::Verbatim);
                Some(record.value.clone())
            }
            Err(error) => {
                let (key, error) = (record.key.as_str(), &error as &dyn std::error::Error);
                tracing::warn!(key, revision = record.revision, error, "leaving out a stored value");
                self.remember(record, Verdict::Unreadable);
                None
            }
        }
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn find(&self, record: &Record) -> Option<Verdict> {
        self.lock().get(&record.key).filter(|seen| seen.revision == record.revision).map(|seen| seen.verdict)
    }

    fn remember(&self, record: &Record, verdict: Verdict) {
        let mut verdicts = self.lock();
        if verdicts.len() >= MAX_REMEMBERED {
            verdicts.clear();
        }
        verdicts.insert(record.key.clone(), Seen { revision: record.revision, verdict });
    }

    /// Every change is a single step, so the map is whole even after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Seen>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::json;
    use krake_facade_wire::kubernetes::Application;

    use super::*;
    use crate::Collection;

    fn record(value: impl Into<Bytes>, revision: i64) -> Record {
        let key = Key::of::<Application>(Some("n"), "a");
        Record { key, value: value.into(), revision, created_revision: 1 }
    }

    fn application() -> Vec<u8> {
        let body = r#"{"metadata": {"name": "a"}, "spec": {"csar": "http://x/y.zip", "manifest": [],
            "constraints": {"cluster": {}}}}"#;
        Application::decode_new(&json::parse(body.as_bytes()).unwrap()).unwrap().to_bytes()
    }

    #[test]
    fn what_we_wrote_is_served_as_it_is() {
        let serving = Serving::<Application>::new();
        let stored = record(application(), 7);
        for _ in 0..2 {
            let served = serving.bytes(&stored).unwrap();
            assert_eq!(served.as_ptr(), stored.value.as_ptr());
        }
    }

    #[test]
    fn what_another_version_wrote_is_served_as_we_would_write_it() {
        let compact = String::from_utf8(application()).unwrap().replace("\"inherit_labels\": false, ", "");
        let serving = Serving::<Application>::new();
        assert_eq!(serving.bytes(&record(compact, 7)).unwrap(), application());
    }

    #[test]
    fn an_unreadable_value_is_left_out_until_it_is_written_anew() {
        let serving = Serving::<Application>::new();
        assert_eq!(serving.bytes(&record("{}", 7)), None);
        assert_eq!(serving.bytes(&record("{}", 7)), None);
        assert!(serving.bytes(&record(application(), 8)).is_some());
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
