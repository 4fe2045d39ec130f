//! JSON values that survive a round trip: order of members, nulls, the difference between `2` and `2.0`, and integers
//! of any size. Free-form content (manifests, kubeconfigs, templates) is made of them; requests are parsed into them.
//!
//! The written form is Python's: `, ` and `: ` as separators, everything beyond ASCII escaped, floats as Python prints
//! them. Source: the REST contract's chapters on requests and on response encoding.

mod convert;
mod equality;
mod parse;
mod write;

use indexmap::IndexMap;

pub use parse::{MAX_DEPTH, SyntaxError, SyntaxErrorKind, parse};
pub use write::{write, write_float, write_int, write_str};

/// The members of an object, in the order in which they were written.
pub type Object = IndexMap<String, Json>;

/// A JSON value.
///
/// Two values are equal if a Python program would call them so: numbers by value (`1` equals `1.0`), objects whatever
/// the order of their members. Unlike in Python, `true` is not `1`.
#[derive(Debug, Clone, Default)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer of up to 64 bits.
    Int(i64),
    /// A larger integer: its digits without leading zeros, with a minus sign if it is negative.
    BigInt(String),
    /// A number written with a point or an exponent; always finite.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Named members.
    Object(Object),
}

impl Json {
    /// The member of this name, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether Python would call the value false: nothing, zero, or empty.
    #[must_use]
    pub fn is_falsy(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) => true,
            Self::Bool(true) | Self::Int(_) | Self::BigInt(_) => false,
            Self::Float(value) => *value == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Array(elements) => elements.is_empty(),
            Self::Object(members) => members.is_empty(),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Object> for Json {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}

#[cfg(test)]
mod tests;
