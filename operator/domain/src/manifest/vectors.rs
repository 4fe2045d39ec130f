//! The documented vectors of Krake's delta, in its order. Where Krake itself is known to be wrong the table says `FIX`
//! and holds what its documentation promises.

use krake_crds::kubernetes::placement::InventoryEntry;
use serde_json::{Value, json};

use super::{Identity, ObserverSchema, Scope, complete, drift, freeze, plan};

/// The Service of the vectors, and how a target has it.
fn echo() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo", "namespace": "shop" },
        "spec": {
            "type": "NodePort", "selector": { "app": "echo" },
            "ports": [{ "port": 8080, "protocol": "TCP", "targetPort": 8080 }],
        },
    })
}

fn live() -> Value {
    let mut object = echo();
    object["metadata"]["uid"] = json!("u1");
    object["spec"]["sessionAffinity"] = json!("None");
    object["spec"]["clusterIP"] = json!("10.0.0.7");
    object["spec"]["ports"][0]["nodePort"] = json!(31_234);
    object["status"] = json!({ "loadBalancer": {} });
    object
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

fn without(mut object: Value, parent: &str, field: &str) -> Value {
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(field);
    object
}

fn none() -> Value {
    Value::Null
}

fn observing(spec: &Value) -> Value {
    let metadata = json!({ "name": "echo", "namespace": null });
    json!([{ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec }])
}

fn observing_ports(observed: usize, min: u32, max: u32) -> Value {
    let control = json!({ "observer_schema_list_min_length": min, "observer_schema_list_max_length": max });
    let ports: Vec<_> = std::iter::repeat_n(json!({ "port": null }), observed).chain([control]).collect();
    observing(&json!({ "ports": ports }))
}

/// What has to be done about an echo that was seen as `first` after it was applied, and is `now` what is asked for and
/// what is there.
fn outcome(schema: &Value, first: &Value, now: (&Value, Option<&Value>)) -> String {
    let schema = ObserverSchema::parse(&schema.to_string()).unwrap();
    let (desired, live) = now;
    schema.check(std::slice::from_ref(desired)).unwrap();
    let recorded = InventoryEntry {
        api_version: "v1".into(),
        kind: "Service".into(),
        namespace: Some("shop".into()),
        name: "echo".into(),
        ..InventoryEntry::default()
    };
    let known = |_: &str, _: &str| Some(Scope::Namespaced);
    let plan = plan(std::slice::from_ref(desired), std::slice::from_ref(&recorded), "shop", known).unwrap();
    let [wanted] = plan.apply.as_slice() else { panic!("one object") };
    let is_new = live.is_none() || wanted.identity != Identity::of_entry(&recorded);
    let pruned = if plan.prune.is_empty() { "" } else { " + deleted" };
    let Some(live) = live.filter(|_| !is_new) else { return format!("new{pruned}") };
    let frozen = freeze(&echo(), Some(first), None, &schema);
    let frozen = freeze(&wanted.body, Some(live), frozen.as_ref(), &schema);
    let whole = frozen.map_or_else(|| wanted.body.clone(), |frozen| complete(&wanted.body, &frozen));
    let verdict = if drift(&whole, live, &schema).is_empty() { "empty" } else { "modified" };
    format!("{verdict}{pruned}")
}

/// Name, schema (`null` is none), what is asked for, what is there, and what Krake's table says.
type Vector = (&'static str, Value, Value, Option<Value>, &'static str);

#[test]
fn the_documented_deltas() {
    let two = json!([{ "port": 8080, "protocol": "TCP", "targetPort": 8080 }, { "port": 9090, "protocol": "TCP" }]);
    let ports = |ports: &Value| with(live(), "/spec/ports", ports.clone());
    let load_balancer = || with(echo(), "/spec/type", json!("LoadBalancer"));
    let balanced = |ingress: Value| {
        with(with(live(), "/spec/type", json!("LoadBalancer")), "/status/loadBalancer", json!({ "ingress": ingress }))
    };
    let affinity = || observing(&json!({ "sessionAffinity": null }));
    let vectors: Vec<Vector> = vec![
        ("D1", none(), echo(), Some(live()), "empty"),
        ("D2", none(), echo(), Some(with(live(), "/spec/type", json!("ClusterIP"))), "modified"),
        ("D3", none(), echo(), Some(with(live(), "/spec/sessionAffinity", json!("ClientIP"))), "empty"),
        ("D4", none(), echo(), None, "new"),
        ("D5", none(), with(echo(), "/metadata/name", json!("other")), Some(live()), "new + deleted"),
        ("D6", none(), echo(), Some(ports(&two)), "modified"),
        ("D7", observing_ports(1, 1, 4), echo(), Some(ports(&two)), "empty"),
        ("D8 FIX", observing_ports(1, 1, 0), echo(), Some(live()), "empty"),
        ("D9 FIX", observing_ports(2, 1, 4), echo(), Some(live()), "empty"),
        ("D10", affinity(), echo(), Some(live()), "empty"),
        ("D10b", affinity(), echo(), Some(with(live(), "/spec/sessionAffinity", json!("ClientIP"))), "modified"),
        ("D11", observing(&json!({})), without(echo(), "/metadata", "namespace"), Some(live()), "empty"),
        ("D12", none(), with(echo(), "/metadata/namespace", json!("other")), Some(live()), "new + deleted"),
        ("D13", none(), with(echo(), "/spec/ports", two.clone()), Some(live()), "modified"),
        ("D14", none(), without(echo(), "/spec", "selector"), Some(live()), "empty"),
        ("D15", none(), load_balancer(), Some(balanced(json!(null))), "empty"),
        ("D15b FIX", none(), load_balancer(), Some(balanced(json!([{ "ip": "192.0.2.1" }]))), "empty"),
        ("D16", observing_ports(1, 2, 4), with(echo(), "/spec/ports", two.clone()), Some(live()), "modified"),
    ];
    expect(vectors);
}

#[test]
fn the_documented_meanings_of_null() {
    let emptied = || Some(with(live(), "/spec/ports", json!([])));
    let subtree = |field: &str| observing(&json!({ field: null }));
    let vectors: Vec<Vector> = vec![
        ("N1", subtree("selector"), echo(), Some(live()), "empty"),
        ("N2 FIX", subtree("ports"), echo(), Some(live()), "empty"),
        ("N3", observing(&json!({})), echo(), Some(live()), "empty"),
        ("N4", observing(&json!({})), echo(), Some(with(live(), "/spec/type", json!("ClusterIP"))), "empty"),
        ("N5", none(), with(echo(), "/spec/externalName", json!(null)), Some(live()), "empty"),
        ("N6 FIX", subtree("foo"), echo(), Some(live()), "empty"),
        ("N7", subtree("selector"), with(echo(), "/spec/type", json!("LoadBalancer")), Some(live()), "empty"),
        ("N8", observing_ports(1, 0, 4), echo(), emptied(), "modified"),
        ("N9", observing_ports(1, 1, 4), echo(), emptied(), "modified"),
    ];
    expect(vectors);
}

fn expect(vectors: Vec<Vector>) {
    for (name, schema, desired, there, expected) in vectors {
        assert_eq!(outcome(&schema, &live(), (&desired, there.as_ref())), expected, "{name}");
    }
}
