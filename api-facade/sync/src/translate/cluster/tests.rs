use proptest::{collection::vec, option, prelude::*};
use serde_json::json;

use super::*;
use crate::translate::testing::{any_json, any_reason, any_reference, any_time, metadata, text};

fn any_spec() -> impl Strategy<Value = crd::ClusterSpec> {
    let metric = (text(), -1.0e6..1.0e6, any::<bool>()).prop_map(|(name, weight, namespaced)| crd::MetricReference {
        name,
        weight,
        namespaced,
    });
    let constraint = "[a-z]{1,5} is [a-z]{1,5}";
    let lists = (vec(text(), 0..3), vec(metric, 0..3), option::of(vec(constraint, 0..3)), option::of(any_json()));
    (lists, any::<[i64; 3]>(), any::<[bool; 3]>()).prop_map(|(lists, backoff, flags)| {
        let (custom_resources, metrics, labels, tosca) = lists;
        let ([factor, delay_seconds, limit], [inherit_labels, inherit_metrics, auto_generated]) = (backoff, flags);
        crd::ClusterSpec {
            inherit_labels,
            tosca: tosca.map(|tosca| json!({ "a": tosca })),
            custom_resources,
            constraints: crd::ClusterPlacementConstraints { cloud: crd::CloudConstraints { labels, metrics: None } },
            metrics,
            inherit_metrics,
            backoff: Backoff { factor, delay_seconds, limit },
            auto_generated,
            ..Default::default()
        }
    })
}

fn any_node() -> impl Strategy<Value = crd::Node> {
    let condition = (text(), text(), text(), text()).prop_map(|(type_, status, reason, message)| crd::NodeCondition {
        type_,
        status,
        reason,
        message,
    });
    (text(), vec(condition, 0..3)).prop_map(|(name, conditions)| crd::Node { name, conditions })
}

fn any_status() -> impl Strategy<Value = crd::ClusterStatus> {
    let state = proptest::sample::select(wire::ClusterState::ALL);
    let places = (option::of(any_reference()), option::of(any_reference()), option::of(text()));
    let times = (option::of(any_time()), option::of(any_time()));
    let metrics = proptest::collection::btree_map(text(), any_reason(), 0..3);
    (state, option::of(any_reason()), places, times, vec(any_node(), 0..3), metrics).prop_map(
        |(
            state,
            reason,
            (scheduled_to, running_on, cluster_id),
            (scheduled_at, triggered_at),
            nodes,
            metrics_reasons,
        )| {
            crd::ClusterStatus {
                state: Some(state.as_str().parse().unwrap()),
                reason,
                nodes,
                scheduled_to,
                scheduled_at,
                running_on,
                triggered_at,
                cluster_id,
                metrics_reasons,
                ..Default::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn everything_the_custom_resource_holds_survives_rest(spec in any_spec(), status in any_status()) {
        let names = Directory::default();
        let wire = wire::Cluster::to_wire(spec.clone(), status.clone(), metadata(), &names);
        let (spec_back, status_back) = wire.to_object(&names);
        prop_assert_eq!(&spec_back, &spec);
        prop_assert_eq!(&status_back, &status);
        prop_assert_eq!(wire::Cluster::to_wire(spec_back, status_back, metadata(), &names), wire);
    }
}

#[test]
fn both_languages_have_the_same_states() {
    for state in wire::ClusterState::ALL {
        assert!(state.as_str().parse::<crd::ClusterState>().is_ok(), "{}", state.as_str());
    }
}
