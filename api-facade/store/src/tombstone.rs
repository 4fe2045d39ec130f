//! The mark that removals through REST leave, so that the sync can tell them from losses.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Removals of one name that are remembered; earlier ones are long over.
const MOST: usize = 16;

/// The objects of one name that were removed, until the sync has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The latest last.
    pub removed: Vec<Removed>,
}

/// One removed object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Its uid.
    pub uid: String,
    /// When it was removed, in seconds since 1970.
    pub at: u64,
    /// Whether a client wanted it gone at once, whatever held it. Else nothing held it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

impl Tombstone {
    /// The tombstone in these bytes. What cannot be read names nobody, so that it deletes nothing.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// The same with one more removed object, which was removed now.
    pub(crate) fn add(before: Option<&[u8]>, uid: &str, forced: bool) -> Self {
        let mut tombstone = before.map(Self::decode).unwrap_or_default();
        tombstone.removed.push(Removed { uid: uid.to_owned(), at: now(), forced });
        let superfluous = tombstone.removed.len().saturating_sub(MOST);
        tombstone.removed.drain(..superfluous);
        tombstone
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Names and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether the latest removal is no longer ago than this.
    #[must_use]
    pub fn is_within(&self, span: Duration) -> bool {
        self.removed.last().is_some_and(|removed| now().saturating_sub(removed.at) < span.as_secs())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_of_one_name_are_remembered_side_by_side() {
        let one = Tombstone::add(None, "a", false);
        let both = Tombstone::add(Some(&one.encode()), "b", true);
        let removed: Vec<_> = both.removed.iter().map(|removed| (removed.uid.as_str(), removed.forced)).collect();
        assert_eq!(removed, [("a", false), ("b", true)]);
        assert_eq!(Tombstone::decode(&both.encode()), both);
        assert!(both.is_within(Duration::from_mins(1)));
    }

    #[test]
    fn a_tombstone_of_an_earlier_release_was_not_forced() {
        let earlier = Tombstone::decode(br#"{"removed":[{"uid":"a","at":1}]}"#);
        assert_eq!(earlier.removed, [Removed { uid: "a".into(), at: 1, forced: false }]);
    }

    #[test]
    fn what_cannot_be_read_names_nobody() {
        assert_eq!(Tombstone::decode(b"{"), Tombstone::default());
        assert!(!Tombstone::default().is_within(Duration::from_mins(1)));
    }

    #[test]
    fn a_name_that_is_used_again_and_again_does_not_grow_its_tombstone() {
        let mut bytes = Vec::new();
        for number in 0..100 {
            bytes = Tombstone::add(Some(&bytes), &number.to_string(), false).encode();
        }
        let tombstone = Tombstone::decode(&bytes);
        assert_eq!((tombstone.removed.len(), tombstone.removed[MOST - 1].uid.as_str()), (MOST, "99"));
    }
}
