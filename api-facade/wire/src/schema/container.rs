//! Values of one of several types: `{"type": "x", "x": {…}}`, of which each type has its own record.
//! Source: the REST contract's chapter on polymorphic containers.

use super::{Mode, Value, Writer};
use crate::{Invalid, Json};

/// Declares a container: an enum with a variant for each type, holding the type's record.
///
/// What is wrong with the record's fields is reported as if they were the container's own; members of other types are
/// dropped. A request replaces the container as a whole.
macro_rules! container {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident($record:ty) = $wire:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant($record),)*
        }

        impl $crate::schema::Value for $name {
            fn read(json: &$crate::Json, mode: $crate::schema::Mode) -> Result<Self, $crate::Invalid> {
                match $crate::schema::container::read_type(json)? {
                    $($wire => $crate::schema::container::read_record(json, $wire, mode).map(Self::$variant),)*
                    unknown => Err($crate::schema::container::unknown_type(unknown)),
                }
            }

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(record) => $crate::schema::container::write($wire, record, out),)*
                }
            }
        }
    };
}

pub(crate) use container;

/// The name of the type, known or not.
pub(crate) fn read_type(json: &Json) -> Result<&str, Invalid> {
    let members = json.as_object().ok_or_else(Invalid::input_type)?;
    let text = match members.get("type") {
        Some(Json::String(name)) => return Ok(name),
        Some(Json::Null) => "Field may not be null.",
        Some(_) => "Not a valid string.",
        None => "Missing data for required field.",
    };
    Err(Invalid::field("type", Invalid::message(text)))
}

/// The record, which stands under the name of its type; `null` is no record.
pub(crate) fn read_record<T: Value>(json: &Json, name: &str, mode: Mode) -> Result<T, Invalid> {
    let record = json.get(name).ok_or_else(|| Invalid::field(name, Invalid::message("Field is required")))?;
    T::read(record, mode)
}

pub(crate) fn unknown_type(name: &str) -> Invalid {
    Invalid::field("type", Invalid::message(format!("Unknown type {}", crate::python::quote(name))))
}

pub(crate) fn write<T: Value>(name: &str, record: &T, out: &mut Vec<u8>) {
    let mut writer = Writer::open(out);
    writer.constant("type", name);
    writer.member(name, record);
    writer.close();
}
