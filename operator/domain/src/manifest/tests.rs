use serde_json::json;

use super::*;

fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Value {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

fn entry(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> InventoryEntry {
    InventoryEntry {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: name.into(),
        uid: Some(format!("uid of {name}")),
        ..InventoryEntry::default()
    }
}

fn known(_: &str, kind: &str) -> Option<Scope> {
    match kind {
        "Namespace" | "ClusterRole" | "CustomResourceDefinition" => Some(Scope::Cluster),
        "Thing" => None,
        _ => Some(Scope::Namespaced),
    }
}

fn names(entries: &[InventoryEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

fn definition(scope: &str) -> Value {
    let mut definition = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "things.example.org");
    definition["spec"] = json!({ "group": "example.org", "names": { "kind": "Thing" }, "scope": scope });
    definition
}

#[test]
fn objects_are_applied_after_what_they_need() {
    let manifest = [
        object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "checks"),
        object("example.org/v1", "Thing", None, "thing"),
        object("apps/v1", "Deployment", None, "web"),
        object("networking.k8s.io/v1", "Ingress", None, "front"),
        object("v1", "Service", None, "web"),
        object("v1", "PersistentVolumeClaim", None, "data"),
        object("rbac.authorization.k8s.io/v1", "RoleBinding", None, "runner"),
        object("rbac.authorization.k8s.io/v1", "Role", None, "runner"),
        object("v1", "ConfigMap", None, "settings"),
        object("v1", "ServiceAccount", None, "runner"),
        object("storage.k8s.io/v1", "StorageClass", None, "fast"),
        definition("Namespaced"),
        object("v1", "Namespace", None, "shop"),
    ];
    let plan = plan(&manifest, &[], "default", known).unwrap();
    let kinds: Vec<_> = plan.apply.iter().map(|desired| desired.identity.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "Namespace",
            "CustomResourceDefinition",
            "StorageClass",
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Service",
            "Deployment",
            "Thing",
            "Ingress",
            "ValidatingWebhookConfiguration",
        ]
    );
    let inventory = plan.inventory(&[]);
    let deleted: Vec<_> = deletion_order(inventory).into_iter().map(|entry| entry.kind).collect();
    assert_eq!(deleted, kinds.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn objects_get_the_namespace_they_belong_to() {
    let manifest = [
        object("v1", "ConfigMap", None, "settings"),
        object("v1", "ConfigMap", Some("other"), "settings"),
        object("v1", "ConfigMap", Some(""), "more"),
        object("rbac.authorization.k8s.io/v1", "ClusterRole", Some("other"), "reader"),
    ];
    let plan = plan(&manifest, &[], "shop", known).unwrap();
    let found: Vec<_> = plan.apply.iter().map(|desired| desired.identity.to_string()).collect();
    assert_eq!(
        found,
        ["ClusterRole reader", "ConfigMap shop/settings", "ConfigMap other/settings", "ConfigMap shop/more"]
    );
    let namespaces: Vec<_> = plan.apply.iter().map(|desired| desired.body["metadata"].get("namespace")).collect();
    assert_eq!(namespaces, [None, Some(&json!("shop")), Some(&json!("other")), Some(&json!("shop"))]);
}

#[test]
fn what_is_recorded_and_not_desired_is_pruned_last_first() {
    let recorded = [
        entry("v1", "Namespace", None, "old-space"),
        entry("apps/v1beta1", "Deployment", Some("shop"), "web"),
        entry("v1", "Service", Some("shop"), "old"),
        entry("apps/v1", "Deployment", Some("shop"), "old-web"),
        entry("apps/v1", "Deployment", Some("elsewhere"), "web"),
    ];
    let plan = plan(&[object("apps/v1", "Deployment", None, "web")], &recorded, "shop", known).unwrap();
    assert_eq!(names(&plan.prune), ["web", "old-web", "old", "old-space"]);
    let inventory = plan.inventory(&recorded);
    assert_eq!(names(&inventory), ["web", "web", "old-web", "old", "old-space"]);
    assert_eq!((inventory[0].api_version.as_str(), inventory[0].uid.as_deref()), ("apps/v1", Some("uid of web")));
    let empty = super::plan(&[], &recorded, "shop", known).unwrap();
    assert_eq!((empty.apply.len(), empty.prune.len()), (0, 5));
}

#[test]
fn a_custom_resource_keeps_what_its_controller_may_need_while_it_ends() {
    let definition = entry("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "things.example.org");
    let thing = entry("example.org/v1", "Thing", Some("shop"), "thing");
    let other = entry("another.org/v1", "Thing", Some("shop"), "thing");
    let all = [definition.clone(), thing.clone(), other.clone()];
    let controller = entry("apps/v1", "Deployment", Some("shop"), "operator");
    let account = entry("v1", "ServiceAccount", Some("shop"), "operator");
    for needed in [&controller, &account, &definition] {
        assert!(is_needed_by(needed, &thing, &all));
        assert!(!is_needed_by(needed, &other, &all) && !is_needed_by(needed, &thing, &all[1..]));
    }
    assert!(!is_needed_by(&other, &thing, &all));
    assert!(!is_needed_by(&controller, &entry("v1", "Pod", Some("shop"), "web"), &all));
}

#[test]
fn the_group_and_the_namespace_identify_an_object_and_the_version_does_not() {
    let recorded = |api_version: &str, namespace: &str| [entry(api_version, "Scale", Some(namespace), "web")];
    let pruned = |recorded: &[InventoryEntry]| {
        let manifest = [object("apps/v1", "Scale", Some("shop"), "web")];
        plan(&manifest, recorded, "shop", known).unwrap().prune.len()
    };
    assert_eq!(pruned(&recorded("apps/v1beta2", "shop")), 0);
    assert_eq!(pruned(&recorded("apps/v1", "other")), 1);
    assert_eq!(pruned(&recorded("extensions/v1beta1", "shop")), 1);
    assert_eq!(pruned(&recorded("v1", "shop")), 1);
}

#[test]
fn an_object_may_appear_only_once() {
    let manifest = [object("v1", "ConfigMap", None, "a"), object("v1", "ConfigMap", Some("shop"), "a")];
    let error = plan(&manifest, &[], "shop", known).unwrap_err();
    assert_eq!(error.to_string(), "ConfigMap shop/a is in the manifest twice");
}

#[test]
fn kinds_are_known_to_the_target_or_defined_in_the_manifest() {
    let thing = object("example.org/v1", "Thing", Some("shop"), "a");
    let error = plan(std::slice::from_ref(&thing), &[], "shop", known).unwrap_err();
    assert_eq!(error.to_string(), "the target knows no kind Thing in example.org/v1");
    let identity =
        |scope| plan(&[thing.clone(), definition(scope)], &[], "x", known).unwrap().apply[1].identity.to_string();
    assert_eq!(identity("Namespaced"), "Thing shop/a");
    assert_eq!(identity("Cluster"), "Thing a");
}

#[test]
fn what_identifies_an_object_must_be_there() {
    for (object, field) in [
        (json!({ "kind": "Pod", "metadata": { "name": "a" } }), "apiVersion"),
        (json!({ "apiVersion": "v1", "kind": "", "metadata": { "name": "a" } }), "kind"),
        (json!({ "apiVersion": "v1", "kind": "Pod" }), "metadata.name"),
        (json!("text"), "apiVersion"),
    ] {
        assert_eq!(plan(&[object], &[], "shop", known), Err(Error::Incomplete { index: 0, field }));
    }
}

#[test]
fn a_secret_written_as_plain_text_is_kept_as_declared() {
    let mut secret = object("v1", "Secret", Some("shop"), "login");
    secret["stringData"] = json!({ "user": "a", "password": "b" });
    let plan = plan(std::slice::from_ref(&secret), &[], "default", known).unwrap();
    let kept = &plan.apply[0].body;
    assert_eq!((&kept["data"], kept.get("stringData")), (&json!({ "user": "YQ==", "password": "Yg==" }), None));
    let found = |live: Value, schema: &ObserverSchema| {
        let mut object = kept.clone();
        object["data"] = live;
        drift(kept, &object, schema).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let everything = ObserverSchema::default();
    assert_eq!(found(kept["data"].clone(), &everything), [""; 0]);
    assert_eq!(found(json!({ "user": "eA==" }), &everything), ["data.password is missing", "data.user differs"]);
    let written = json!([{
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "login" },
        "data": { "token": null }, "stringData": { "password": null },
    }]);
    let written = ObserverSchema::parse(&written.to_string()).unwrap();
    assert_eq!(found(json!({ "user": "eA==" }), &written), ["data.password is missing"]);
}

#[test]
fn what_is_recorded_of_an_object_is_kept_while_it_is_in_the_manifest() {
    let manifest = [object("v1", "ConfigMap", Some("shop"), "settings")];
    let recorded = InventoryEntry { adopted: true, ..entry("v1beta1", "ConfigMap", Some("shop"), "settings") };
    let plan = plan(&manifest, std::slice::from_ref(&recorded), "default", known).unwrap();
    let expected = InventoryEntry { api_version: "v1".into(), ..recorded.clone() };
    assert_eq!(plan.inventory(&[recorded]), [expected]);
}

#[test]
fn only_what_others_keep_things_in_is_left_behind_and_only_if_it_was_theirs() {
    let is_left = |api_version: &str, kind: &str, adopted| {
        is_left_behind(&InventoryEntry { adopted, ..entry(api_version, kind, None, "a") })
    };
    assert!(is_left("v1", "Namespace", true) && is_left("apiextensions.k8s.io/v1", "CustomResourceDefinition", true));
    assert!(!is_left("v1", "Namespace", false) && !is_left("v1", "ConfigMap", true));
}
