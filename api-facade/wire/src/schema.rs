//! How the records of the contract are declared, read, written and merged.
//!
//! [`record!`] takes a struct whose fields stand in wire order, each with its [`field::Field`] rules, and generates the
//! struct, how it is read (all errors collected), written (straight into bytes) and merged. [`enumeration!`] does the
//! same for enums, which are member names on the wire, and [`container!`] for values that are of one of several types,
//! each with its own record. Everything else is ordinary functions.

mod collection;
pub(crate) mod container;
mod field;
mod scalar;

pub(crate) use container::container;
pub(crate) use field::{Members, Writer, optional, or, required};

use crate::{Invalid, Json};

/// A field of the stored object that no request may change has a different value in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the field {field} is immutable")]
pub struct ImmutableField {
    /// The wire name of the first such field in schema order.
    pub field: &'static str,
}

/// Which schema a document is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A creation request: what the server decides (read-only fields, the status) is an unknown field there.
    Creation,
    /// Any other request.
    Full,
    /// A value from the database. It was validated when it was written, perhaps by another version: its shape counts.
    Stored,
}

/// A type with a place in the contract.
pub(crate) trait Value: Sized {
    /// Whether `null` is a value of the type.
    const NULLABLE: bool = false;

    /// Reads a value that is not `null` unless the type is [`Self::NULLABLE`]; scalars are coerced.
    fn read(json: &Json, mode: Mode) -> Result<Self, Invalid>;

    /// Appends the wire form.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes over from `new` what a request may change. After an error `self` is partly merged and must be dropped.
    fn merge(&mut self, new: Self) -> Result<(), ImmutableField> {
        *self = new;
        Ok(())
    }
}

/// A record with an envelope: objects, and some bodies of requests.
pub(crate) trait Enveloped {
    /// What its `api` is.
    const ENVELOPE_API: &'static str;
    /// What its `kind` is.
    const ENVELOPE_KIND: &'static str;
}

/// Reads a member or an element, where `null` may stand.
pub(crate) fn read_nullable<T: Value>(json: &Json, mode: Mode) -> Result<T, Invalid> {
    if matches!(json, Json::Null) && !T::NULLABLE {
        return Err(Invalid::message("Field may not be null."));
    }
    T::read(json, mode)
}

/// The wire name of a field: its own, or the one given after `as` (for names that are Rust keywords).
macro_rules! wire_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}

/// Declares a record of the contract.
///
/// ```text
/// record! {
///     /// Docs.
///     pub struct Name in "api" as "Kind" {        // `in … as …`: has an envelope
///         /// Docs.
///         pub field as "wire": Type = rules,      // `as …`: only if the wire name is no identifier
///     }
///     rule function;                              // object-level rule, runs if no field is wrong
/// }
/// ```
///
/// The rules are a [`field::Field`]: `required()`, `optional()`, `or(|| default)`, then `.immutable()`,
/// `.read_only(fresh)`, `.subresource(fresh)`, `.check(function)`, `.read_by(function)`.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(in $api:literal as $kind:literal)? {
            $($(#[$field_meta:meta])* pub $field:ident $(as $wire:literal)?: $type:ty = $rules:expr),* $(,)?
        }
        $(rule $rule:path;)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        $(impl $crate::schema::Enveloped for $name {
            const ENVELOPE_API: &'static str = $api;
            const ENVELOPE_KIND: &'static str = $kind;
        })?

        impl $crate::schema::Value for $name {
            fn read(json: &$crate::Json, mode: $crate::schema::Mode) -> Result<Self, $crate::Invalid> {
                let mut members = $crate::schema::Members::of(json, mode)?;
                $(members.expect_constant("api", $api);
                members.expect_constant("kind", $kind);)?
                $(let $field: Option<$type> = members.take($crate::schema::wire_name!($field $($wire)?), &$rules);)*
                members.finish()?;
                let ($(Some($field),)*) = ($($field,)*) else { return Err($crate::Invalid::input_type()) };
                let record = Self { $($field),* };
                $(if mode != $crate::schema::Mode::Stored { $rule(&record)?; })?
                Ok(record)
            }

            fn write(&self, out: &mut Vec<u8>) {
                let mut writer = $crate::schema::Writer::open(out);
                $(writer.constant("api", $api);
                writer.constant("kind", $kind);)?
                $(writer.member($crate::schema::wire_name!($field $($wire)?), &self.$field);)*
                writer.close();
            }

            fn merge(&mut self, new: Self) -> Result<(), $crate::ImmutableField> {
                $($rules.merge($crate::schema::wire_name!($field $($wire)?), &mut self.$field, new.$field)?;)*
                Ok(())
            }
        }
    };
}

/// Declares an enum of the contract: each variant with its member name on the wire.
macro_rules! enumeration {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $wire:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// All members, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The member's name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                }
            }

            /// The member with this exact name on the wire.
            #[must_use]
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.as_str() == name)
            }
        }

        impl $crate::schema::Value for $name {
            fn read(json: &$crate::Json, _: $crate::schema::Mode) -> Result<Self, $crate::Invalid> {
                let $crate::Json::String(name) = json else {
                    return Err($crate::Invalid::message("Enum name must be string"));
                };
                Self::find(name).ok_or_else(|| $crate::Invalid::message(format!("Invalid enum member {name}")))
            }

            fn write(&self, out: &mut Vec<u8>) {
                $crate::json::write_str(self.as_str(), out);
            }
        }
    };
}

/// Gives records that carry secrets a `Debug` that shows nothing of them.
macro_rules! opaque_debug {
    ($($name:ident),* $(,)?) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

pub(crate) use {enumeration, opaque_debug, record, wire_name};
