//! YAML, bounded: text → documents, and where in the text a key stands. JSON is YAML, too.
//!
//! For the files that operators give us. Nothing here knows what they mean.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_yaml::Value;

/// The longest text.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
/// The most values in one text. One that is referred to by aliases counts each time: a short text can mean billions.
const MAX_VALUES: usize = 200_000;

/// The most brackets that are open at a time. The parser nests no deeper either, but looks at all that are open, for each
/// word, before it says so.
const MAX_OPEN: usize = 128;

/// Why a text cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It could not be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// It is longer than [`MAX_BYTES`].
    #[error("longer than 1 MiB")]
    TooLong,
    /// It has more than [`MAX_OPEN`] open brackets at a time.
    #[error("more than {MAX_OPEN} open brackets")]
    TooDeep,
    /// It is not YAML, or has too many values, or nests them too deeply.
    #[error("not valid YAML")]
    Syntax(#[source] serde_yaml::Error),
}

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Reads a text to its end.
///
/// # Errors
/// [`Error::Read`], also if it is not UTF-8; [`Error::TooLong`].
pub(crate) fn read(source: impl Read) -> Result<String, Error> {
    let mut text = String::new();
    source.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(Error::Read)?;
    if text.len() as u64 > MAX_BYTES { Err(Error::TooLong) } else { Ok(text) }
}

/// The documents of a text that are not empty. Merge keys (`<<`) are carried out; no key stands twice.
///
/// # Errors
/// [`Error::TooDeep`], [`Error::Syntax`].
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Error> {
    check_brackets(text)?;
    let left = Cell::new(MAX_VALUES);
    for document in serde_yaml::Deserializer::from_str(text) {
        Walk { left: &left, path: None }.deserialize(document).map_err(Error::Syntax)?;
    }
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut value = Value::deserialize(document).map_err(Error::Syntax)?;
        value.apply_merge().map_err(Error::Syntax)?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}

/// Refuses a text with too many open brackets at a time, cheaply. Strings in quotes within brackets are skipped; brackets
/// in all other strings and in comments count. An operator who misleads this, on purpose, only waits longer.
fn check_brackets(text: &str) -> Result<(), Error> {
    let (mut open, mut quote, mut before) = (0_usize, None, b' ');
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(b'"'), b'\\') => drop(bytes.next()),
            (Some(opened), _) if byte == opened => quote = None,
            (None, b'"' | b'\'') if open > 0 && is_gap(before) => quote = Some(byte),
            (None, b'[' | b'{') => open += 1,
            (None, b']' | b'}') => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN {
            return Err(Error::TooDeep);
        }
        before = byte;
    }
    Ok(())
}

/// Whether a value may begin after it, within brackets.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'[' | b'{' | b',' | b':')
}

/// The name of a key, in the spelling in which names are compared: hyphens are underscores.
#[must_use]
pub(crate) fn normal(key: &str) -> String {
    key.replace('-', "_")
}

/// Where the key at the end of `path` stands in the first document; its parents come before it. `None` if it is not
/// written there, because a merge brought it.
///
/// The parser tells places only with errors, so the walk to the key ends with one.
#[must_use]
pub(crate) fn find(text: &str, path: &[String]) -> Option<Place> {
    let left = Cell::new(MAX_VALUES);
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    let found = Walk { left: &left, path: Some(path) }.deserialize(document).err()?.location()?;
    Some(Place { line: found.line(), column: found.column() })
}

/// Walks through all values, and counts them. Fails at the end of the path, if there is one.
#[derive(Clone, Copy)]
struct Walk<'a> {
    left: &'a Cell<usize>,
    path: Option<&'a [String]>,
}

