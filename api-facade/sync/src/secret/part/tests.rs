use krake_facade_wire::json as wire_json;
use serde_json::json;

use super::*;

const KUBECONFIG: SecretPart = SecretPart {
    section: Section::Spec,
    reference: &["kubeconfigSecretRef"],
    suffix: "-kubeconfig",
    form: Form::Document { key: "kubeconfig", wire: &["kubeconfig"] },
};
const EITHER: SecretPart = SecretPart {
    section: Section::Spec,
    reference: &["authSecretRef"],
    suffix: "-auth",
    form: Form::Text { key: "secret", wire: &[&["a", "password"], &["b", "secret"]] },
};
const SEVERAL: SecretPart = SecretPart {
    section: Section::Status,
    reference: &["im", "credentialsSecretRef"],
    suffix: "-hooks",
    form: Form::Texts(&[("user", &["im", "user"]), ("token", &["im", "token"])]),
};

fn wire(text: &str) -> Json {
    wire_json::parse(text.as_bytes()).unwrap()
}

fn written(object: &Json) -> String {
    let mut bytes = Vec::new();
    wire_json::write(object, &mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn through_kubernetes(part: SecretPart, secret: &Value) -> Value {
    let reference = part.own_reference("edge");
    part.read_data(part.data_of(secret, &reference), &reference).unwrap().unwrap()
}

#[test]
fn every_form_survives_its_secret() {
    for (part, secret) in [
        (KUBECONFIG, json!({ "users": [{ "name": "a", "n": null }] })),
        (EITHER, json!("pass word")),
        (SEVERAL, json!({ "user": "u", "token": "t" })),
        (SEVERAL, json!({ "token": "t" })),
    ] {
        assert_eq!(through_kubernetes(part, &secret), secret);
    }
}

#[test]
fn a_text_is_at_the_place_that_the_object_has() {
    let mut object = wire(r#"{"spec": {"b": {"id": "i", "secret": "s"}}}"#);
    assert_eq!(EITHER.in_wire(&object), Some(json!("s")));
    EITHER.put_in_wire(&mut object, Some(&json!("new")));
    assert_eq!(written(&object), r#"{"spec": {"b": {"id": "i", "secret": "new"}}}"#);
    EITHER.put_in_wire(&mut object, None);
    assert_eq!(EITHER.in_wire(&object), None);
}

#[test]
fn several_texts_are_absent_one_by_one() {
    let mut object = wire(r#"{"status": {"im": {"user": null, "token": "t"}}}"#);
    assert_eq!(SEVERAL.in_wire(&object), Some(json!({ "token": "t" })));
    SEVERAL.put_in_wire(&mut object, Some(&json!({ "user": "u" })));
    assert_eq!(written(&object), r#"{"status": {"im": {"user": "u", "token": null}}}"#);
    assert_eq!(SEVERAL.in_wire(&wire(r#"{"status": {"im": {"user": null, "token": null}}}"#)), None);
    assert_eq!(SEVERAL.in_wire(&wire(r#"{"status": {}}"#)), None);
}

#[test]
fn a_reference_is_found_at_its_path() {
    let object = json!({ "metadata": {}, "status": { "im": { "credentialsSecretRef": { "name": "mine" } } } });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    assert_eq!(SEVERAL.reference_of(&object), Some(Reference { name: "mine".into(), key: None }));
    assert_eq!(KUBECONFIG.reference_of(&object), None);
}

#[test]
fn the_key_is_the_one_that_the_reference_names() {
    let data = |key: &str| BTreeMap::from([(key.to_owned(), ByteString(b"s".to_vec()))]);
    let reference = |key: Option<&str>| Reference { name: "mine".into(), key: key.map(str::to_owned) };
    assert_eq!(EITHER.read_data(data("other"), &reference(Some("other"))), Some(Ok(json!("s"))));
    assert_eq!(EITHER.read_data(data("secret"), &reference(None)), Some(Ok(json!("s"))));
    assert_eq!(EITHER.read_data(data("other"), &reference(None)), None);
}

#[test]
fn what_is_no_text_cannot_be_shown() {
    let data = BTreeMap::from([("token".to_owned(), ByteString(vec![0xff]))]);
    assert_eq!(SEVERAL.read_data(data, &SEVERAL.own_reference("x")), Some(Err(Unfit)));
}

#[test]
fn a_kubeconfig_is_read_whether_yaml_or_json() {
    let expected = json!({ "users": [{ "name": "a" }] });
    assert_eq!(parse(b"users:\n- name: a\n"), Some(expected.clone()));
    assert_eq!(parse(br#"{"users": [{"name": "a"}]}"#), Some(expected));
    for neither in [b"- a".as_slice(), b"{", b"", b"\xff", b"a: 1\na: 2"] {
        assert_eq!(parse(neither), None);
    }
}
