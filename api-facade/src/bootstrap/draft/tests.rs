use krake_facade_wire::core::RoleVerb;
use krake_facade_wire::json;

use super::*;
use crate::bootstrap::DEFAULT_ROLES;
use crate::testing::at;
use crate::yaml;

fn read(document: &str) -> Result<Draft, Refusal> {
    Draft::read(&yaml::documents(document).unwrap()[0], 1, at(9))
}

fn refusal(document: &str) -> (String, String) {
    let Refusal { what, error } = read(document).unwrap_err();
    (what, error)
}

#[test]
fn what_the_server_decides_is_decided_anew() {
    let document = "{api: core, kind: Role, rules: [],
        metadata: {name: 'role:a', uid: mine, created: 2000-01-01, modified: x, deleted: 2000-01-01T00:00:00Z}}";
    let draft = read(document).unwrap();
    assert_eq!(draft.reference, "Role(api='core', namespace='None', name='role:a')");
    assert_eq!(draft.key.as_str(), "/core/roles/role:a");
    let role = Role::decode_stored(&draft.bytes).unwrap();
    assert_eq!(role.metadata.uid, draft.uid);
    assert_ne!(role.metadata.uid, "mine");
    assert_eq!((role.metadata.created, role.metadata.modified, role.metadata.deleted), (at(9), at(9), None));
    assert_ne!(read(document).unwrap().uid, draft.uid);
}

#[test]
fn every_supported_kind_becomes_what_the_api_stores() {
    let spec = "spec: {allowed_values: [], min: 0, max: 5, provider: {name: p, metric: m}}";
    let provider = "spec: {type: static, static: {metrics: {m: 0.9}}}";
    for (kind, rest, namespace, key) in [
        ("Role", "rules: []", "", "/core/roles/a"),
        ("RoleBinding", "users: [], roles: []", "", "/core/rolebindings/a"),
        ("GlobalMetric", spec, "", "/core/globalmetrics/a"),
        ("GlobalMetricsProvider", provider, "", "/core/globalmetricsproviders/a"),
        ("Metric", spec, ", namespace: n", "/core/metrics/n/a"),
        ("MetricsProvider", provider, ", namespace: n", "/core/metricsproviders/n/a"),
    ] {
        let document = format!("{{api: core, kind: {kind}, metadata: {{name: a{namespace}}}, {rest}}}");
        let draft = read(&document).unwrap();
        assert_eq!(draft.key.as_str(), key);
        let stored = json::parse(&draft.bytes).unwrap();
        assert_eq!(stored.get("kind").and_then(Json::as_str), Some(kind));
    }
}

#[test]
fn what_cannot_be_used_is_identified_and_explained() {
    for (document, what, error) in [
        (
            "{api: edge, kind: Role, metadata: {name: a}}",
            "kind: 'Role', api: 'edge', namespace: 'MISSING', name: 'a'",
            "ValueError(\"The api 'edge' could not be found.\")",
        ),
        (
            "{api: core, kind: Application, metadata: {name: a, namespace: n}}",
            "kind: 'Application', api: 'core', namespace: 'n', name: 'a'",
            "ValueError(\"The kind 'Application' could not be found.\")",
        ),
        (
            "{kind: Role}",
            "kind: 'Role', api: 'MISSING', namespace: 'MISSING', name: 'MISSING'",
            "ValueError(\"The api 'MISSING' could not be found.\")",
        ),
        (
            "{api: core, metadata: a}",
            "kind: 'MISSING', api: 'core', namespace: 'MISSING', name: 'MISSING'",
            "ValueError(\"The kind 'MISSING' could not be found.\")",
        ),
        (
            "{api: core, kind: Role, metadata: {name: a}}",
            "kind: 'Role', api: 'core', namespace: 'MISSING', name: 'a'",
            "ValidationError({'rules': ['Missing data for required field.']})",
        ),
        (
            "{api: core, kind: Role, metadata: {name: a, namespace: n}, rules: []}",
            "kind: 'Role', api: 'core', namespace: 'n', name: 'a'",
            "ValueError(\"The kind 'Role' has no namespace.\")",
        ),
        (
            "{api: core, kind: MetricsProvider, metadata: {name: a}, spec: {type: prometheus, prometheus: {url: u}}}",
            "kind: 'MetricsProvider', api: 'core', namespace: 'MISSING', name: 'a'",
            "ValueError(\"The kind 'MetricsProvider' needs a namespace.\")",
        ),
        ("[core]", "document 1", "ValueError('The document is not a resource.')"),
        ("{1: core}", "document 1", "ValueError('The document is not a resource.')"),
        ("{a: .inf}", "document 1", "ValueError('The document is not a resource.')"),
    ] {
        assert_eq!(refusal(document), (what.to_owned(), error.to_owned()), "{document}");
    }
}

