//! The rules of one field, and the walk over a record's members.

use super::{ImmutableField, Mode, Value, read_nullable};
use crate::json::{Object, write_str};
use crate::{Invalid, Json};

/// The rules of one field of a record.
pub(crate) struct Field<T> {
    /// What an absent member stands for; a required field has nothing here.
    absent: Option<fn() -> T>,
    access: Access<T>,
    read: fn(&Json, Mode) -> Result<T, Invalid>,
    check: Option<Check<T>>,
}

/// A rule for a value that could be read.
type Check<T> = fn(&T) -> Result<(), Invalid>;

/// What a client may do with a field.
enum Access<T> {
    /// Create and replace it.
    Free,
    /// Create it, never change it.
    Immutable,
    /// Nothing: the server sets it, starting from this value.
    ReadOnly(fn() -> T),
    /// Change it through its own subresource only; it starts from this value.
    Subresource(fn() -> T),
}

/// The member must be there.
pub(crate) fn required<T: Value>() -> Field<T> {
    Field { absent: None, access: Access::Free, read: read_nullable, check: None }
}

/// An absent member is the type's default.
pub(crate) fn optional<T: Value + Default>() -> Field<T> {
    or(T::default)
}

/// An absent member is this value.
pub(crate) fn or<T: Value>(absent: fn() -> T) -> Field<T> {
    Field { absent: Some(absent), ..required() }
}

impl<T: Value + PartialEq> Field<T> {
    /// A request that changes it is refused.
    pub(crate) fn immutable(self) -> Self {
        Self { access: Access::Immutable, ..self }
    }

    /// Requests cannot set it; a new object has `fresh`.
    pub(crate) fn read_only(self, fresh: fn() -> T) -> Self {
        Self { access: Access::ReadOnly(fresh), ..self }
    }

    /// Only its subresource sets it; a new object has `fresh`.
    pub(crate) fn subresource(self, fresh: fn() -> T) -> Self {
        Self { access: Access::Subresource(fresh), ..self }
    }

    /// A further rule for values that could be read.
    pub(crate) fn check(self, check: Check<T>) -> Self {
        Self { check: Some(check), ..self }
    }

    /// Reads the value in its own way; `null` has been refused before unless the type takes it.
    pub(crate) fn read_by(self, read: fn(&Json, Mode) -> Result<T, Invalid>) -> Self {
        Self { read, ..self }
    }

    fn read(&self, member: Option<&Json>, mode: Mode) -> Result<T, Invalid> {
        match (&self.access, mode, member) {
            (Access::ReadOnly(fresh) | Access::Subresource(fresh), Mode::Creation, _)
            | (Access::Subresource(fresh), Mode::Stored, None) => Ok(fresh()),
            (_, _, None) => {
                self.absent.map(|absent| absent()).ok_or_else(|| Invalid::message("Missing data for required field."))
            }
            (_, _, Some(Json::Null)) if !T::NULLABLE => Err(Invalid::message("Field may not be null.")),
            (_, _, Some(json)) => {
                let value = (self.read)(json, mode)?;
                if let (Some(check), Mode::Creation | Mode::Full) = (self.check, mode) {
                    check(&value)?;
                }
                Ok(value)
            }
        }
    }

    /// Takes over what may change; `name` is for the error.
    pub(crate) fn merge(&self, name: &'static str, stored: &mut T, new: T) -> Result<(), ImmutableField> {
        match self.access {
            Access::Free => stored.merge(new),
            Access::Immutable if *stored == new => Ok(()),
            Access::Immutable => Err(ImmutableField { field: name }),
            Access::ReadOnly(_) | Access::Subresource(_) => Ok(()),
        }
    }
}

/// The members of an object being read, and what is wrong with them so far.
pub(crate) struct Members<'a> {
    object: &'a Object,
    mode: Mode,
    wrong: Vec<(String, Invalid)>,
}

impl<'a> Members<'a> {
    /// Starts reading; anything but an object is refused as a whole.
    pub(crate) fn of(json: &'a Json, mode: Mode) -> Result<Self, Invalid> {
        match json {
            Json::Object(object) => Ok(Self { object, mode, wrong: Vec::new() }),
            _ => Err(Invalid::input_type()),
        }
    }

    /// The member's value, or nothing if it is wrong, which [`Self::finish`] then reports.
    pub(crate) fn take<T: Value + PartialEq>(&mut self, name: &str, field: &Field<T>) -> Option<T> {
        match field.read(self.object.get(name), self.mode) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.wrong.push((name.to_owned(), invalid));
                None
            }
        }
    }

    /// A member that may be absent, but has only this one value.
    pub(crate) fn expect_constant(&mut self, name: &str, constant: &str) {
        let invalid = match self.object.get(name) {
            None => return,
            Some(Json::String(given)) if given == constant => return,
            Some(Json::String(_)) => Invalid::message(format!("Must be equal to {constant}.")),
            Some(Json::Null) => Invalid::message("Field may not be null."),
            Some(_) => Invalid::message("Not a valid string."),
        };
        self.wrong.push((name.to_owned(), invalid));
    }

    /// All that was wrong.
    pub(crate) fn finish(self) -> Result<(), Invalid> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Invalid::Fields(self.wrong)) }
    }
}

/// Writes the members of an object.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty {
            self.out.extend_from_slice(b", ");
        }
        self.is_empty = false;
        write_str(name, self.out);
        self.out.extend_from_slice(b": ");
    }

    pub(crate) fn member<T: Value>(&mut self, name: &str, value: &T) {
        self.name(name);
        value.write(self.out);
    }

    pub(crate) fn constant(&mut self, name: &str, value: &str) {
        self.name(name);
        write_str(value, self.out);
    }

    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}
