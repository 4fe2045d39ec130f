//! Numbers as providers write them.

use serde_json::Value;

use super::InvalidMetric;

/// A number, or a text that is one; both Prometheus and Krake write texts, and both know `NaN` and `+Inf`.
pub(super) fn of_json(value: &Value) -> Result<f64, InvalidMetric> {
    match value {
        Value::Number(number) => number.as_f64().ok_or(InvalidMetric::NotNumber),
        Value::String(text) => of_text(text),
        Value::Null => Err(InvalidMetric::NoValue),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(InvalidMetric::NotNumber),
    }
}

pub(super) fn of_text(text: &str) -> Result<f64, InvalidMetric> {
    text.trim().parse().map_err(|_| InvalidMetric::NotNumber)
}
