use proptest::{collection::vec, option, prelude::*};
use serde_json::json;

use super::*;
use crate::translate::testing::{any_json, any_labels, any_reason, any_reference, any_time, metadata, text};

fn any_spec() -> impl Strategy<Value = crd::ApplicationSpec> {
    let sources =
        (vec(any_json(), 0..3), option::of(any_tosca()), option::of(text()), option::of(vec(any_json(), 1..3)));
    let place = (option::of(vec(any_constraint(), 0..3)), vec(text(), 0..3), any::<bool>(), any::<bool>());
    let shutdown = (option::of(any::<i64>()), option::of(text()), option::of(any::<i64>()));
    let rest = (vec(text(), 0..3), shutdown, any::<[i64; 3]>(), text(), any::<bool>());
    (sources, place, rest).prop_map(|(sources, place, rest)| {
        let (manifest, tosca, csar_url, schema) = sources;
        let (labels, custom_resources, migration, inherit_labels) = place;
        let (hooks, (grace_time_seconds, failure_strategy, retry_count), [factor, delay_seconds, limit], storage, auto) = rest;
        let shutdown = Shutdown { grace_time_seconds, failure_strategy, retry_count };
        crd::ApplicationSpec {
            identity: None,
            labels: BTreeMap::new(),
            inherit_labels,
            owners: Vec::new(),
            manifest,
            tosca,
            csar_url,
            observer_schema: schema.map(|schema| Value::Array(schema).to_string()),
            constraints: Constraints {
                cluster: crd::ClusterConstraints { labels, metrics: None, custom_resources },
                migration,
            },
            hooks,
            shutdown: (shutdown != Shutdown::default()).then_some(shutdown),
            backoff: Backoff { factor, delay_seconds, limit },
            storage_migration: storage,
            auto_cluster_create: auto,
            migration_strategy: MigrationStrategy::default(),
            progress_deadline_seconds: None,
            unreachable_toleration_seconds: None,
            deletion_policy: DeletionPolicy::default(),
        }
    })
}

fn any_constraint() -> impl Strategy<Value = String> {
    ("[a-z]{1,5}", "[a-z]{1,5}").prop_map(|(key, value)| format!("{key} is {value}"))
}

fn any_tosca() -> impl Strategy<Value = Tosca> {
    let inline = any_json().prop_map(|inline| Tosca { inline: Some(json!({ "a": inline })), url: None });
    prop_oneof![inline, text().prop_map(|url| Tosca { inline: None, url: Some(url) })]
}

fn any_status() -> impl Strategy<Value = crd::ApplicationStatus> {
    let state = proptest::sample::select(wire::ApplicationState::ALL);
    let places = (option::of(any_reference()), option::of(any_reference()));
    let times = (option::of(any_time()), option::of(any_time()), option::of((any::<i64>(), option::of(any_time()))));
    (state, option::of(any_reason()), places, times, any_labels(), any::<[i64; 4]>()).prop_map(
        |(state, reason, (scheduled_to, running_on), (scheduled_at, triggered_at, scheduling), services, pods)| {
            let [desired_pods, running_pods, completed_pods, failed_pods] = pods;
            crd::ApplicationStatus {
                state: Some(state.as_str().parse().unwrap()),
                reason,
                scheduled_to,
                scheduled_at,
                triggered_at,
                running_on,
                scheduling: scheduling
                    .map(|(remaining_retries, next_attempt)| Scheduling { remaining_retries, next_attempt }),
                services,
                container_health: crd::ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods },
                ..Default::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn everything_the_custom_resource_holds_survives_rest(spec in any_spec(), status in any_status()) {
        let names = Directory::default();
        let wire = wire::Application::to_wire(spec.clone(), status.clone(), metadata(), &names);
        let (spec_back, status_back) = wire.to_object(&names);
        prop_assert_eq!(&spec_back, &spec);
        prop_assert_eq!(&status_back, &status);
        prop_assert_eq!(wire::Application::to_wire(spec_back, status_back, metadata(), &names), wire);
    }
}

#[test]
fn both_languages_have_the_same_states() {
    for state in wire::ApplicationState::ALL {
        assert!(state.as_str().parse::<crd::ApplicationState>().is_ok(), "{}", state.as_str());
    }
}

#[test]
fn a_schema_keeps_its_nulls() {
    let spec: crd::ApplicationSpec =
        serde_json::from_value(json!({ "observerSchema": r#"[{"a": null}, {"b": [null, {"c": 1}]}]"# })).unwrap();
    let wire = spec_to_wire(spec);
    assert_eq!(wire.observer_schema[0].get("a"), Some(&Json::Null));
    assert_eq!(spec_to_object(&wire, false).observer_schema.as_deref(), Some(r#"[{"a":null},{"b":[null,{"c":1}]}]"#));
}

#[test]
fn what_was_triggered_after_its_last_change_is_approved_if_it_has_a_place() {
    let names = Directory::default();
    let application = |triggered: Option<&str>, place: Option<&str>| {
        let spec = serde_json::from_value(json!({})).unwrap();
        let mut metadata = metadata();
        metadata.modified = "2026-01-02T03:04:05.000002+00:00".parse().unwrap();
        let scheduled_to = place.map(|name| krake_crds::reference::ObjectReference::cluster("web", name));
        let status = crd::ApplicationStatus { scheduled_to, ..crd::ApplicationStatus::default() };
        let mut application = wire::Application::to_wire(spec, status, metadata, &names);
        application.status.kube_controller_triggered = triggered.map(|text| text.parse().unwrap());
        application.is_approved()
    };
    assert!(application(Some("2026-01-02T03:04:05.000002+00:00"), Some("edge")));
    assert!(!application(Some("2026-01-02T03:04:05.000001+00:00"), Some("edge")));
    assert!(!application(Some("2026-01-02T03:04:06+00:00"), None));
    assert!(!application(None, Some("edge")));
}
