//! To and from `serde_json`, in which the sync speaks with the management cluster.

use super::{Json, Object};

/// Exact but for integers beyond 64 bits: they become the nearest double, which is what Kubernetes makes of them too.
impl From<&Json> for serde_json::Value {
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Int(value) => Self::from(*value),
            Json::BigInt(digits) => match digits.parse::<u64>() {
                Ok(value) => Self::from(value),
                Err(_) => digits.parse::<f64>().map_or(Self::Null, Self::from),
            },
            Json::Float(value) => Self::from(*value),
            Json::String(text) => Self::String(text.clone()),
            Json::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            Json::Object(members) => Self::Object(members.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect()),
        }
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => number_from(number),
            serde_json::Value::String(text) => Self::String(text.clone()),
            serde_json::Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::Object(members.iter().map(|(k, v)| (k.clone(), Self::from(v))).collect::<Object>())
            }
        }
    }
}

fn number_from(number: &serde_json::Number) -> Json {
    if let Some(value) = number.as_i64() {
        Json::Int(value)
    } else if let Some(value) = number.as_u64() {
        Json::BigInt(value.to_string())
    } else {
        Json::Float(number.as_f64().unwrap_or_default())
    }
}
