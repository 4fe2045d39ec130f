//! What is wrong with a document, by field, printed as the original prints it: like a Python dictionary.
//! Source: the REST contract's chapter on the validation error structure.

use std::fmt;

use crate::python::quote;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// Sentences about the value itself.
    Messages(Vec<String>),
    /// What is wrong with the members of an object, in schema order; `_schema` is the object as a whole.
    Fields(Vec<(String, Invalid)>),
    /// What is wrong with the elements of an array, by index.
    Elements(Vec<(usize, Invalid)>),
    /// What is wrong with the values of a map, by key.
    Entries(Vec<(String, Invalid)>),
    /// Why each alternative does not fit.
    Alternatives(Vec<Invalid>),
    /// Keys and values of labels, each with a sentence about it.
    Labels(Vec<(String, String)>),
}

impl Invalid {
    /// One sentence about the value.
    #[must_use]
    pub fn message(text: impl Into<String>) -> Self {
        Self::Messages(vec![text.into()])
    }

    /// One wrong field of an object.
    #[must_use]
    pub fn field(name: impl Into<String>, invalid: Self) -> Self {
        Self::Fields(vec![(name.into(), invalid)])
    }

    /// A rule about an object as a whole is broken.
    #[must_use]
    pub fn schema(text: impl Into<String>) -> Self {
        Self::field("_schema", Self::message(text))
    }

    /// The value is no object where one must stand.
    #[must_use]
    pub fn input_type() -> Self {
        Self::schema("Invalid input type.")
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(messages) => list(f, messages, |f, text| f.write_str(&quote(text))),
            Self::Fields(fields) => dictionary(f, fields, |f, name| f.write_str(&quote(name))),
            Self::Elements(elements) => dictionary(f, elements, |f, index| write!(f, "{index}")),
            Self::Entries(entries) => {
                f.write_str("defaultdict(<class 'dict'>, {")?;
                separated(f, entries, |f, (key, invalid)| write!(f, "{}: {{'value': {invalid}}}", quote(key)))?;
                f.write_str("})")
            }
            Self::Alternatives(alternatives) => list(f, alternatives, |f, invalid| write!(f, "{invalid}")),
            Self::Labels(pairs) => list(f, pairs, |f, (at, text)| write!(f, "{{{}: {}}}", quote(at), quote(text))),
        }
    }
}

type Write<T> = fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result;

fn separated<T>(f: &mut fmt::Formatter<'_>, items: &[T], write: Write<T>) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

fn list<T>(f: &mut fmt::Formatter<'_>, items: &[T], write: Write<T>) -> fmt::Result {
    f.write_str("[")?;
    separated(f, items, write)?;
    f.write_str("]")
}

fn dictionary<K>(f: &mut fmt::Formatter<'_>, items: &[(K, Invalid)], write_key: Write<K>) -> fmt::Result {
    f.write_str("{")?;
    for (index, (key, invalid)) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_key(f, key)?;
        write!(f, ": {invalid}")?;
    }
    f.write_str("}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_printed_as_the_original_prints_them() {
        let invalid = Invalid::Fields(vec![
            ("api".into(), Invalid::message("Must be equal to core.")),
            ("list".into(), Invalid::Elements(vec![(3, Invalid::message("Field may not be null."))])),
            ("map".into(), Invalid::Entries(vec![("a".into(), Invalid::message("Not a valid number."))])),
            ("tosca".into(), Invalid::Alternatives(vec![Invalid::message("A"), Invalid::message("B")])),
            ("labels".into(), Invalid::Labels(vec![(String::new(), "the 'x'".into()), ("b".into(), "c".into())])),
            ("spec".into(), Invalid::input_type()),
        ]);
        assert_eq!(
            invalid.to_string(),
            "{'api': ['Must be equal to core.'], 'list': {3: ['Field may not be null.']}, \
             'map': defaultdict(<class 'dict'>, {'a': {'value': ['Not a valid number.']}}), \
             'tosca': [['A'], ['B']], 'labels': [{'': \"the 'x'\"}, {'b': 'c'}], \
             'spec': {'_schema': ['Invalid input type.']}}"
        );
    }
}
