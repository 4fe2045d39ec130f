//! Kubernetes' quantities: `1000m` and `1` are the same, and the API server stores the second for the first.
//!
//! Source: Kubernetes API conventions, `resource.Quantity`.

use serde_json::Value;

/// Maps whose values are quantities, wherever they occur in built-in kinds.
const MAPS: [&str; 10] = [
    "limits",
    "requests",
    "capacity",
    "hard",
    "max",
    "min",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
    "podFixed",
];
/// Fields that are quantities.
const FIELDS: [&str; 3] = ["sizeLimit", "divisor", "averageValue"];

/// Whether a field of this name, in a map of that name, holds a quantity.
pub(super) fn is_quantity(parent: Option<&str>, field: Option<&str>) -> bool {
    parent.is_some_and(|name| MAPS.contains(&name)) || field.is_some_and(|name| FIELDS.contains(&name))
}

/// Whether both are quantities and equal. A number is as good as its text.
pub(super) fn are_equal(one: &Value, other: &Value) -> bool {
    matches!((nanos_of(one), nanos_of(other)), (Some(one), Some(other)) if one == other)
}

fn nanos_of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => nanos(text),
        Value::Number(number) => nanos(&number.to_string()),
        _ => None,
    }
}

/// A quantity in billionths, the smallest unit there is; nothing if it is none or beyond all bounds.
fn nanos(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (binary, decimal) = exponents(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = 9 + decimal - i32::try_from(fraction.len()).ok()?;
    let ten = 10_i128.checked_pow(scale.unsigned_abs())?;
    let scaled = digits.checked_mul(1_i128.checked_shl(binary)?)?;
    if scale >= 0 { scaled.checked_mul(ten) } else { (scaled % ten == 0).then_some(scaled / ten) }
}

/// The powers of two and of ten that a suffix stands for.
fn exponents(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "" => (0, 0),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spellings_of_one_quantity_are_equal() {
        for (one, other) in [
            (json!("1000m"), json!("1")),
            (json!(1), json!("1")),
            (json!(0.5), json!("500m")),
            (json!("1024Mi"), json!("1Gi")),
            (json!("1e3"), json!("1k")),
            (json!("0.1"), json!("100m")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("-1"), json!("-1000m")),
        ] {
            assert!(are_equal(&one, &other), "{one} {other}");
        }
    }

    #[test]
    fn everything_else_is_different() {
        for (one, other) in [
            (json!("1"), json!("2")),
            (json!("1M"), json!("1Mi")),
            (json!("abc"), json!("abc")),
            (json!(""), json!("0")),
            (json!(true), json!(true)),
            (json!("1e999"), json!("1e999")),
            (json!("1.-5"), json!("1.-5")),
        ] {
            assert!(!are_equal(&one, &other), "{one} {other}");
        }
    }
}
