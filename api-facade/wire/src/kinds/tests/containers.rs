//! Unions by type: what is right, and what is said of what is not.

use super::*;
use crate::core::MetricsProviderSpec;
use crate::infrastructure::{CloudSpec, OpenstackAuth};
use crate::openstack::ProjectAuth;

/// The printed refusal of a new object with this spec, or nothing.
fn with_spec<K: Kind>(spec: &str) -> String {
    refusal(K::decode_new(&body(&format!(r#"{{"metadata": {{"name": "a"}}, "spec": {spec}}}"#))))
}

#[test]
fn a_container_names_its_type_and_has_its_record() {
    for (spec, expected) in [
        (r#"{"type": "prometheus", "prometheus": {"url": "u"}}"#, ""),
        (r#"{"prometheus": {"url": "u", "unknown": 1}, "type": "prometheus", "static": 5, "unknown": 5}"#, ""),
        ("null", "['Field may not be null.']"),
        ("[]", "{'_schema': ['Invalid input type.']}"),
        ("{}", "{'type': ['Missing data for required field.']}"),
        (r#"{"prometheus": {"url": "u"}}"#, "{'type': ['Missing data for required field.']}"),
        (r#"{"type": null}"#, "{'type': ['Field may not be null.']}"),
        (r#"{"type": 5}"#, "{'type': ['Not a valid string.']}"),
        (r#"{"type": "nagios", "prometheus": {"url": "u"}}"#, r#"{'type': ["Unknown type 'nagios'"]}"#),
        (r#"{"type": ""}"#, r#"{'type': ["Unknown type ''"]}"#),
        (r#"{"type": "Prometheus", "prometheus": {"url": "u"}}"#, r#"{'type': ["Unknown type 'Prometheus'"]}"#),
        (r#"{"type": "prometheus"}"#, "{'prometheus': ['Field is required']}"),
        (r#"{"type": "prometheus", "static": {"metrics": {}}}"#, "{'prometheus': ['Field is required']}"),
        (r#"{"type": "prometheus", "prometheus": null}"#, "{'_schema': ['Invalid input type.']}"),
        (r#"{"type": "prometheus", "prometheus": "u"}"#, "{'_schema': ['Invalid input type.']}"),
        (r#"{"type": "prometheus", "prometheus": {}}"#, "{'url': ['Missing data for required field.']}"),
        (r#"{"type": "prometheus", "prometheus": {"url": null}}"#, "{'url': ['Field may not be null.']}"),
        (
            r#"{"type": "kafka", "kafka": {"comparison_column": "c", "table": 5}}"#,
            "{'value_column': ['Missing data for required field.'], 'table': ['Not a valid string.'], \
             'url': ['Missing data for required field.']}",
        ),
        (
            r#"{"type": "static", "static": {"metrics": {"a": "x", "b": 1}}}"#,
            "{'metrics': defaultdict(<class 'dict'>, {'a': {'value': ['Not a valid number.']}})}",
        ),
    ] {
        let expected = if expected.is_empty() { String::new() } else { format!("{{'spec': {expected}}}") };
        assert_eq!(with_spec::<MetricsProvider>(spec), expected, "{spec}");
        assert_eq!(with_spec::<GlobalMetricsProvider>(spec), expected, "{spec}");
    }
}

#[test]
fn containers_in_containers_are_reported_where_they_are() {
    let with_auth = |auth: &str| {
        with_spec::<Cloud>(&format!(
            r#"{{"type": "openstack", "openstack": {{"url": "u", "auth": {auth}, "infrastructure_provider": {{"name": "p"}}}}}}"#
        ))
    };
    for (auth, expected) in [
        (r#"{"type": "smartcard"}"#, r#"{'spec': {'auth': {'type': ["Unknown type 'smartcard'"]}}}"#),
        (r#"{"type": null}"#, "{'spec': {'auth': {'type': ['Field may not be null.']}}}"),
        (
            r#"{"type": "password", "password": {"version": "3"}}"#,
            "{'spec': {'auth': {'user': ['Missing data for required field.'], \
             'project': ['Missing data for required field.']}}}",
        ),
        (
            r#"{"type": "password", "password": {"user": {"username": "u"}, "project": []}}"#,
            "{'spec': {'auth': {'user': {'password': ['Missing data for required field.']}, \
             'project': {'_schema': ['Invalid input type.']}}}}",
        ),
    ] {
        assert_eq!(with_auth(auth), expected, "{auth}");
    }
    assert_eq!(
        with_spec::<Project>(
            r#"{"url": "u", "template": "t", "auth": {"type": "application_credential", "application_credential": {"id": "i"}}}"#
        ),
        "{'spec': {'auth': {'secret': ['Missing data for required field.']}}}"
    );
}

#[test]
fn each_type_has_its_variant() {
    let spec = |text: &str| MetricsProvider::decode_new(&body(&MetricsProvider::REQUEST.replace("static", text)));
    assert!(matches!(spec("static").unwrap().spec, MetricsProviderSpec::Static(_)));
    assert!(matches!(Project::example().spec.auth, ProjectAuth::ApplicationCredential(_)));
    let CloudSpec::Openstack(openstack) = Cloud::example().spec;
    let OpenstackAuth::Password(password) = openstack.auth;
    assert_eq!((password.version.as_str(), password.user.domain_name.as_str()), ("3", "Default"));
}

#[test]
fn an_update_replaces_a_container_as_a_whole() {
    let mut stored = Project::example();
    let mut new = stored.clone();
    let password =
        r#"{"type": "password", "password": {"user": {"id": "u", "password": "p"}, "project": {"id": "i"}}}"#;
    new.spec.auth = Value::read(&body(password), Mode::Full).unwrap();
    assert!(!stored.same(&new));
    stored.replace(new.clone()).unwrap();
    assert_eq!(text(&stored), text(&new));
    assert!(!text(&stored).contains("application_credential"));
}

#[test]
fn an_infrastructure_manager_lets_somebody_in() {
    let refused = "{'spec': {'_schema': ['At least one authentication should be defined in the IM infrastructure provider spec.']}}";
    for (credentials, expected) in [
        (r#""token": "t""#, ""),
        (r#""token": """#, ""),
        (r#""username": "", "password": """#, ""),
        (r#""username": "u", "token": "t""#, ""),
        (r#""username": "u""#, refused),
        (r#""password": "p", "token": null"#, refused),
        (r#""unknown": "t""#, refused),
        (r#""token": 5"#, "{'spec': {'token': ['Not a valid string.']}}"),
    ] {
        let spec = format!(r#"{{"type": "im", "im": {{"url": "u", {credentials}}}}}"#);
        assert_eq!(with_spec::<InfrastructureProvider>(&spec), expected, "{credentials}");
        assert_eq!(with_spec::<GlobalInfrastructureProvider>(&spec), expected, "{credentials}");
    }
}

#[test]
fn a_global_cloud_refers_to_nothing_that_is_namespaced() {
    let spec = |provider: bool, metric: bool| {
        format!(
            r#"{{"type": "openstack", "openstack": {{"url": "u",
                "auth": {{"type": "password", "password": {{"user": {{"username": "u", "password": "p"}}, "project": {{"name": "p"}}}}}},
                "metrics": [{{"name": "a", "weight": 1}}, {{"name": "b", "weight": 1, "namespaced": {metric}}}],
                "infrastructure_provider": {{"name": "p", "namespaced": {provider}}}}}}}"#
        )
    };
    let refused = |what: &str| {
        format!(
            "{{'_schema': ['A non-namespaced global cloud resource cannot reference the namespaced {what} resource.']}}"
        )
    };
    assert_eq!(with_spec::<GlobalCloud>(&spec(false, false)), "");
    assert_eq!(with_spec::<GlobalCloud>(&spec(true, false)), refused("infrastructure provider"));
    assert_eq!(with_spec::<GlobalCloud>(&spec(false, true)), refused("metric"));
    assert_eq!(with_spec::<GlobalCloud>(&spec(true, true)), refused("infrastructure provider"));
    assert_eq!(with_spec::<Cloud>(&spec(true, true)), "");
    assert_eq!(
        with_spec::<GlobalCloud>(&spec(true, true).replacen(r#""u""#, "5", 1)),
        "{'spec': {'url': ['Not a valid string.']}}"
    );
}
