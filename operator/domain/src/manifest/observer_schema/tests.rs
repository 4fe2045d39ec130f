use serde_json::json;

use super::*;

fn parse(schema: &Value) -> Result<ObserverSchema, Error> {
    ObserverSchema::parse(&schema.to_string())
}

fn service(spec: &Value) -> Value {
    json!([{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo", "namespace": null }, "spec": spec }])
}

fn list(elements: &[Value], min: &Value, max: &Value) -> Value {
    let control = json!({ MIN_LENGTH: min, MAX_LENGTH: max });
    json!({ "ports": elements.iter().cloned().chain([control]).collect::<Vec<_>>() })
}

#[test]
fn a_schema_says_what_is_observed() {
    let schema = parse(&service(&list(&[json!({ "port": null })], &json!(0), &json!(0)))).unwrap();
    let node =
        schema.of(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo" } })).into_owned();
    let port = Node::Map(BTreeMap::from([("port".into(), Node::Leaf)]));
    let ports = Node::List { elements: vec![port], min: 0, max: None };
    let spec = Node::Map(BTreeMap::from([("ports".into(), ports)]));
    let metadata = Node::Map(BTreeMap::new());
    assert_eq!(node, Node::Map(BTreeMap::from([("metadata".into(), metadata), ("spec".into(), spec)])));
}

#[test]
fn an_empty_schema_is_one() {
    for text in ["null", "[]"] {
        assert_eq!(ObserverSchema::parse(text).unwrap(), ObserverSchema::default());
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    let long = json!([{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo", "namespace": "shop" } }]);
    let odd_control = json!({ "ports": [{ MIN_LENGTH: 1, MAX_LENGTH: 1, "more": 1 }] });
    for (schema, expected) in [
        (json!({}), "`` of the observer schema must be a list of partial objects"),
        (json!([1]), "`[0]` of the observer schema must be a partial object"),
        (
            json!([{ "kind": "Service" }]),
            "`[0].metadata` of the observer schema must be an object with the name of the object",
        ),
        (
            json!([{ "apiVersion": "v1", "kind": null, "metadata": { "name": "echo" } }]),
            "`[0].kind` of the observer schema must be a text, because it identifies the object",
        ),
        (long, "`[0].metadata.namespace` of the observer schema must be null"),
        (
            service(&json!({ "type": "NodePort" })),
            "`[0].spec.type` of the observer schema must be null, an object or a list",
        ),
    ] {
        assert_eq!(parse(&schema).unwrap_err().to_string(), expected);
    }
    for spec in [
        json!({ "ports": [] }),
        json!({ "ports": [{ "port": null }] }),
        json!({ "ports": [null] }),
        odd_control,
        list(&[], &json!(-1), &json!(1)),
        list(&[], &json!("1"), &json!(1)),
        list(&[], &json!(2), &json!(1)),
        list(&[json!(null), json!(null)], &json!(1), &json!(1)),
    ] {
        let error = parse(&service(&spec)).unwrap_err();
        assert!(matches!(&error, Error::Shape { path, .. } if path == "[0].spec.ports"), "{spec}: {error}");
    }
    assert!(matches!(ObserverSchema::parse("{"), Err(Error::Json(_))));
}

#[test]
fn a_schema_describes_objects_of_the_manifest() {
    let schema = parse(&service(&json!({}))).unwrap();
    let object = |name: &str| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name } });
    assert!(schema.check(&[object("other"), object("echo")]).is_ok());
    let error = schema.check(&[object("other")]).unwrap_err();
    assert_eq!(error.to_string(), "the observer schema describes Service echo, which is not in the manifest");
}

#[test]
fn the_default_observes_the_documented_pod_completely() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "a", "image": "i" }, { "env": [{ "name": "n", "value": "v" }] }] },
    });
    let map =
        |fields: Vec<(&str, Node)>| Node::Map(fields.into_iter().map(|(name, node)| (name.to_owned(), node)).collect());
    let leaves = |names: [&str; 2]| map(names.into_iter().map(|name| (name, Node::Leaf)).collect());
    let env = Node::List { elements: vec![leaves(["name", "value"])], min: 1, max: None };
    let containers =
        Node::List { elements: vec![leaves(["name", "image"]), map(vec![("env", env)])], min: 2, max: None };
    let expected = map(vec![
        ("metadata", map(vec![("labels", map(vec![("app", Node::Leaf)]))])),
        ("spec", map(vec![("containers", containers)])),
    ]);
    assert_eq!(Node::everything(&pod), expected);
}
