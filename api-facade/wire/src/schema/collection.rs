//! Optional values, arrays, maps and free-form content.

use indexmap::IndexMap;

use super::{ImmutableField, Mode, Value, Writer, read_nullable};
use crate::{Invalid, Json, json};

impl Value for Json {
    const NULLABLE: bool = true;

    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        Ok(json.clone())
    }

    fn write(&self, out: &mut Vec<u8>) {
        json::write(self, out);
    }
}

impl<T: Value> Value for Option<T> {
    const NULLABLE: bool = true;

    fn read(json: &Json, mode: Mode) -> Result<Self, Invalid> {
        match json {
            Json::Null => Ok(None),
            other => T::read(other, mode).map(Some),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn merge(&mut self, new: Self) -> Result<(), ImmutableField> {
        match (self.as_mut(), new) {
            (Some(stored), Some(new)) => stored.merge(new),
            (_, new) => {
                *self = new;
                Ok(())
            }
        }
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(json: &Json, mode: Mode) -> Result<Self, Invalid> {
        let Json::Array(elements) = json else {
            return Err(Invalid::message("Not a valid list."));
        };
        let mut values = Vec::with_capacity(elements.len());
        let mut wrong = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match read_nullable(element, mode) {
                Ok(value) => values.push(value),
                Err(invalid) => wrong.push((index, invalid)),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(Invalid::Elements(wrong)) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            value.write(out);
        }
        out.push(b']');
    }
}

/// A map with typed values; with [`Json`] values, a free-form object.
impl<T: Value> Value for IndexMap<String, T> {
    fn read(json: &Json, mode: Mode) -> Result<Self, Invalid> {
        let Json::Object(members) = json else {
            return Err(Invalid::message("Not a valid mapping type."));
        };
        let mut values = Self::with_capacity(members.len());
        let mut wrong = Vec::new();
        for (key, member) in members {
            match read_nullable(member, mode) {
                Ok(value) => {
                    values.insert(key.clone(), value);
                }
                Err(invalid) => wrong.push((key.clone(), invalid)),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(Invalid::Entries(wrong)) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::open(out);
        for (key, value) in self {
            writer.member(key, value);
        }
        writer.close();
    }
}
