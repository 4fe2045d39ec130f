//! Every kind, with everything set that it can say, through Kubernetes and back.

use krake_facade_wire::{json as wire_json, kubernetes::Application};
use serde_json::Value;

use super::*;
use crate::{face::Face, stored::Stored};

const METADATA: &str = r#""metadata": {"name": "x", "namespace": "n", "labels": {"a": "b"}, "inherit_labels": true,
    "finalizers": ["cascade_deletion"], "uid": "u", "created": "2026-01-02T03:04:05+00:00",
    "modified": "2026-01-02T03:04:05+00:00", "deleted": "2026-01-02T03:04:06+00:00",
    "owners": [{"api": "core", "namespace": null, "kind": "Role", "name": "r"}]}"#;
const METRICS: &str = r#""metrics": [{"name": "Heat_1", "weight": 0.5, "namespaced": false}]"#;
const REASONS: &str = r#""metrics_reasons": {"m": {"code": "UNKNOWN_METRIC", "message": "no such metric"}}"#;

/// Kind after kind: whether it has a secret, and its content besides the metadata.
fn documents() -> Vec<(&'static str, Vec<String>)> {
    let metric =
        r#""spec": {"allowed_values": [3, 1, 3], "min": 0.5, "max": -1.0, "provider": {"name": "p", "metric": "m"}}"#;
    let provider = |spec: &str| format!(r#""spec": {spec}"#);
    let providers = vec![
        provider(r#"{"type": "prometheus", "prometheus": {"url": "http://p"}}"#),
        provider(r#"{"type": "influx", "influx": {"url": "http://i", "token": "s3cret", "org": "o", "bucket": "b"}}"#),
        provider(
            r#"{"type": "kafka", "kafka": {"comparison_column": "c", "value_column": "v", "table": "t", "url": "k"}}"#,
        ),
        provider(r#"{"type": "static", "static": {"metrics": {"B_2": 0.25, "a": 1.0}}}"#),
    ];
    let im = vec![
        provider(r#"{"type": "im", "im": {"url": "http://im", "username": "u", "password": "s3cret", "token": null}}"#),
        provider(
            r#"{"type": "im", "im": {"url": "http://im", "username": null, "password": null, "token": "s3cret"}}"#,
        ),
    ];
    let cloud = vec![format!(
        r#""spec": {{"type": "openstack", "openstack": {{"url": "http://k", "auth": {{"type": "password", "password":
        {{"version": "2", "user": {{"username": "u", "password": "s3cret", "domain_name": "D", "comment": "c"}}, "project":
        {{"name": "p", "domain_id": "d", "comment": null}}}}}}, {METRICS}, "infrastructure_provider": {{"name": "i",
        "namespaced": false}}}}}}, "status": {{"state": "FAILING_METRICS", {REASONS}}}"#
    )];
    let project = |auth: &str| {
        format!(
            r#""spec": {{"url": "u", "auth": {auth}, "template": "t", {METRICS}}}, "status": {{"state": "ONLINE", {REASONS}}}"#
        )
    };
    let projects = vec![
        project(
            r#"{"type": "password", "password": {"user": {"id": "u", "password": "s3cret", "comment": "c"}, "project": {"id": "p", "comment": null}}}"#,
        ),
        project(r#"{"type": "application_credential", "application_credential": {"id": "i", "secret": "s3cret"}}"#),
    ];
    let reference = r#"{"api": "openstack", "namespace": "n", "kind": "Project", "name": "p"}"#;
    let magnum = vec![
        format!(
            r#""spec": {{"master_count": 1, "node_count": 0, {METRICS}, "constraints": {{"project": {{"labels": ["a is b"]}}}}}},
            "status": {{"reason": {{"code": "CREATE_FAILED", "message": "m"}}, "state": "RUNNING", "project": {reference},
            "template": "t", "cluster_id": "c", "node_count": 3, "api_address": "a", "master_addresses": [],
            "node_addresses": ["n"], "cluster": {reference}}}"#
        ),
        r#""spec": {"constraints": {"project": null}}, "status": {}"#.to_owned(),
        r#""spec": {"constraints": {"project": {"labels": null}}}, "status": {}"#.to_owned(),
    ];
    let role = r#""rules": [{"api": "", "resources": ["a", ""], "namespaces": [], "verbs": ["list_all", "get"]}]"#;
    vec![
        ("Role", vec![role.to_owned()]),
        ("RoleBinding", vec![r#""users": ["b", "a"], "roles": ["role:x"]"#.to_owned()]),
        ("Metric", vec![metric.to_owned()]),
        ("MetricsProvider", providers),
        ("InfrastructureProvider", im),
        ("Cloud", cloud),
        ("Project", projects),
        ("MagnumCluster", magnum),
    ]
}

struct RoundTrips {
    seen: Vec<&'static str>,
}

impl ForKind for RoundTrips {
    fn apply<P: Pairing>(&mut self) {
        self.seen.push(P::KIND);
        let documents = documents();
        let noun = P::KIND.strip_prefix("Global").unwrap_or(P::KIND);
        for content in documents.iter().filter(|(kind, _)| *kind == noun).flat_map(|(_, contents)| contents) {
            round_trip::<P>(content);
        }
    }
}

fn round_trip<P: Pairing>(content: &str) {
    let names = Directory::default();
    let document = format!("{{{METADATA}, {content}}}");
    let wire = P::decode_stored(document.as_bytes()).unwrap_or_else(|error| panic!("{}: {error:?}", P::KIND));
    let stored = Stored::<P>::of(&wire, &names).unwrap();
    let object = serde_json::json!({ "spec": stored.face.spec(), "status": {} });
    assert!(!object.to_string().contains("s3cret"), "{} leaks its secret", P::KIND);
    assert_eq!(stored.face.secret().is_some(), content.contains("s3cret"), "{}", P::KIND);
    // As Kubernetes would hold it: through the types, and the Secret beside it.
    let back = stored.face.to_wire::<P>(wire.metadata().clone(), &names).unwrap();
    let mut json = wire_json::parse(&back.to_bytes()).unwrap();
    if let Some(part) = P::SECRET {
        part.put_in_wire(&mut json, stored.face.secret());
    }
    let mut bytes = Vec::new();
    wire_json::write(&json, &mut bytes);
    assert_eq!(String::from_utf8(bytes), String::from_utf8(wire.to_bytes()), "{}", P::KIND);
}

#[test]
fn all_that_rest_says_survives_kubernetes_and_secrets_stay_out_of_the_custom_resource() {
    let mut work = RoundTrips { seen: Vec::new() };
    every_kind(&mut work);
    for (kind, _) in documents() {
        assert!(work.seen.contains(&kind), "{kind} is not in the list of kinds");
    }
    assert_eq!(work.seen.len(), 14);
}

#[test]
fn the_tokens_of_hooks_are_in_no_status() {
    let document = format!(
        r#"{{{METADATA}, "spec": {{"manifest": [], "constraints": {{"cluster": {{}}}}}},
        "status": {{"complete_token": "s3cret", "shutdown_key": "s3cret"}}}}"#
    );
    let wire = Application::decode_stored(document.as_bytes()).unwrap();
    let stored = Stored::<Application>::of(&wire, &Directory::default()).unwrap();
    let (_, status) = wire.to_object(&Directory::default());
    assert!(!serde_json::to_string(&status).unwrap().contains("s3cret"));
    let secret = stored.face.secret().and_then(Value::as_object).unwrap();
    assert_eq!(secret.keys().collect::<Vec<_>>(), ["complete-token", "shutdown-key"]);
}

