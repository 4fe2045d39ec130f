//! What is said about bodies that break the rules.

use super::*;
use crate::kubernetes::ApplicationState;

#[test]
fn object_level_rules_wait_until_all_fields_are_right() {
    let refusal = |spec: &str| {
        let request = format!(r#"{{"metadata": {{"name": "a"}}, "spec": {spec}}}"#);
        refusal(Application::decode_new(&body(&request)))
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
fn what_crashes_the_original_is_refused() {
    let application = |field: &str, value: &str| {
        let request = format!(
            r#"{{"metadata": {{"name": "a"}}, "spec": {{"manifest": [], "csar": "a.zip", "constraints": {{"cluster": {{}}}}, "{field}": {value}}}}}"#
        );
        refusal(Application::decode_new(&body(&request)))
    };
    assert_eq!(
        application("manifest", r#"[{"apiVersion": "v1", "kind": "A", "metadata": 5}]"#),
        "{'spec': {'manifest': [\"Field 'metadata.name' not found in resource at index 0\"]}}"
    );
    assert_eq!(
        application("tosca", r#"{"tosca_definitions_version": "tosca_simple_yaml_1_0", "description": 5}"#),
        "{'spec': {'tosca': ['Invalid TOSCA template content.']}}"
    );

    let cluster = |field: &str, value: &str| {
        let mut spec = members(Cluster::REQUEST).get("spec").and_then(Json::as_object).cloned().unwrap();
        spec.insert(field.to_owned(), body(value));
        let mut request = members(Cluster::REQUEST);
        request.insert("spec".to_owned(), spec.into());
        refusal(Cluster::decode_new(&request.into()))
    };
    assert_eq!(
        cluster("tosca", r#"{"tosca_definitions_version": "tosca_simple_yaml_1_0", "topology_template": null}"#),
        "{'spec': {'tosca': ['Invalid TOSCA template content. The output `kubeconfig` is missing.']}}"
    );
    assert_eq!(
        cluster(
            "kubeconfig",
            r#"{"clusters": [{"name": "c", "cluster": {"server": "s"}}], "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "c"}}]}"#
        ),
        "{'spec': {'kubeconfig': ['Only one user is allowed']}}"
    );

    for attribute in ["equals", "mro", "__class__", "name"] {
        let changed = MagnumCluster::answer().replace("PENDING", attribute);
        assert_eq!(
            refusal(MagnumCluster::decode(&body(&changed))),
            format!("{{'status': {{'state': ['Invalid enum member {attribute}']}}}}")
        );
    }
}

#[test]
fn typed_maps_are_reported_as_the_original_prints_them() {
    let changed = Cluster::answer()
        .replace(
            r#""metrics_reasons": {}"#,
            r#""metrics_reasons": {"x": {"code": "NOPE"}, "y": {"code": 1, "message": ""}}"#,
        )
        .replace(r#""nodes": []"#, r#""nodes": [{"metadata": {"name": "n"}, "status": {"conditions": [{}]}}, {}]"#);
    assert_eq!(
        refusal(Cluster::decode(&body(&changed))),
        "{'status': {'metrics_reasons': defaultdict(<class 'dict'>, {'x': {'value': {'code': ['Invalid enum member NOPE'], \
         'message': ['Missing data for required field.']}}, 'y': {'value': {'code': ['Enum name must be string']}}}), \
         'nodes': {0: {'status': {'conditions': {0: {'message': ['Missing data for required field.'], \
         'reason': ['Missing data for required field.'], 'status': ['Missing data for required field.'], \
         'type': ['Missing data for required field.']}}}}, 1: {'metadata': ['Missing data for required field.']}}}}"
    );
}

#[test]
fn lists_are_reported_by_element() {
    let changed = Role::REQUEST
        .replace(r#"["get", "list"]"#, r#"["get", "watch", 5, null]"#)
        .replace(r#"["applications"]"#, r#"[""]"#)
        .replace(r#""namespaces": ["testing"]"#, r#""namespaces": "testing""#);
    assert_eq!(
        refusal(Role::decode_new(&body(&changed))),
        "{'rules': {0: {'namespaces': ['Not a valid list.'], 'verbs': {1: ['Invalid enum member watch'], \
         2: ['Enum name must be string'], 3: ['Field may not be null.']}}}}"
    );
    let changed =
        Metric::REQUEST.replace("[3, 1]", r#"["3", 1.9, true, "x"]"#).replace(r#""max": 5"#, r#""max": "nan""#);
    assert_eq!(
        refusal(Metric::decode_new(&body(&changed))),
        "{'spec': {'allowed_values': {2: ['Not a valid integer.'], 3: ['Not a valid integer.']}, \
         'max': ['Special numeric values (nan or infinity) are not permitted.']}}"
    );
    let changed = MagnumCluster::REQUEST.replace(
        r#""node_count": 2"#,
        r#""node_count": "two", "constraints": {"project": {"labels": ["location is DE", "a > b", null]}}"#,
    );
    assert_eq!(
        refusal(MagnumCluster::decode_new(&body(&changed))),
        "{'spec': {'node_count': ['Not a valid integer.'], 'constraints': {'project': {'labels': {1: \
         ['Invalid label constraint'], 2: ['Field may not be null.']}}}}}"
    );
}

#[test]
fn content_rules_do_not_count_for_stored_values() {
    let old = r#"{"api": "kubernetes", "kind": "Application", "metadata": {"name": "bad name!", "namespace": "n",
        "labels": {"bad key": "bad value"}, "uid": "u", "created": "2020-01-02T03:04:05", "modified": "2020-01-02T03:04:05"},
        "spec": {"manifest": [], "tosca": {"old": 1}, "constraints": {"cluster": {}}}}"#;
    let object = Application::decode_stored(old.as_bytes()).unwrap();
    assert_eq!(object.metadata.created.to_string(), "2020-01-02T03:04:05");
    assert_eq!(object.spec.backoff_limit, -1);
    assert_eq!(object.status.state, ApplicationState::Pending);

    let old = GlobalCloud::answer().replace(r#""namespaced": false"#, r#""namespaced": true"#);
    assert!(GlobalCloud::decode_stored(old.as_bytes()).is_ok());
    let old = GlobalInfrastructureProvider::answer().replace(r#""token": "t""#, r#""token": null"#);
    assert!(GlobalInfrastructureProvider::decode_stored(old.as_bytes()).is_ok());
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

    let project = r#""project": {"api": "openstack", "namespace": "n", "kind": "Project", "name": "p"}"#;
    let binding = MagnumClusterBinding::decode(&body(&format!(r#"{{{project}, "template": "t"}}"#))).unwrap();
    assert_eq!((binding.project.name.as_str(), binding.template.as_str()), ("p", "t"));
    assert_eq!(
        MagnumClusterBinding::decode(&body(r#"{"api": "kubernetes"}"#)).unwrap_err().to_string(),
        "{'api': ['Must be equal to openstack.'], 'project': ['Missing data for required field.'], \
         'template': ['Missing data for required field.']}"
    );
}