/// A rule in short: the API, the resources and the verbs, each separated by spaces; `*` for the empty string.
type Rule = (&'static str, &'static str, &'static str);

const ALL_RESOURCES: &str = "applications clouds clusters globalclouds globalinfrastructureproviders globalmetrics \
    globalmetricsproviders infrastructureproviders magnumclusters metrics metricsproviders projects rolebindings roles";

/// Suffix of the names, user and rules.
const TABLE: [(&str, &str, &[Rule]); 9] = [
    ("system", "system:admin", &[("*", "*", "create list get update delete")]),
    ("system:gc", "system:gc", &[("*", ALL_RESOURCES, "list get update delete")]),
    (
        "system:scheduler",
        "system:scheduler",
        &[
            ("core", "globalmetrics globalmetricsproviders metrics metricsproviders", "get"),
            ("infrastructure", "globalclouds clouds", "list"),
            ("kubernetes", "applications clusters", "list"),
            ("kubernetes", "applications/binding applications/status clusters/status clusters/binding", "update"),
            ("openstack", "projects", "list"),
            ("openstack", "magnumclusters", "list update"),
            ("openstack", "magnumclusters/binding magnumclusters/status projects/status", "update"),
        ],
    ),
    (
        "system:kubernetes-application",
        "system:kubernetes-application",
        &[
            ("kubernetes", "applications applications/status", "get list update"),
            ("kubernetes", "clusters", "get list"),
        ],
    ),
    (
        "system:kubernetes-cluster",
        "system:kubernetes-cluster",
        &[("kubernetes", "cluster clusters clusters/status", "get list update")],
    ),
    (
        "system:infrastructure",
        "system:infrastructure",
        &[
            ("kubernetes", "cluster clusters clusters/status", "get list update"),
            ("infrastructure", "globalinfrastructureproviders infrastructureproviders globalclouds clouds", "get list"),
        ],
    ),
    (
        "system:magnum",
        "system:magnum",
        &[
            ("openstack", "magnumclusters", "get list update"),
            ("openstack", "magnumclusters/status", "update"),
            ("openstack", "projects", "get"),
            ("kubernetes", "clusters", "create get update"),
        ],
    ),
    ("system:complete-hook", "system:complete-hook", &[("kubernetes", "applications/complete", "update")]),
    ("system:shutdown-hook", "system:shutdown-hook", &[("kubernetes", "applications/shutdown", "update")]),
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.replace('*', "")).collect()
}

fn verbs(text: &str) -> Vec<RoleVerb> {
    text.split_whitespace().map(|verb| RoleVerb::find(verb).unwrap()).collect()
}

#[test]
fn the_default_roles_grant_what_the_originals_do() {
    let drafts: Vec<_> = yaml::documents(DEFAULT_ROLES).unwrap();
    let drafts: Vec<_> = drafts.iter().map(|document| Draft::read(document, 1, at(9)).unwrap()).collect();
    assert_eq!(drafts.len(), 2 * TABLE.len());
    for (pair, (suffix, user, rules)) in drafts.chunks(2).zip(TABLE) {
        let role = Role::decode_stored(&pair[0].bytes).unwrap();
        assert_eq!(role.metadata.name, format!("role:{suffix}"));
        let granted = role.rules.iter().map(|rule| (rule.api.clone(), rule.resources.clone(), rule.verbs.clone()));
        let expected = rules.iter().map(|(api, names, may)| (api.replace('*', ""), words(names), verbs(may)));
        assert_eq!(granted.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{suffix}");
        assert!(role.rules.iter().all(|rule| rule.namespaces == [""]), "{suffix}");
        let binding = RoleBinding::decode_stored(&pair[1].bytes).unwrap();
        assert_eq!(binding.metadata.name, format!("rolebinding:{suffix}"));
        assert_eq!((binding.users, binding.roles), (vec![user.to_owned()], vec![format!("role:{suffix}")]));
    }
}