#[test]
fn a_member_that_is_merged_keeps_the_secret_inside_it() {
    let document = |url: &str| {
        format!(
            r#"{{{METADATA}, "spec": {{"type": "influx", "influx": {{"url": "{url}", "token": "s3cret", "org": "o", "bucket": "b"}}}}}}"#
        )
    };
    let names = Directory::default();
    let wire = core::MetricsProvider::decode_stored(document("old").as_bytes()).unwrap();
    let stored = Stored::<core::MetricsProvider>::of(&wire, &names).unwrap();
    let object = serde_json::json!({ "metadata": {}, "spec": { "type": "influx", "influx": { "url": "new", "org": "o",
        "bucket": "b", "tokenSecretRef": { "name": "mine", "key": "token" } } } });
    let face = Face::of_object::<core::MetricsProvider>(&serde_json::from_value(object).unwrap(), None).unwrap();
    let fields = ["spec.influx".parse().unwrap()].into();
    let moment = crate::stored::Moment { now: krake_facade_wire::Timestamp::EPOCH, deleted: None };
    let merged = stored.merge(&face, &fields, &moment, &names).unwrap();
    let text = String::from_utf8(merged.bytes()).unwrap();
    assert!(text.contains(r#""influx": {"url": "new", "token": "s3cret""#), "{text}");
}
