//! What holds for every custom resource definition, whatever its kind.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use serde::Deserialize;
use serde_json::Value;

use super::*;

/// Kinds that Krake's REST API does not know.
const INTERNAL: [&str; 2] = ["Placement", "SafetyPolicy"];
/// Kinds that no controller will ever act on.
const WITHOUT_STATUS: [&str; 2] = ["Role", "RoleBinding"];
/// The longest chain of properties, lists and maps that a walk follows.
const DEEPEST: usize = 32;

fn kind(definition: &CustomResourceDefinition) -> &str {
    &definition.spec.names.kind
}

fn schema(definition: &CustomResourceDefinition) -> Value {
    serde_json::to_value(&definition.spec.versions[0].schema).unwrap()["openAPIV3Schema"].clone()
}

fn spec(kind: &str) -> Value {
    let found = definitions().into_iter().find(|definition| definition.spec.names.kind == kind);
    schema(&found.unwrap())["properties"]["spec"].clone()
}

fn rules(schema: &Value) -> Vec<&str> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules.map(|rule| rule["rule"].as_str().unwrap()).collect()
}

/// Every schema below one, with its path; a list's and a map's members end in `[]`.
fn walk(path: &str, schema: &Value) -> Vec<(String, Value)> {
    assert!(path.split('.').count() < DEEPEST, "{path}");
    let properties = schema["properties"].as_object().into_iter().flatten();
    let properties = properties.map(|(name, property)| (format!("{path}.{name}"), property));
    let members = ["items", "additionalProperties"].iter().filter_map(|name| schema.get(name));
    let members = members.filter(|member| member.is_object()).map(|member| (format!("{path}[]"), member));
    properties
        .chain(members)
        .flat_map(|(path, below)| [(path.clone(), below.clone())].into_iter().chain(walk(&path, below)))
        .collect()
}

fn everything() -> Vec<(String, Value)> {
    definitions().iter().flat_map(|definition| walk(kind(definition), &schema(definition))).collect()
}

