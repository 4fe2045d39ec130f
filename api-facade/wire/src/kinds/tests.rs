use indexmap::IndexMap;
use proptest::prelude::*;

use super::*;
use crate::json::Object;
use crate::kubernetes::{ApplicationState, ContainerHealth};
use crate::schema::{optional, record, required};
use crate::{Reason, ReasonCode, ResourceRef, Timestamp, Tosca};

const NOW: &str = "2026-11-22T21:38:07.714438+00:00";
const UID: &str = "26ddd8b9-c041-4e41-a2c9-d610a4aa1a35";

// Request and answer from the REST contract's appendix.
const APPLICATION_REQUEST: &str = r#"{"metadata": {"name": "demo"}, "spec": {"manifest": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"b": "1", "a": null}}], "constraints": {"cluster": {"labels": ["location is DE"]}}}}"#;
const APPLICATION_ANSWER: &str = r#"{"api": "kubernetes", "kind": "Application", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"manifest": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"b": "1", "a": null}}], "tosca": {}, "csar": null, "observer_schema": [], "constraints": {"cluster": {"labels": ["location is DE"], "custom_resources": [], "metrics": null}, "migration": true}, "hooks": [], "shutdown_grace_time": null, "shutdown_failure_strategy": null, "shutdown_retry_count": null, "backoff": 1, "backoff_delay": 1, "backoff_limit": -1, "storage_migration": "none", "auto_cluster_create": false}, "status": {"reason": null, "state": "PENDING", "container_health": {"desired_pods": 0, "running_pods": 0, "completed_pods": 0, "failed_pods": 0}, "kube_controller_triggered": null, "scheduled": null, "scheduled_to": null, "running_on": null, "retries": null, "scheduled_retry": null, "services": {}, "mangled_observer_schema": [], "last_observed_manifest": [], "last_applied_manifest": [], "complete_token": null, "complete_cert": null, "complete_key": null, "shutdown_token": null, "shutdown_cert": null, "shutdown_key": null, "shutdown_grace_period": null, "auto_cluster_create_started": null, "migration_retries": 0, "migration_timeout": 0}}"#;
const CLUSTER_REQUEST: &str = r#"{"metadata": {"name": "demo"}, "spec": {"kubeconfig": {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}], "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}, "constraints": {"cloud": {}}, "metrics": [{"name": "heat", "weight": 1}]}}"#;
const CLUSTER_ANSWER: &str = r#"{"api": "kubernetes", "kind": "Cluster", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"kubeconfig": {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}], "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}, "tosca": {}, "custom_resources": [], "constraints": {"cloud": {"labels": null, "metrics": null}}, "metrics": [{"name": "heat", "weight": 1.0, "namespaced": false}], "inherit_metrics": false, "backoff": 1, "backoff_delay": 1, "backoff_limit": -1, "auto_generated": false}, "status": {"reason": null, "kube_controller_triggered": null, "state": "PENDING", "metrics_reasons": {}, "last_applied_tosca": {}, "nodes": [], "cluster_id": null, "scheduled": null, "scheduled_to": null, "running_on": null, "retries": 0}}"#;

fn body(text: &str) -> Json {
    json::parse(text.as_bytes()).unwrap()
}

fn text<K: Kind>(object: &K) -> String {
    String::from_utf8(object.to_bytes()).unwrap()
}

fn filled_in(answer: &str) -> String {
    answer.replace("<uid>", UID).replace("<now>", NOW)
}

/// What the facade does with a creation request.
fn create<K: Kind>(request: &str) -> K {
    let mut object = K::decode_new(&body(request)).unwrap();
    let metadata = object.metadata_mut();
    metadata.namespace = Some("testing".to_owned());
    metadata.uid = UID.to_owned();
    metadata.created = NOW.parse().unwrap();
    metadata.modified = metadata.created;
    object
}

fn application() -> Application {
    Application::decode(&body(&filled_in(APPLICATION_ANSWER))).unwrap()
}

