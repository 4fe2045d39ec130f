//! How Python prints strings, floats and JSON values: validation errors are printed dictionaries.

use crate::Json;
use crate::json::Object;

/// The string as `repr` prints it.
pub(crate) fn quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&escape(u32::from(c))),
        }
    }
    out.push(quote);
    out
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Python and Rust draw the line at the same Unicode categories; Rust shows its own only in the debug form of a string,
/// where a leading combining mark would be escaped although it is printable.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    !format!("a{character}").escape_debug().any(|escaped| escaped == '\\')
}

/// The float as `repr` prints it: the shortest digits that mean this number.
pub(crate) fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
    }
}

/// The value as `repr` prints it.
pub(crate) fn repr(value: &Json) -> String {
    match value {
        Json::Null => "None".to_owned(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Int(value) => value.to_string(),
        Json::BigInt(digits) => digits.clone(),
        Json::Float(value) => float(*value),
        Json::String(text) => quote(text),
        Json::Array(elements) => format!("[{}]", elements.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => repr_object(members),
    }
}

fn repr_object(members: &Object) -> String {
    let members: Vec<_> = members.iter().map(|(name, member)| format!("{}: {}", quote(name), repr(member))).collect();
    format!("{{{}}}", members.join(", "))
}

/// The value as `str` prints it: strings bare, everything else as `repr` does.
pub(crate) fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    }
}

/// What Python calls the value's type.
pub(crate) fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Int(_) | Json::BigInt(_) => "int",
        Json::Float(_) => "float",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_like_python_does() {
        for (given, expected) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("say \"it\"", "'say \"it\"'"),
            ("it's \"it\"", "'it\\'s \"it\"'"),
            ("a\\b\n\r\t", "'a\\\\b\\n\\r\\t'"),
            ("\0\u{7f}\u{a0}", "'\\x00\\x7f\\xa0'"),
            ("grün 漢 e\u{301} \u{1f600}", "'grün 漢 e\u{301} \u{1f600}'"),
            ("\u{301}", "'\u{301}'"),
            ("\u{200b}\u{feff}\u{2028}", "'\\u200b\\ufeff\\u2028'"),
            ("\u{e0001}\u{10ffff}", "'\\U000e0001\\U0010ffff'"),
        ] {
            assert_eq!(quote(given), expected);
        }
    }

    #[test]
    fn floats_are_printed_like_python_does() {
        for (given, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.5, "1.5"),
            (100_000.0, "100000.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e22, "1.25e+22"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1e-7, "1e-07"),
            (1.5e300, "1.5e+300"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        ] {
            assert_eq!(float(given), expected);
        }
    }

    #[test]
    fn values_are_printed_like_python_does() {
        let value = crate::json::parse(br#"{"a": [1, null, true, 2.0, "x"], "it's": {}}"#).unwrap();
        assert_eq!(repr(&value), r#"{'a': [1, None, True, 2.0, 'x'], "it's": {}}"#);
        assert_eq!(text(&Json::from("x")), "x");
    }
}
