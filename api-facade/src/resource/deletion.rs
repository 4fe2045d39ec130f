//! What a DELETE does: it marks, and others clean up. Source: section 1.20 of the REST contract.

use krake_facade_wire::Timestamp;

use super::Outcome;
use crate::served::Served;

/// What the garbage collector takes away when nothing depends on the object any more.
const CASCADE: &str = "cascade_deletion";

/// Marks the object for deletion, once; with `force` it goes at once, whatever holds it.
pub(super) fn decide<K: Served>(stored: &mut K, force: bool, now: Timestamp) -> Outcome {
    let metadata = stored.metadata_mut();
    if force {
        metadata.deleted = Some(now);
        return Outcome::RemoveByForce;
    }
    if metadata.deleted.is_some() {
        return Outcome::Keep;
    }
    metadata.deleted = Some(now);
    metadata.finalizers.push(CASCADE.to_owned());
    stored.request_deletion();
    Outcome::Write
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::kubernetes::ApplicationState;

    use super::*;
    use crate::testing::{application, at, cluster};

    #[test]
    fn a_deletion_is_a_mark_and_the_last_finalizer() {
        let mut stored = cluster("c");
        stored.metadata.finalizers = vec![CASCADE.into(), "a".into()];
        assert_eq!(decide(&mut stored, false, at(9)), Outcome::Write);
        assert_eq!(stored.metadata.deleted, Some(at(9)));
        assert_eq!(stored.metadata.finalizers, [CASCADE, "a", CASCADE]);
        assert_eq!(stored.metadata.modified, cluster("c").metadata.modified);
    }

    #[test]
    fn a_second_deletion_changes_nothing() {
        let mut stored = cluster("c");
        decide(&mut stored, false, at(8));
        assert_eq!(decide(&mut stored, false, at(9)), Outcome::Keep);
        assert_eq!(stored.metadata.deleted, Some(at(8)));
    }

    #[test]
    fn force_ignores_finalizers() {
        let mut stored = cluster("c");
        stored.metadata.finalizers = vec!["a".into()];
        assert_eq!(decide(&mut stored, true, at(9)), Outcome::RemoveByForce);
        assert_eq!(stored.metadata.deleted, Some(at(9)));
    }

    #[test]
    fn an_application_that_wants_to_be_asked_is_asked_first() {
        let mut stored = application("a");
        decide(&mut stored, false, at(9));
        assert_eq!(stored.status.state, ApplicationState::Pending);
        let mut stored = application("a");
        stored.spec.hooks = vec!["shutdown".into()];
        decide(&mut stored, false, at(9));
        assert_eq!(stored.status.state, ApplicationState::WaitingForCleaning);
    }
}