#[test]
fn a_new_object_looks_as_the_contract_shows_it() {
    assert_eq!(text(&create::<Application>(APPLICATION_REQUEST)), filled_in(APPLICATION_ANSWER));
    assert_eq!(text(&create::<Cluster>(CLUSTER_REQUEST)), filled_in(CLUSTER_ANSWER));
}

#[test]
fn an_object_survives_being_stored_and_sent_back() {
    for answer in [APPLICATION_ANSWER, CLUSTER_ANSWER].map(filled_in) {
        let round_trip = |object: Result<String, String>| assert_eq!(object.as_ref(), Ok(&answer));
        if answer.contains("\"Application\"") {
            round_trip(Application::decode(&body(&answer)).map(|a| text(&a)).map_err(|e| e.to_string()));
            round_trip(Application::decode_stored(answer.as_bytes()).map(|a| text(&a)).map_err(|e| e.to_string()));
        } else {
            round_trip(Cluster::decode(&body(&answer)).map(|c| text(&c)).map_err(|e| e.to_string()));
            round_trip(Cluster::decode_stored(answer.as_bytes()).map(|c| text(&c)).map_err(|e| e.to_string()));
        }
    }
}

#[test]
fn what_the_server_decides_is_ignored_in_a_new_object() {
    let request = APPLICATION_REQUEST.replacen(
        r#""name": "demo""#,
        r#""name": "demo", "uid": null, "created": 5, "modified": "x", "deleted": [], "unknown": 1"#,
        1,
    );
    let request = request.replacen('{', r#"{"status": {"state": "RUNNING"}, "#, 1);
    assert_eq!(text(&create::<Application>(&request)), filled_in(APPLICATION_ANSWER));
}

#[test]
fn a_complete_object_needs_what_the_server_decided() {
    for (without, expected) in [
        (r#""uid": "<uid>", "#, "{'metadata': {'uid': ['Missing data for required field.']}}"),
        (r#""created": "<now>", "#, "{'metadata': {'created': ['Missing data for required field.']}}"),
        (r#", "migration_timeout": 0"#, ""),
        (r#""inherit_labels": false, "#, ""),
    ] {
        let changed = filled_in(&APPLICATION_ANSWER.replace(without, ""));
        let outcome = Application::decode(&body(&changed)).map_or_else(|e| e.to_string(), |_| String::new());
        assert_eq!(outcome, expected, "without {without}");
    }
    assert_eq!(
        Application::decode(&body("{}")).unwrap_err().to_string(),
        "{'metadata': ['Missing data for required field.'], 'spec': ['Missing data for required field.'], \
         'status': ['Missing data for required field.']}"
    );
    assert_eq!(Application::decode(&body("[]")).unwrap_err().to_string(), "{'_schema': ['Invalid input type.']}");
}

#[test]
fn the_envelope_may_be_left_out_but_not_be_wrong() {
    let with = |envelope: &str| {
        let request = APPLICATION_REQUEST.replacen('{', &format!("{{{envelope}, "), 1);
        Application::decode_new(&body(&request)).map_or_else(|e| e.to_string(), |_| String::new())
    };
    assert_eq!(with(r#""api": "kubernetes", "kind": "Application""#), "");
    assert_eq!(
        with(r#""api": "core", "kind": null"#),
        "{'api': ['Must be equal to kubernetes.'], 'kind': ['Field may not be null.']}"
    );
}

#[test]
fn object_level_rules_wait_until_all_fields_are_right() {
    let refusal = |spec: &str| {
        let request = format!(r#"{{"metadata": {{"name": "a"}}, "spec": {spec}}}"#);
        Application::decode_new(&body(&request)).map_or_else(|e| e.to_string(), |_| String::new())
    };
    assert_eq!(
        refusal(r#"{"manifest": [], "constraints": {"cluster": {}}}"#),
        "{'spec': {'_schema': ['The application should be defined by a manifest file, a TOSCA template or a CSAR file.']}}"
    );
    assert_eq!(
        refusal(r#"{"manifest": [], "constraints": {"cluster": null}, "tosca": 5, "backoff": true}"#),
        "{'spec': {'tosca': [['Not a valid mapping type.'], ['Not a valid string.']], \
         'constraints': {'cluster': ['Field may not be null.']}, 'backoff': ['Not a valid integer.']}}"
    );
    assert_eq!(
        refusal(
            r#"{"manifest": [{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}],
                "observer_schema": [{"apiVersion": "v1"}], "constraints": {"cluster": {}}}"#
        ),
        "{'spec': {'observer_schema': ['kind is not defined']}}"
    );
    assert_eq!(refusal(r#"{"manifest": [], "csar": "a.zip", "constraints": {"cluster": {}}}"#), "");
}

#[test]
fn typed_maps_are_reported_as_the_original_prints_them() {
    let changed = filled_in(CLUSTER_ANSWER)
        .replace(
            r#""metrics_reasons": {}"#,
            r#""metrics_reasons": {"x": {"code": "NOPE"}, "y": {"code": 1, "message": ""}}"#,
        )
        .replace(r#""nodes": []"#, r#""nodes": [{"metadata": {"name": "n"}, "status": {"conditions": [{}]}}, {}]"#);
    assert_eq!(
        Cluster::decode(&body(&changed)).unwrap_err().to_string(),
        "{'status': {'metrics_reasons': defaultdict(<class 'dict'>, {'x': {'value': {'code': ['Invalid enum member NOPE'], \
         'message': ['Missing data for required field.']}}, 'y': {'value': {'code': ['Enum name must be string']}}}), \
         'nodes': {0: {'status': {'conditions': {0: {'message': ['Missing data for required field.'], \
         'reason': ['Missing data for required field.'], 'status': ['Missing data for required field.'], \
         'type': ['Missing data for required field.']}}}}, 1: {'metadata': ['Missing data for required field.']}}}}"
    );
}

#[test]
fn stored_values_are_read_leniently() {
    let old = r#"{"api": "kubernetes", "kind": "Application", "metadata": {"name": "bad name!", "namespace": "n",
        "labels": {"bad key": "bad value"}, "uid": "u", "created": "2020-01-02T03:04:05", "modified": "2020-01-02T03:04:05"},
        "spec": {"manifest": [], "constraints": {"cluster": {}}}, "future": 1}"#;
    let object = Application::decode_stored(old.as_bytes()).unwrap();
    assert_eq!(object.metadata.created.to_string(), "2020-01-02T03:04:05");
    assert_eq!(object.spec.backoff_limit, -1);
    assert_eq!(object.status.state, ApplicationState::Pending);
    assert!(matches!(Application::decode_stored(b"{"), Err(StoredError::Syntax(_))));
    assert!(matches!(Application::decode_stored(b"{}"), Err(StoredError::Schema(_))));
}

#[test]
fn a_replacement_keeps_what_requests_cannot_change() {
    let mut stored = application();
    stored.metadata.labels.insert("a".into(), "b".into());
    let mut new = application();
    new.metadata.uid = "other".into();
    new.metadata.modified = Timestamp::EPOCH;
    new.metadata.deleted = Some(Timestamp::EPOCH);
    new.metadata.finalizers = vec!["f".into()];
    new.status.state = ApplicationState::Running;
    new.spec.backoff = 7;
    stored.replace(new).unwrap();

    let mut expected = application();
    expected.metadata.finalizers = vec!["f".into()];
    expected.spec.backoff = 7;
    assert_eq!(text(&stored), text(&expected));
}

#[test]
fn the_first_immutable_difference_in_schema_order_is_named() {
    let mut renamed = application();
    renamed.metadata.namespace = None;
    assert_eq!(application().replace(renamed.clone()), Err(ImmutableField { field: "namespace" }));
    renamed.metadata.name = "other".into();
    assert_eq!(application().replace(renamed), Err(ImmutableField { field: "name" }));
}

#[test]
fn only_the_status_of_a_status_update_counts() {
    let mut stored = application();
    let mut from = application();
    from.metadata.name = "other".into();
    from.spec.backoff = 7;
    from.status.state = ApplicationState::Failed;
    from.status.reason = Some(Reason { code: ReasonCode::NotFound, message: "gone".into() });
    stored.replace_status(from.clone()).unwrap();
    assert_eq!(stored.status, from.status);
    assert_eq!(stored.metadata.name, "demo");
    assert_eq!(stored.spec.backoff, 1);
}

#[test]
fn equal_objects_may_be_written_differently() {
    let one = filled_in(APPLICATION_ANSWER);
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
fn bodies_of_subresources_check_their_envelope() {
    let cluster = r#""cluster": {"api": "kubernetes", "kind": "Cluster", "name": "c"}"#;
    let binding = ClusterBinding::decode(&body(&format!("{{{cluster}}}"))).unwrap();
    assert_eq!(binding.cluster.namespace, None);
    let refusal = |text: String| ClusterBinding::decode(&body(&text)).unwrap_err().to_string();
    assert_eq!(
        refusal(format!(r#"{{"kind": "CloudBinding", {cluster}}}"#)),
        "{'kind': ['Must be equal to ClusterBinding.']}"
    );
    assert_eq!(refusal(r#"{"cluster": []}"#.to_owned()), "{'cluster': {'_schema': ['Invalid input type.']}}");
    assert_eq!(ApplicationComplete::decode(&body("{}")).unwrap().token, None);
    assert_eq!(ApplicationShutdown::decode(&body(r#"{"token": "t"}"#)).unwrap().token.as_deref(), Some("t"));
    assert!(CloudBinding::decode(&body(r#"{"api": "kubernetes", "cloud": null}"#)).is_err());
}

#[test]
fn nothing_secret_is_shown_for_debugging() {
    let mut application = application();
    application.status.complete_token = Some("hush".into());
    let cluster = Cluster::decode(&body(&filled_in(CLUSTER_ANSWER))).unwrap();
    let complete = ApplicationComplete { token: Some("hush".into()) };
    let shown = format!("{application:?} {cluster:?} {complete:?}");
    assert!(!shown.contains("hush") && !shown.contains("192.0.2.1"), "{shown}");
}

record! {
    /// A kind like those that have neither namespaces nor a status.
    #[derive(Debug)]
    pub(crate) struct Rule in "core" as "Rule" {
        pub metadata: Metadata = required(),
        pub size: Option<i64> = optional().immutable(),
        pub verbs: Vec<String> = required(),
    }
}

kind!(Rule, "rules", namespaced: false);

#[test]
fn a_kind_needs_neither_namespaces_nor_a_status() {
    let written = filled_in(
        r#"{"api": "core", "kind": "Rule", "metadata": {"name": "a", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "size": null, "verbs": ["get"]}"#,
    );
    let rule = Rule::decode(&body(&written)).unwrap();
    assert_eq!(text(&rule), written);
    assert_eq!((Rule::API, Rule::KIND, Rule::PLURAL), ("core", "Rule", "rules"));
    const { assert!(!Rule::NAMESPACED && !Rule::HAS_STATUS && Cluster::HAS_STATUS) };

    let mut stored = rule.clone();
    stored.replace_status(Rule { verbs: Vec::new(), ..rule.clone() }).unwrap();
    assert!(stored.same(&rule));
    assert_eq!(stored.replace(Rule { size: Some(1), ..rule }), Err(ImmutableField { field: "size" }));
}

fn free_form() -> impl Strategy<Value = Object> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| Json::Float(f.into())),
        any::<String>().prop_map(Json::String),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..3).prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    });
    prop::collection::vec((any::<String>(), value), 1..3).prop_map(|members| members.into_iter().collect())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let name = "[A-Za-z0-9_]([A-Za-z0-9_.:-]{0,20}[A-Za-z0-9_])?";
    let time = (0..4_000_000_000_i64).prop_map(|s| Timestamp::now_utc(jiff::Timestamp::new(s, 5000).unwrap()));
    (
        name,
        prop::option::of(name),
        prop::collection::vec(("[a-z]{1,5}(/[a-z]{1,5})?", "[A-Z_0-9]{1,5}"), 0..3),
        prop::collection::vec(any::<String>(), 0..3),
        prop::option::of(time.clone()),
        time,
    )
        .prop_map(|(name, namespace, labels, finalizers, deleted, time)| Metadata {
            owners: vec![ResourceRef {
                api: "kubernetes".into(),
                namespace: namespace.clone(),
                kind: "Cluster".into(),
                name: name.clone(),
            }],
            name,
            namespace,
            labels: labels.into_iter().collect::<IndexMap<_, _>>(),
            inherit_labels: finalizers.is_empty(),
            finalizers,
            uid: UID.into(),
            created: time,
            modified: time,
            deleted,
        })
}

fn applications() -> impl Strategy<Value = Application> {
    let every_state = prop::sample::select(ApplicationState::ALL);
    (metadata(), free_form(), every_state, any::<(i64, bool, Option<String>, Option<i64>)>()).prop_map(
        |(metadata, content, state, (number, is_set, word, maybe))| {
            let mut application = application();
            let status = &mut application.status;
            status.state = state;
            status.services.clone_from(&content);
            status.last_applied_manifest = vec![content];
            status.container_health = ContainerHealth { running_pods: number, ..ContainerHealth::default() };
            status.reason = word.clone().map(|message| Reason { code: ReasonCode::CreateFailed, message });
            status.scheduled = metadata.deleted;
            status.retries = maybe;
            status.running_on = metadata.owners.first().cloned();
            status.complete_token.clone_from(&word);
            application.spec.tosca = if is_set { Tosca::Url("a.yaml".into()) } else { Tosca::default() };
            application.spec.hooks = word.into_iter().collect();
            application.spec.auto_cluster_create = is_set;
            application.spec.backoff = number;
            application.metadata = metadata;
            application
        },
    )
}

fn clusters() -> impl Strategy<Value = Cluster> {
    (metadata(), free_form(), any::<(i64, bool, String)>(), -1e300..1e300_f64).prop_map(
        |(metadata, content, (number, is_set, word), weight)| {
            let mut cluster = Cluster::decode(&body(&filled_in(CLUSTER_ANSWER))).unwrap();
            cluster.status.last_applied_tosca = content;
            cluster.status.retries = number;
            cluster
                .status
                .metrics_reasons
                .insert(word.clone(), Reason { code: ReasonCode::UnknownMetric, message: word });
            cluster.spec.inherit_metrics = is_set;
            cluster.spec.metrics.iter_mut().for_each(|metric| metric.weight = weight);
            cluster.metadata = metadata;
            cluster
        },
    )
}

proptest! {
    #[test]
    fn applications_survive_being_encoded_and_decoded(application in applications()) {
        let bytes = application.to_bytes();
        let sent = Application::decode(&json::parse(&bytes).unwrap()).unwrap();
        prop_assert!(sent.same(&application));
        prop_assert_eq!(text(&sent), text(&application));
        prop_assert_eq!(text(&Application::decode_stored(&bytes).unwrap()), text(&application));
    }

    #[test]
    fn clusters_survive_being_encoded_and_decoded(cluster in clusters()) {
        let bytes = cluster.to_bytes();
        let sent = Cluster::decode(&json::parse(&bytes).unwrap()).unwrap();
        prop_assert!(sent.same(&cluster));
        prop_assert_eq!(text(&sent), text(&cluster));
        prop_assert_eq!(text(&Cluster::decode_stored(&bytes).unwrap()), text(&cluster));
    }

    #[test]
    fn replacing_an_object_with_itself_changes_nothing(application in applications()) {
        let mut stored = application.clone();
        prop_assert_eq!(stored.replace(application.clone()), Ok(()));
        prop_assert_eq!(text(&stored), text(&application));
    }
}
