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
}

impl Tombstone {
    /// The tombstone in these bytes. What cannot be read names nobody, so that it deletes nothing.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// The same with one more removed object, which was removed now.
    pub(crate) fn add(before: Option<&[u8]>, uid: &str) -> Self {
        let mut tombstone = before.map(Self::decode).unwrap_or_default();
        tombstone.removed.push(Removed { uid: uid.to_owned(), at: now() });
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
        let one = Tombstone::add(None, "a");
        let both = Tombstone::add(Some(&one.encode()), "b");
        let uids: Vec<&str> = both.removed.iter().map(|removed| removed.uid.as_str()).collect();
        assert_eq!(uids, ["a", "b"]);
        assert_eq!(Tombstone::decode(&both.encode()), both);
        assert!(both.is_within(Duration::from_mins(1)));
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
            bytes = Tombstone::add(Some(&bytes), &number.to_string()).encode();
        }
        let tombstone = Tombstone::decode(&bytes);
        assert_eq!((tombstone.removed.len(), tombstone.removed[MOST - 1].uid.as_str()), (MOST, "99"));
    }
}
