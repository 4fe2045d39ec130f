//! Tells a change that matters from one that does not, so that loops are not woken by every heartbeat of a neighbour.

use std::collections::HashMap;

/// Remembers one fact per object, by namespace and name.
#[derive(Debug)]
pub struct Changes<Fact> {
    seen: HashMap<(String, String), Fact>,
}

impl<Fact> Default for Changes<Fact> {
    fn default() -> Self {
        Self { seen: HashMap::default() }
    }
}

impl<Fact: PartialEq> Changes<Fact> {
    /// Whether the fact is another one than when this was last asked; `None` is an object that does not exist.
    pub fn notes(&mut self, key: (String, String), fact: Option<Fact>) -> bool {
        let Some(fact) = fact else { return self.seen.remove(&key).is_some() };
        if self.seen.get(&key) == Some(&fact) {
            return false;
        }
        self.seen.insert(key, fact);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_fact_is_a_change() {
        let mut changes = Changes::default();
        let key = || ("web".to_owned(), "edge".to_owned());
        assert!(changes.notes(key(), Some("DE")), "it appeared");
        assert!(!changes.notes(key(), Some("DE")));
        assert!(changes.notes(key(), Some("IT")));
        assert!(changes.notes(key(), None), "it vanished");
        assert!(!changes.notes(key(), None));
    }
}
