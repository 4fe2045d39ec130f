//! Values to JSON text, byte for byte as Python's `json.dumps` writes it.

use std::io::Write as _;

use super::Json;

/// Appends the value's text.
pub fn write(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Int(value) => write_int(*value, out),
        Json::BigInt(digits) => out.extend_from_slice(digits.as_bytes()),
        Json::Float(value) => write_float(*value, out),
        Json::String(text) => write_str(text, out),
        Json::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                separate(index, out);
                write(element, out);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.iter().enumerate() {
                separate(index, out);
                write_str(name, out);
                out.extend_from_slice(b": ");
                write(member, out);
            }
            out.push(b'}');
        }
    }
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.extend_from_slice(b", ");
    }
}

/// Appends an integer.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    append(out, format_args!("{value}"));
}

/// Appends a float as Python prints it, always with a point or an exponent: `0.0`, `1e-07`, `1e+22`.
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(crate::python::float(value).as_bytes());
}

/// Appends a string in quotes; what is not printable ASCII is escaped, beyond the basic plane as surrogate pairs.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(end) = rest.bytes().position(|byte| !matches!(byte, b' '..=b'~') || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(end);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            write_escaped(character, out);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

fn write_escaped(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        other => {
            for unit in other.encode_utf16(&mut [0; 2]) {
                append(out, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

/// Writing into a vector cannot fail.
fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
