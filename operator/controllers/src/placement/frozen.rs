//! What the target assigned to observed fields that the manifest leaves out, as it is recorded in the inventory.

use std::collections::BTreeMap;

use krake_crds::kubernetes::placement::InventoryEntry;
use krake_operator_domain::manifest::{Desired, Identity, ObserverSchema, freeze};
use serde_json::Value;

/// Longest record of one object, in bytes. Fields beyond it are not kept.
const LONGEST: usize = 8192;
/// Longest records of a Placement taken together: its status shares the size of an object in Kubernetes with the rest.
const LONGEST_TOGETHER: usize = 128 * 1024;

/// The record of an object, if there is one.
pub(super) fn read(entry: &InventoryEntry) -> Option<Value> {
    serde_json::from_str(entry.frozen.as_deref()?).ok()
}

/// Brings the records up to date with what is there; `wanted` are the entries of `desired`, in the same order.
pub(super) fn record(
    wanted: &mut [InventoryEntry],
    desired: &[Desired],
    live: &BTreeMap<Identity, Value>,
    schema: &ObserverSchema,
) {
    let mut room = LONGEST_TOGETHER;
    for (entry, desired) in wanted.iter_mut().zip(desired) {
        let before = read(entry);
        let found = live.get(&desired.identity);
        let record = |live| freeze(&desired.body, live, before.as_ref(), schema).map(|record| record.to_string());
        let fits = |record: &String| record.len() <= LONGEST.min(room);
        // What does not fit with the news may fit without.
        entry.frozen = record(found).filter(fits).or_else(|| record(None).filter(fits));
        room = room.saturating_sub(entry.frozen.as_ref().map_or(0, String::len));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::placement::example::{entry, object};

    fn recorded(text: usize, before: Option<&str>, objects: usize) -> Vec<Option<String>> {
        let schema = |index: usize| {
            let metadata = json!({ "name": index.to_string() });
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "b": null } })
        };
        let text_of_schema = json!((0..objects).map(schema).collect::<Vec<_>>()).to_string();
        let manifest: Vec<_> = (0..objects).map(|index| object("ConfigMap", &index.to_string())).collect();
        let mut entries: Vec<_> = manifest.iter().map(entry).collect();
        for entry in &mut entries {
            entry.frozen = before.map(str::to_owned);
        }
        let identities: Vec<_> = entries.iter().map(Identity::of_entry).collect();
        let live = identities.iter().cloned().map(|identity| (identity, json!({ "data": { "b": "x".repeat(text) } })));
        let live = live.collect();
        let desired: Vec<_> = manifest
            .into_iter()
            .zip(identities)
            .map(|(body, identity)| Desired { identity, api_version: "v1".into(), body })
            .collect();
        record(&mut entries, &desired, &live, &ObserverSchema::parse(&text_of_schema).unwrap());
        entries.into_iter().map(|entry| entry.frozen).collect()
    }

    #[test]
    fn what_was_seen_first_is_recorded() {
        assert_eq!(recorded(1, None, 1), [Some(r#"{"data":{"b":"x"}}"#.to_owned())]);
        assert_eq!(recorded(1, Some("no JSON"), 1), [Some(r#"{"data":{"b":"x"}}"#.to_owned())]);
        let before = r#"{"data":{"b":"y"}}"#;
        assert_eq!(recorded(1, Some(before), 1), [Some(before.to_owned())]);
    }

    #[test]
    fn records_are_bounded_one_by_one_and_together() {
        assert_eq!(recorded(LONGEST, None, 1), [None]);
        let many = recorded(LONGEST - 100, None, 20);
        let together: usize = many.iter().flatten().map(String::len).sum();
        assert!(together <= LONGEST_TOGETHER && many.iter().flatten().count() == 16, "{together}");
    }
}
