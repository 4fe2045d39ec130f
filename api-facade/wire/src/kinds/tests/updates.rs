//! What a PUT changes, and what it never does.

use super::*;
use crate::kubernetes::ApplicationState;
use crate::openstack::{MagnumClusterConstraints, MagnumClusterState};
use crate::{Reason, ReasonCode, Timestamp};

#[test]
fn a_replacement_keeps_what_requests_cannot_change() {
    fn check<K: Example>() {
        let mut stored = K::example();
        stored.metadata_mut().labels.insert("a".into(), "b".into());
        let mut new = K::example();
        let metadata = new.metadata_mut();
        metadata.uid = "other".into();
        metadata.created = Timestamp::EPOCH;
        metadata.modified = Timestamp::EPOCH;
        metadata.deleted = Some(Timestamp::EPOCH);
        metadata.finalizers = vec!["f".into()];
        stored.replace(new).unwrap();

        let mut expected = K::example();
        expected.metadata_mut().finalizers = vec!["f".into()];
        assert_eq!(text(&stored), text(&expected));
    }
    for_every_kind!(check);
}

#[test]
fn a_replacement_keeps_the_status() {
    let mut stored = Application::example();
    let mut new = Application::example();
    new.status.state = ApplicationState::Running;
    new.spec.backoff = 7;
    stored.replace(new).unwrap();
    assert_eq!(stored.status, Application::example().status);
    assert_eq!(stored.spec.backoff, 7);
}

#[test]
fn the_first_immutable_difference_in_schema_order_is_named() {
    fn check<K: Example>() {
        let mut renamed = K::example();
        renamed.metadata_mut().namespace = Some("other".into());
        assert_eq!(K::example().replace(renamed.clone()), Err(ImmutableField { field: "namespace" }));
        renamed.metadata_mut().name = "other".into();
        assert_eq!(K::example().replace(renamed), Err(ImmutableField { field: "name" }));
    }
    for_every_kind!(check);
}

#[test]
fn only_the_status_of_a_status_update_counts() {
    fn check<K: Example>() {
        let mut stored = K::example();
        let mut from = K::example();
        from.metadata_mut().name = "other".into();
        stored.replace_status(from).unwrap();
        assert_eq!(text(&stored), K::answer());
    }
    for_every_kind!(check);

    let mut stored = Application::example();
    let mut from = Application::example();
    from.spec.backoff = 7;
    from.status.state = ApplicationState::Failed;
    from.status.reason = Some(Reason { code: ReasonCode::NotFound, message: "gone".into() });
    stored.replace_status(from.clone()).unwrap();
    assert_eq!(stored.status, from.status);
    assert_eq!(stored.spec.backoff, 1);
}

#[test]
fn the_size_of_a_magnum_control_plane_never_changes() {
    let mut new = MagnumCluster::example();
    new.spec.master_count = Some(3);
    assert_eq!(MagnumCluster::example().replace(new), Err(ImmutableField { field: "master_count" }));

    let mut new = MagnumCluster::example();
    new.spec.node_count = None;
    new.spec.constraints = Some(MagnumClusterConstraints { project: None });
    let mut stored = MagnumCluster::example();
    stored.replace(new.clone()).unwrap();
    assert_eq!(text(&stored), text(&new));
    stored.replace(MagnumCluster::example()).unwrap();
    assert_eq!(text(&stored), MagnumCluster::answer());
}

#[test]
fn a_status_update_never_changes_the_template_of_a_magnum_cluster() {
    let mut stored = MagnumCluster::example();
    stored.status.template = Some("t".into());
    let mut from = stored.clone();
    from.status.state = MagnumClusterState::Running;
    stored.replace_status(from.clone()).unwrap();
    assert_eq!(stored.status.state, MagnumClusterState::Running);
    from.status.template = None;
    assert_eq!(stored.replace_status(from), Err(ImmutableField { field: "template" }));
}

#[test]
fn equal_objects_may_be_written_differently() {
    let one = Application::answer();
    let two = one
        .replace("location is DE", "location==DE")
        .replace(r#"{"b": "1", "a": null}"#, r#"{"a": null, "b": "1"}"#)
        .replace(
            r#""created": "2026-11-22T21:38:07.714438+00:00""#,
            r#""created": "2026-11-22T22:38:07.714438+01:00""#,
        );
    assert_ne!(one, two);
    let decode = |text: &str| Application::decode(&body(text)).unwrap();
    assert!(decode(&one).same(&decode(&two)));
    assert!(!decode(&one).same(&decode(&two.replace("PENDING", "FAILED"))));
}

#[test]
fn unlike_in_the_original_true_is_not_one() {
    let with = |data: &str| Application::decode(&body(&Application::answer().replace(r#""a": null"#, data))).unwrap();
    assert!(with(r#""a": 1"#).same(&with(r#""a": 1.0"#)));
    assert!(!with(r#""a": 1"#).same(&with(r#""a": true"#)));
    assert!(!with(r#""a": [0.0]"#).same(&with(r#""a": [false]"#)));
}
