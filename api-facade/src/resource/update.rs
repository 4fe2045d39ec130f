//! What a PUT of the whole object does. Source: section 1.19 of the REST contract.

use krake_facade_wire::{Kind, Metadata, Timestamp};

use super::Outcome;
use crate::problem::Failure;

/// Makes the stored object what the client wants, as far as it may.
///
/// # Errors
/// [`Failure::FinalizerAdded`], [`Failure::NoUpdate`] or [`Failure::Immutable`].
pub(super) fn decide<K: Kind>(stored: &mut K, wanted: &K, now: Timestamp) -> Result<Outcome, Failure> {
    let is_deleted = stored.metadata().deleted.is_some();
    if is_deleted && adds_finalizer(stored.metadata(), wanted.metadata()) {
        return Err(Failure::FinalizerAdded);
    }
    // An object that only waits for its last finalizer to go, and has none, must not need a difference to be let go.
    let is_released = is_deleted && wanted.metadata().finalizers.is_empty();
    if !is_released && stored.same(wanted) {
        return if K::IDENTICAL_PUT_IS_FINE { Ok(Outcome::Keep) } else { Err(Failure::NoUpdate) };
    }
    stored.replace(wanted.clone())?;
    stored.metadata_mut().modified = now;
    Ok(if is_released { Outcome::Remove } else { Outcome::Write })
}

fn adds_finalizer(stored: &Metadata, wanted: &Metadata) -> bool {
    wanted.finalizers.iter().any(|finalizer| !stored.finalizers.contains(finalizer))
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::core::GlobalMetricsProvider;
    use krake_facade_wire::json;
    use krake_facade_wire::kubernetes::Cluster;

    use super::*;
    use crate::testing::{at, cluster};

    fn deleted(finalizers: &[&str]) -> Cluster {
        let mut cluster = cluster("c");
        cluster.metadata.deleted = Some(at(1));
        cluster.metadata.finalizers = finalizers.iter().map(ToString::to_string).collect();
        cluster
    }

    fn relabelled(mut cluster: Cluster) -> Cluster {
        cluster.metadata.labels.insert("a".into(), "b".into());
        cluster
    }

    #[test]
    fn a_change_is_written_and_dated() {
        let mut stored = cluster("c");
        let wanted = relabelled(stored.clone());
        assert_eq!(decide(&mut stored, &wanted, at(9)).unwrap(), Outcome::Write);
        assert_eq!(stored.metadata.labels, wanted.metadata.labels);
        assert_eq!(stored.metadata.modified, at(9));
    }

    #[test]
    fn the_same_again_is_no_update() {
        let mut stored = cluster("c");
        let wanted = stored.clone();
        assert!(matches!(decide(&mut stored, &wanted, at(9)), Err(Failure::NoUpdate)));
    }

    #[test]
    fn the_same_again_changes_nothing_where_it_is_no_mistake() {
        let body = r#"{"metadata": {"name": "p"}, "spec": {"type": "static", "static": {"metrics": {}}}}"#;
        let stored = GlobalMetricsProvider::decode_new(&json::parse(body.as_bytes()).unwrap()).unwrap();
        let mut after = stored.clone();
        assert_eq!(decide(&mut after, &stored, at(9)).unwrap(), Outcome::Keep);
        assert_eq!(after, stored);
    }

    #[test]
    fn another_name_is_refused() {
        assert!(matches!(decide(&mut cluster("c"), &cluster("d"), at(9)), Err(Failure::Immutable(_))));
    }

    #[test]
    fn finalizers_only_shrink_during_a_deletion() {
        let mut stored = deleted(&["a", "b"]);
        assert!(matches!(decide(&mut stored, &deleted(&["a", "c"]), at(9)), Err(Failure::FinalizerAdded)));
        assert_eq!(decide(&mut stored, &deleted(&["b"]), at(9)).unwrap(), Outcome::Write);
        assert_eq!(stored.metadata.finalizers, ["b"]);
    }

    #[test]
    fn the_last_finalizer_takes_the_object_with_it() {
        let mut stored = deleted(&["a"]);
        assert_eq!(decide(&mut stored, &deleted(&[]), at(9)).unwrap(), Outcome::Remove);
        assert_eq!((stored.metadata.finalizers.len(), stored.metadata.modified), (0, at(9)));
    }

    #[test]
    fn an_unchanged_object_that_nothing_holds_any_more_goes_as_well() {
        let mut stored = deleted(&[]);
        let wanted = stored.clone();
        assert_eq!(decide(&mut stored, &wanted, at(9)).unwrap(), Outcome::Remove);
    }

    #[test]
    fn without_a_deletion_an_object_may_have_no_finalizers() {
        let mut stored = cluster("c");
        stored.metadata.finalizers = vec!["a".into()];
        let mut wanted = relabelled(stored.clone());
        wanted.metadata.finalizers.clear();
        assert_eq!(decide(&mut stored, &wanted, at(9)).unwrap(), Outcome::Write);
    }
}