impl Walk<'_> {
    /// One more value.
    fn step<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| E::custom("too many values"))?;
        self.left.set(left);
        Ok(())
    }

    /// The same walk, somewhere off the path.
    fn aside(self) -> Self {
        Self { path: None, ..self }
    }

    /// The same walk, one key further, if that key is on the path.
    fn past(self, key: &str) -> Self {
        let path = self.path.and_then(<[String]>::split_first);
        Self { path: path.filter(|(first, _)| **first == normal(key)).map(|(_, rest)| rest), ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.step()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.step()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.step()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.step()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.step()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.step()
    }

    /// An empty document.
    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.step()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.step()?;
        while elements.next_element_seed(self.aside())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.step()?;
        while let Some(further) = members.next_key_seed(Key(self))? {
            members.next_value_seed(further)?;
        }
        Ok(())
    }

    /// A value with a tag.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        self.step()?;
        let (_, value) = tagged.variant::<String>()?;
        value.newtype_variant_seed(self.aside())
    }
}

/// Reads a key; gives the walk through its value.
struct Key<'a>(Walk<'a>);

impl<'de, 'a> DeserializeSeed<'de> for Key<'a> {
    type Value = Walk<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Walk<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Walk<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Walk<'a>, E> {
        let Self(walk) = self;
        walk.step()?;
        match walk.past(key) {
            Walk { path: Some([]), .. } => Err(E::custom("here")),
            further => Ok(further),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, path: &[&str]) -> Option<(usize, usize)> {
        let path: Vec<_> = path.iter().map(|&key| key.to_owned()).collect();
        find(text, &path).map(|place| (place.line, place.column))
    }

    #[test]
    fn a_key_is_found_where_it_stands() {
        let text = "a: 1\nb:\n  - x: 1\n  - 2\nc:\n  a-b: {d: !t [1], e: null}\n  f: &f {g: 1}\nh: *f\n";
        assert_eq!(place(text, &["a"]), Some((1, 1)));
        assert_eq!(place(text, &["c"]), Some((5, 1)));
        assert_eq!(place(text, &["c", "a_b"]), Some((6, 3)));
        assert_eq!(place(text, &["c", "a_b", "e"]), Some((6, 20)));
        for absent in [&["x"] as &[&str], &["b", "x"], &["a", "a"], &["c", "d"], &[]] {
            assert_eq!(place(text, absent), None, "{absent:?}");
        }
    }

    #[test]
    fn documents_are_read_with_merges_and_without_empty_ones() {
        let all = documents("base: &b {x: 1}\nother: {<<: *b, y: 2}\n---\n---\n{\"json\": [true]}\n").unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0]["other"]["x"], 1);
        assert_eq!(all[1]["json"][0], true);
        assert!(documents("").unwrap().is_empty());
    }

    #[test]
    fn a_short_text_that_means_a_lot_is_refused_at_once() {
        let lists = "a: &a [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]\n";
        let aliases = "b: ".to_owned() + &"- *a\n   ".repeat(10_000).replacen("- ", "\n   - ", 1);
        let error = documents(&format!("{lists}{aliases}")).unwrap_err();
        assert!(matches!(&error, Error::Syntax(cause) if cause.to_string().contains("too many values")), "{error:?}");
        assert!(documents(&format!("{}{}", "[".repeat(1000), "]".repeat(1000))).is_err());
    }

    #[test]
    fn brackets_that_are_never_closed_are_refused_at_once() {
        for opening in ["[", "{", "[']', ", "[\"\\\"]\", "] {
            let refused = documents(&opening.repeat(100_000));
            assert!(matches!(refused, Err(Error::TooDeep)), "{opening}");
        }
        let nested = |depth| documents(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(nested(100).is_ok() && matches!(nested(MAX_OPEN + 1), Err(Error::TooDeep)));
        assert!(documents(&format!("[{}]", "'[', \"{\\\"\", [don't], ".repeat(1000))).is_ok());
    }

    #[test]
    fn what_is_no_yaml_is_refused() {
        for text in ["a: [", "a: 1\na: 2", "a: b: c", "\ta", "---\na: 1\n---\n]"] {
            assert!(documents(text).is_err(), "{text}");
        }
        assert!(matches!(read(&b"\xff"[..]), Err(Error::Read(_))));
        assert!(matches!(read(io::repeat(b' ')), Err(Error::TooLong)));
    }
}
