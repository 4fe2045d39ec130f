use serde_json::json;

use super::*;

/// The Service of the documented vectors.
fn echo() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "echo", "namespace": "shop" },
        "spec": {
            "type": "NodePort",
            "selector": { "app": "echo" },
            "ports": [{ "port": 8080, "protocol": "TCP", "targetPort": 8080 }],
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut object = echo();
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

fn live() -> Value {
    let mut object = echo();
    object["spec"]["sessionAffinity"] = json!("None");
    object["spec"]["clusterIP"] = json!("10.0.0.7");
    object["spec"]["ports"][0]["nodePort"] = json!(31_234);
    object["metadata"]["uid"] = json!("u1");
    object["status"] = json!({ "loadBalancer": {} });
    object
}

fn live_with(pointer: &str, value: Value) -> Value {
    let mut object = live();
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

fn two_ports() -> Value {
    json!([{ "port": 8080, "protocol": "TCP", "targetPort": 8080 }, { "port": 9090, "protocol": "TCP" }])
}

/// A schema for the Service that observes `spec` in this way.
fn schema(spec: &Value) -> ObserverSchema {
    let text =
        json!([{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo" }, "spec": spec }]).to_string();
    ObserverSchema::parse(&text).unwrap()
}

fn ports(observed: usize, min: u32, max: u32) -> ObserverSchema {
    let control = json!({ "observer_schema_list_min_length": min, "observer_schema_list_max_length": max });
    let mut elements = vec![json!({ "port": null }); observed];
    elements.push(control);
    schema(&json!({ "ports": elements }))
}

fn found(desired: &Value, live: &Value, schema: &ObserverSchema) -> Vec<String> {
    drift(desired, live, schema).iter().map(ToString::to_string).collect()
}

fn found_by_default(desired: &Value, live: &Value) -> Vec<String> {
    found(desired, live, &ObserverSchema::default())
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_difference_is_named_with_its_place() {
    for (desired, live, expected) in [
        (echo(), live_with("/spec/type", json!("ClusterIP")), vec!["spec.type differs"]),
        (echo(), live_with("/spec/ports", two_ports()), vec!["spec.ports has too many elements"]),
        (
            with("/spec/ports", two_ports()),
            live(),
            vec![
                "spec.ports has too few elements",
                "spec.ports[1].port is missing",
                "spec.ports[1].protocol is missing",
            ],
        ),
        (with("/spec/selector", json!({})), live(), vec![]),
        (echo(), live_with("/spec/selector", json!(null)), vec!["spec.selector.app is missing"]),
    ] {
        assert_eq!(found_by_default(&desired, &live), expected);
    }
}

#[test]
fn list_bounds_apply_to_the_real_length() {
    let of_length = |length: usize| {
        let more = std::iter::repeat_n(json!({}), length.saturating_sub(1));
        live_with("/spec/ports", [json!({ "port": 8080 })].into_iter().chain(more).collect())
    };
    assert_eq!(found(&echo(), &of_length(6), &ports(1, 1, 0)), NOTHING);
    assert_eq!(found(&echo(), &of_length(5), &ports(1, 1, 4)), ["spec.ports has too many elements"]);
    let none = live_with("/spec/ports", json!([]));
    assert_eq!(found(&echo(), &none, &ports(1, 0, 4)), ["spec.ports[0].port is missing"]);
    let both = ["spec.ports has too few elements", "spec.ports[0].port is missing"];
    assert_eq!(found(&echo(), &none, &ports(1, 1, 4)), both);
}

#[test]
fn a_null_observes_a_whole_subtree() {
    let changed = live_with("/spec/ports/0/port", json!(1));
    assert_eq!(found(&echo(), &changed, &schema(&json!({ "ports": null }))), ["spec.ports differs"]);
    assert_eq!(found(&echo(), &live(), &schema(&Value::Null)), NOTHING);
}

#[test]
fn what_the_server_writes_in_another_way_is_no_drift() {
    let pair = |desired: Value, live: Value| {
        let object = |spec| json!({ "apiVersion": "example.org/v1", "kind": "Thing", "metadata": {}, "spec": spec });
        found_by_default(&object(desired), &object(live))
    };
    for (desired, live) in [
        (json!({ "externalName": null }), json!({})),
        (json!({ "hostNetwork": false, "args": [], "emptyDir": {}, "weight": 0, "value": "" }), json!({})),
        (json!({ "weight": 1 }), json!({ "weight": 1.0 })),
        (
            json!({ "limits": { "cpu": "1000m", "memory": "1024Mi" } }),
            json!({ "limits": { "cpu": "1", "memory": "1Gi" } }),
        ),
        (json!({ "requests": { "cpu": 2 } }), json!({ "requests": { "cpu": "2" } })),
        (json!({ "emptyDir": { "sizeLimit": "0.5Gi" } }), json!({ "emptyDir": { "sizeLimit": "512Mi" } })),
    ] {
        assert_eq!(pair(desired.clone(), live), NOTHING, "{desired}");
    }
    for (desired, live) in [
        (json!({ "value": "1" }), json!({ "value": 1 })),
        (json!({ "value": "1000m" }), json!({ "value": "1" })),
        (json!({ "value": true }), json!({})),
        (json!({ "weight": 1 }), json!({ "weight": 1.5 })),
        (json!({ "limits": { "cpu": "1000m" } }), json!({ "limits": { "cpu": "2" } })),
    ] {
        assert_eq!(pair(desired.clone(), live).len(), 1, "{desired}");
    }
}

#[test]
fn what_admission_adds_to_pods_is_no_drift() {
    let pod =
        |volumes: Value| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": { "volumes": volumes } });
    let token = json!([{ "name": "data" }, { "name": "kube-api-access-x" }]);
    assert_eq!(found_by_default(&pod(json!([{ "name": "data" }])), &pod(token)), NOTHING);
    let created = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "creationTimestamp": null } });
    let live =
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } });
    assert_eq!(found_by_default(&created, &live), NOTHING);
}

#[test]
fn lists_that_are_too_long_are_cut_by_a_merge_patch() {
    let differences = drift(&echo(), &live_with("/spec/ports", two_ports()), &ObserverSchema::default());
    assert_eq!(shortening(&echo(), &differences), Some(json!({ "spec": { "ports": echo()["spec"]["ports"] } })));
    let changed = drift(&echo(), &live_with("/spec/type", json!("ClusterIP")), &ObserverSchema::default());
    assert_eq!(shortening(&echo(), &changed), None);
}
