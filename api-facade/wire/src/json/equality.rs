//! Equality by value, as the contract's "no update" rule compares free-form content.

use super::Json;

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::BigInt(one), Self::BigInt(two)) | (Self::String(one), Self::String(two)) => one == two,
            (Self::Float(one), Self::Float(two)) => one == two,
            (Self::Float(float), Self::Int(integer)) | (Self::Int(integer), Self::Float(float)) => {
                is_integer(*float, &integer.to_string())
            }
            (Self::Float(float), Self::BigInt(digits)) | (Self::BigInt(digits), Self::Float(float)) => {
                is_integer(*float, digits)
            }
            (Self::Array(one), Self::Array(two)) => one == two,
            (Self::Object(one), Self::Object(two)) => one == two,
            _ => false,
        }
    }
}

/// Whether the float is exactly the integer with these digits: those of a double, printed without a point, are exact.
fn is_integer(float: f64, digits: &str) -> bool {
    if float == 0.0 { digits == "0" } else { float.fract() == 0.0 && format!("{float:.0}") == digits }
}
