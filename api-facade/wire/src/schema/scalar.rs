//! Strings, numbers and booleans, as leniently as the original reads them: its command line sends numbers as strings.

use super::{Mode, Value};
use crate::json::{write_float, write_int, write_str};
use crate::{Invalid, Json};

/// The spellings of true; `1` and `1.0` count as well.
const TRUE: [&str; 12] = ["t", "T", "true", "True", "TRUE", "on", "On", "ON", "y", "Y", "yes", "Yes"];
const TRUE_TOO: [&str; 2] = ["YES", "1"];
/// The spellings of false; `0` and `0.0` count as well.
const FALSE: [&str; 12] = ["f", "F", "false", "False", "FALSE", "off", "Off", "OFF", "n", "N", "no", "No"];
const FALSE_TOO: [&str; 2] = ["NO", "0"];

impl Value for String {
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        match json {
            Json::String(text) => Ok(text.clone()),
            _ => Err(Invalid::message("Not a valid string.")),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_str(self, out);
    }
}

impl Value for bool {
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        let found = match json {
            Json::Bool(value) => Some(*value),
            Json::String(text) => truth(text),
            number if *number == Json::Int(1) => Some(true),
            number if *number == Json::Int(0) => Some(false),
            _ => None,
        };
        found.ok_or_else(|| Invalid::message("Not a valid boolean."))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

fn truth(text: &str) -> Option<bool> {
    if TRUE.contains(&text) || TRUE_TOO.contains(&text) {
        Some(true)
    } else if FALSE.contains(&text) || FALSE_TOO.contains(&text) {
        Some(false)
    } else {
        None
    }
}

/// Integers beyond 64 bits are legal in free-form content; in typed fields, where the original takes them too, they are
/// refused as too large: no number that means something to Krake comes near.
impl Value for i64 {
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        match json {
            Json::Int(value) => Ok(*value),
            Json::BigInt(_) => Err(too_large()),
            Json::Float(value) => truncate(*value),
            Json::String(text) => parse_integer(text),
            _ => Err(not_an_integer()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_int(*self, out);
    }
}

fn not_an_integer() -> Invalid {
    Invalid::message("Not a valid integer.")
}

fn too_large() -> Invalid {
    Invalid::message("Number too large.")
}

/// Toward zero, by way of the digits before the point: they are exact for every double.
fn truncate(value: f64) -> Result<i64, Invalid> {
    format!("{:.0}", value.trunc()).parse().map_err(|_| too_large())
}

fn parse_integer(text: &str) -> Result<i64, Invalid> {
    let digits = without_separators(text.trim()).ok_or_else(not_an_integer)?;
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_an_integer());
    }
    digits.parse().map_err(|_| too_large())
}

/// The text without underscores; nothing if one of them is not between two digits.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let misplaced = |(index, byte): (usize, &u8)| {
        *byte == b'_' && !(is_digit(index.checked_sub(1)) && is_digit(index.checked_add(1)))
    };
    if bytes.iter().enumerate().any(misplaced) { None } else { Some(text.replace('_', "")) }
}

impl Value for f64 {
    #[expect(clippy::cast_precision_loss, reason = "float fields hold doubles, whatever was sent")]
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        let value = match json {
            Json::Int(value) => Some(*value as f64),
            Json::Float(value) => Some(*value),
            Json::BigInt(digits) => return digits.parse().ok().filter(|f: &f64| f.is_finite()).ok_or_else(too_large),
            Json::String(text) => without_separators(text.trim()).and_then(|text| text.parse().ok()),
            _ => None,
        };
        match value {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(Invalid::message("Special numeric values (nan or infinity) are not permitted.")),
            None => Err(Invalid::message("Not a valid number.")),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_float(*self, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(json: &Json) -> Result<i64, String> {
        i64::read(json, Mode::Full).map_err(|e| e.to_string())
    }

    #[test]
    fn integers_are_coerced_from_floats_and_decimal_strings() {
        for (given, expected) in [("5", 5), (" 5 ", 5), ("1_000", 1000), ("-3", -3), ("+3", 3)] {
            assert_eq!(integer(&Json::from(given)), Ok(expected), "{given}");
        }
        assert_eq!(integer(&Json::Float(1.9)), Ok(1));
        assert_eq!(integer(&Json::Float(-1.9)), Ok(-1));
        assert_eq!(integer(&Json::Float(-0.5)), Ok(0));
        for refused in ["5.0", "0x10", "", "_1", "1__0", "1_", "- 1", "+"] {
            assert_eq!(integer(&Json::from(refused)), Err("['Not a valid integer.']".to_owned()), "{refused}");
        }
        assert_eq!(integer(&Json::Bool(true)), Err("['Not a valid integer.']".to_owned()));
        assert_eq!(integer(&Json::Float(1e30)), Err("['Number too large.']".to_owned()));
    }

    #[test]
    fn floats_are_coerced_from_integers_and_numeric_strings() {
        for (given, expected) in [("0.5", 0.5), ("1e3", 1000.0), (" .5 ", 0.5), ("1_0.5", 10.5)] {
            assert_eq!(f64::read(&Json::from(given), Mode::Full).ok(), Some(expected), "{given}");
        }
        assert_eq!(f64::read(&Json::Int(1), Mode::Full).ok(), Some(1.0));
        for refused in ["nan", "inf", "-Infinity", "1e400"] {
            let message = f64::read(&Json::from(refused), Mode::Full).map_err(|e| e.to_string());
            assert_eq!(
                message,
                Err("['Special numeric values (nan or infinity) are not permitted.']".to_owned()),
                "{refused}"
            );
        }
        assert!(f64::read(&Json::Bool(true), Mode::Full).is_err());
        assert!(f64::read(&Json::from("x"), Mode::Full).is_err());
    }

    #[test]
    fn booleans_have_many_spellings() {
        for yes in [Json::Bool(true), Json::Int(1), Json::Float(1.0), "YES".into(), "on".into(), "1".into(), "t".into()]
        {
            assert_eq!(bool::read(&yes, Mode::Full).ok(), Some(true), "{yes:?}");
        }
        for no in [Json::Bool(false), Json::Int(0), Json::Float(0.0), "No".into(), "OFF".into(), "0".into()] {
            assert_eq!(bool::read(&no, Mode::Full).ok(), Some(false), "{no:?}");
        }
        for neither in [Json::Int(2), "oN".into(), "".into(), Json::Array(vec![])] {
            assert!(bool::read(&neither, Mode::Full).is_err(), "{neither:?}");
        }
    }
}
