//! Secrets as a target keeps them. Values may be written as plain text in `stringData`, which the API server moves into
//! `data` and never shows again. An object that says `data` only can be compared with what is there, and a key that is taken
//! out of it is taken off the target.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// Where values are written as plain text.
pub(super) const WRITTEN: &str = "stringData";
/// Where the API server keeps all values, in Base64.
pub(super) const KEPT: &str = "data";

/// Whether this is the kind that is kept in another way than it is written.
pub(super) fn is_one(api_version: &str, kind: &str) -> bool {
    (api_version, kind) == ("v1", "Secret")
}

/// Moves the plain values of a Secret into its `data`, over the ones there. What the API server would refuse stays as it
/// is, so that it can say why.
pub(super) fn fold(object: &mut Value) {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    if !is_one(text("apiVersion"), text("kind")) {
        return;
    }
    let Value::Object(fields) = object else { return };
    let plain = match fields.get(WRITTEN) {
        Some(Value::Object(plain)) if plain.values().all(Value::is_string) => plain,
        _ => return,
    };
    let encoded = |text: &Value| Value::String(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
    let plain: Vec<_> = plain.iter().map(|(key, text)| (key.clone(), encoded(text))).collect();
    let mut data = match fields.get(KEPT) {
        Some(Value::Object(data)) => data.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(_) => return,
    };
    data.extend(plain);
    fields.shift_remove(WRITTEN);
    fields.insert(KEPT.into(), Value::Object(data));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn folded(mut object: Value) -> Value {
        fold(&mut object);
        object
    }

    fn secret(plain: &Value, data: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Secret", "stringData": plain, "data": data })
    }

    #[test]
    fn plain_values_are_kept_encoded_and_win() {
        let both = secret(&json!({ "a": "new", "b": "ä" }), &json!({ "a": "b2xk", "c": "Yw==" }));
        let expected = json!({ "a": "bmV3", "b": "w6Q=", "c": "Yw==" });
        assert_eq!(folded(both), json!({ "apiVersion": "v1", "kind": "Secret", "data": expected }));
        assert_eq!(folded(secret(&json!({ "a": "b" }), &Value::Null))["data"], json!({ "a": "Yg==" }));
    }

    #[test]
    fn nothing_else_is_touched() {
        let mut other = secret(&json!({ "a": "b" }), &Value::Null);
        other["apiVersion"] = json!("example.org/v1");
        let odd = [secret(&json!({ "a": 1 }), &Value::Null), secret(&json!({ "a": "b" }), &json!("c"))];
        for object in odd.into_iter().chain([other, json!({ "apiVersion": "v1", "kind": "Secret" }), json!(1)]) {
            assert_eq!(folded(object.clone()), object);
        }
    }
}