fn paths(found: impl IntoIterator<Item = (String, Value)>) -> Vec<String> {
    found.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn the_checked_in_manifests_are_the_generated_ones() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/krake/crds");
    let mut on_disk: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    on_disk.sort();
    let mut generated: Vec<_> = manifests().unwrap();
    generated.sort();
    assert_eq!(on_disk, generated.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (name, text) in generated {
        let found = std::fs::read_to_string(format!("{directory}/{name}")).unwrap();
        assert_eq!(found, text, "{name} is stale: run `cargo run -p krake-crds --bin generate-crds`");
        assert!(text.len() < 100_000, "{name} has {} bytes", text.len());
    }
}

#[test]
fn every_field_says_what_it_is() {
    let is_field = |path: &str| !path.ends_with("[]");
    let silent = everything().into_iter().filter(|(path, schema)| is_field(path) && schema["description"].is_null());
    assert_eq!(paths(silent), Vec::<String>::new());
}

#[test]
fn every_kind_has_the_category_and_a_short_name_of_its_own() {
    let mut taken = BTreeSet::new();
    for definition in definitions() {
        let names = &definition.spec.names;
        assert_eq!(names.categories, Some(vec!["krake".into()]), "{}", names.kind);
        let short = names.short_names.clone().unwrap_or_default();
        assert_eq!(short.len(), 1, "{}", names.kind);
        assert!(short[0].starts_with('k') && taken.insert(short[0].clone()), "{short:?} of {}", names.kind);
    }
}

#[test]
fn kubectl_get_ends_with_the_age() {
    for definition in definitions() {
        let columns = definition.spec.versions[0].additional_printer_columns.clone().unwrap_or_default();
        assert_eq!(columns.last().map(|column| column.name.as_str()), Some("Age"), "{}", kind(&definition));
    }
}

#[test]
fn whatever_users_write_is_bounded() {
    let is_unbounded = |schema: &Value| match schema["type"].as_str() {
        Some("array") => schema["maxItems"].is_null(),
        Some("string") => schema["maxLength"].is_null() && schema["enum"].is_null(),
        Some("object") => schema["additionalProperties"].is_object() && schema["maxProperties"].is_null(),
        _ => false,
    };
    let unbounded = everything().into_iter().filter(|(path, schema)| path.contains(".spec") && is_unbounded(schema));
    assert_eq!(paths(unbounded), Vec::<String>::new());
}

#[test]
fn every_kind_of_the_rest_api_keeps_what_krake_has_in_its_metadata() {
    for definition in definitions().iter().filter(|definition| !INTERNAL.contains(&kind(definition))) {
        let spec = &schema(definition)["properties"]["spec"];
        for field in ["identity", "labels", "inheritLabels", "owners"] {
            assert!(spec["properties"][field].is_object(), "{field} of {}", kind(definition));
        }
        let keeps_identity = |rule: &&str| rule.contains("self.identity == oldSelf.identity");
        assert!(rules(spec).iter().any(keeps_identity), "{}", kind(definition));
    }
}

#[test]
fn every_status_has_conditions_that_several_writers_can_share() {
    for definition in definitions() {
        let status = &schema(&definition)["properties"]["status"];
        let subresource = definition.spec.versions[0].subresources.is_some();
        let has_status = !WITHOUT_STATUS.contains(&kind(&definition));
        assert_eq!((status.is_object(), subresource), (has_status, has_status), "{}", kind(&definition));
        if has_status {
            let properties = &status["properties"];
            assert_eq!(properties["observedGeneration"]["type"], "integer", "{}", kind(&definition));
            assert_eq!(properties["conditions"]["x-kubernetes-list-type"], "map", "{}", kind(&definition));
            assert_eq!(properties["conditions"]["x-kubernetes-list-map-keys"][0], "type", "{}", kind(&definition));
        }
    }
}

#[test]
fn every_union_demands_exactly_the_member_that_its_type_names() {
    let mut unions = BTreeSet::new();
    for (path, schema) in everything() {
        let words: Vec<_> = schema["properties"]["type"]["enum"].as_array().into_iter().flatten().collect();
        for word in words {
            let type_ = word.as_str().unwrap();
            let member = if type_ == "application_credential" { "applicationCredential" } else { type_ };
            assert!(schema["properties"][member].is_object(), "{path} has no {member}");
            let clause = format!("has(self.{member}) == (self.type == '{type_}')");
            let rules = rules(&schema);
            assert!(rules.iter().any(|rule| rule.split(" && ").any(|part| part == clause)), "{path}: {rules:?}");
            unions.insert(path.clone());
        }
    }
    let expected = [
        "Cloud.spec",
        "Cloud.spec.openstack.auth",
        "GlobalCloud.spec",
        "GlobalCloud.spec.openstack.auth",
        "GlobalInfrastructureProvider.spec",
        "GlobalMetricsProvider.spec",
        "InfrastructureProvider.spec",
        "MetricsProvider.spec",
        "Project.spec.auth",
    ];
    assert_eq!(unions.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn a_global_kind_is_its_twin_without_a_namespace() {
    let all = definitions();
    let twin = |global: &CustomResourceDefinition| {
        let name = kind(global).strip_prefix("Global")?;
        all.iter().find(|definition| kind(definition) == name)
    };
    let pairs: Vec<_> = all.iter().filter_map(|global| Some((global, twin(global)?))).collect();
    assert_eq!(pairs.len(), 4);
    for (global, namespaced) in pairs {
        let (global_schema, schema) = (schema(global), schema(namespaced));
        assert_eq!(global_schema["properties"], schema["properties"], "{}", kind(global));
        assert_eq!((&*global.spec.scope, &*namespaced.spec.scope), ("Cluster", "Namespaced"));
        let columns = |definition: &CustomResourceDefinition| {
            serde_json::to_value(&definition.spec.versions[0].additional_printer_columns).unwrap()
        };
        assert_eq!(columns(global), columns(namespaced), "{}", kind(global));
    }
}

#[test]
fn every_secret_has_the_default_key_of_its_use() {
    let found: Vec<_> = everything()
        .into_iter()
        .filter(|(path, _)| path.ends_with("SecretRef"))
        .map(|(path, schema)| {
            let required = schema["required"].as_array().unwrap().iter().any(|name| name == "key");
            (path, schema["properties"]["key"]["default"].as_str().map(str::to_owned), required)
        })
        .collect();
    let key = |path: &str, key: &str| (path.to_owned(), Some(key.to_owned()), false);
    let expected = [
        ("Application.status.hookSecretRef".to_owned(), None, false),
        key("Cluster.spec.kubeconfigSecretRef", "kubeconfig"),
        key("MetricsProvider.spec.influx.tokenSecretRef", "token"),
        key("GlobalMetricsProvider.spec.influx.tokenSecretRef", "token"),
        key("Cloud.spec.openstack.authSecretRef", "password"),
        key("GlobalCloud.spec.openstack.authSecretRef", "password"),
        ("InfrastructureProvider.spec.im.credentialsSecretRef".to_owned(), None, false),
        ("GlobalInfrastructureProvider.spec.im.credentialsSecretRef".to_owned(), None, false),
        ("Project.spec.authSecretRef".to_owned(), None, true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_global_cloud_refers_to_nothing_in_a_namespace() {
    let all = definitions();
    let global = all.iter().find(|definition| kind(definition) == "GlobalCloud").unwrap();
    let schema = schema(global);
    let rules = rules(&schema);
    assert!(rules.iter().any(|rule| rule.contains("!self.spec.openstack.infrastructureProvider.namespaced")));
    assert!(rules.iter().any(|rule| rule.contains("metrics.all(metric, !metric.namespaced)")));
}

#[test]
fn a_magnum_cluster_keeps_its_master_count() {
    let spec = spec("MagnumCluster");
    let rules = rules(&spec);
    let kept = |rule: &&str| {
        rule.contains("has(self.masterCount) == has(oldSelf.masterCount)")
            && rule.contains("self.masterCount == oldSelf.masterCount")
    };
    assert!(rules.iter().any(kept), "{rules:?}");
}

fn cluster_role(name: &str) -> Vec<PolicyRule> {
    let path = format!("{}/../charts/krake/rbac/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    // The other document is a Role for the namespace of the Leases.
    let first = serde_yaml::Deserializer::from_str(&text).next().unwrap();
    ClusterRole::deserialize(first).unwrap().rules.unwrap()
}

/// The verbs that a role has on a resource or subresource of a kind.
fn verbs(rules: &[PolicyRule], definition: &CustomResourceDefinition, subresource: &str) -> BTreeSet<String> {
    let resource = format!("{}{subresource}", definition.spec.names.plural);
    let names = |list: &Option<Vec<String>>, name: &str| list.iter().flatten().any(|known| known == name);
    let about = rules
        .iter()
        .filter(|rule| names(&rule.api_groups, &definition.spec.group) && names(&rule.resources, &resource));
    about.flat_map(|rule| rule.verbs.clone()).collect()
}

#[test]
fn the_facade_may_publish_every_kind_of_the_rest_api_and_no_other() {
    let rules = cluster_role("api-facade");
    let all = ["create", "delete", "get", "list", "patch", "watch"].map(str::to_owned).into();
    let none = BTreeSet::new();
    for definition in definitions() {
        let is_internal = INTERNAL.contains(&kind(&definition));
        let expected = if is_internal { &none } else { &all };
        assert_eq!(&verbs(&rules, &definition, ""), expected, "{}", kind(&definition));
        let has_status = !is_internal && !WITHOUT_STATUS.contains(&kind(&definition));
        assert_eq!(verbs(&rules, &definition, "/status").contains("patch"), has_status, "{}", kind(&definition));
    }
}

#[test]
fn the_operator_may_read_every_kind() {
    let rules = cluster_role("operator");
    let reading = ["get", "list", "watch"].map(str::to_owned).into();
    for definition in definitions() {
        assert!(verbs(&rules, &definition, "").is_superset(&reading), "{}", kind(&definition));
    }
}
