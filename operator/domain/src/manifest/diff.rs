//! Which observed fields of a live object differ from the manifest.
//!
//! Only what the manifest says can differ, and only where the observer schema looks. Fields that the API server leaves
//! out because they are empty, and quantities that it writes in another way, do not differ.

mod path;

use std::fmt;

use serde_json::{Map, Value};

pub use path::Path;

use super::{
    observer_schema::{Node, ObserverSchema},
    quantity,
};

/// A difference between the manifest and the live object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// The field is there with another value.
    Changed(Path),
    /// The field is not there.
    Missing(Path),
    /// The list has fewer elements than it must.
    TooShort(Path),
    /// The list has more elements than it may. Server-side apply alone does not remove what others added; see
    /// [`shortening`].
    TooLong(Path),
}

impl Drift {
    /// Where the difference is.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Changed(path) | Self::Missing(path) | Self::TooShort(path) | Self::TooLong(path) => path,
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Changed(_) => "differs",
            Self::Missing(_) => "is missing",
            Self::TooShort(_) => "has too few elements",
            Self::TooLong(_) => "has too many elements",
        };
        write!(f, "{} {what}", self.path())
    }
}

/// Every observed field in which `live` differs from `desired`, in the order of their names.
///
/// List bounds apply to the real length, but never ask for more elements than the manifest has or for fewer: nothing
/// could be done about it. Observed positions that the manifest does not fill are not looked at.
#[must_use]
pub fn drift(desired: &Value, live: &Value, schema: &ObserverSchema) -> Vec<Drift> {
    let mut walk = Walk::default();
    walk.visit(&schema.of(desired), desired, Some(live));
    walk.found
}

/// A merge patch that cuts the lists that are too long back to what `desired` has; nothing if there is none.
#[must_use]
pub fn shortening(desired: &Value, drift: &[Drift]) -> Option<Value> {
    let mut patch = Value::Null;
    for difference in drift {
        if let Drift::TooLong(path) = difference {
            set(&mut patch, desired, path.fields());
        }
    }
    (!patch.is_null()).then_some(patch)
}

/// Copies the value at `path` from one object to the other.
fn set<'a>(patch: &mut Value, desired: &Value, mut fields: impl Iterator<Item = &'a str>) {
    let Some(name) = fields.next() else {
        *patch = desired.clone();
        return;
    };
    if !patch.is_object() {
        *patch = Value::Object(Map::new());
    }
    if let (Some(inner), Some(value)) = (patch.as_object_mut(), desired.get(name)) {
        set(inner.entry(name).or_insert(Value::Null), value, fields);
    }
}

#[derive(Default)]
struct Walk {
    path: Path,
    found: Vec<Drift>,
}

impl Walk {
    fn visit(&mut self, node: &Node, desired: &Value, live: Option<&Value>) {
        match (node, desired) {
            (Node::Map(observed), Value::Object(fields)) => {
                let said = observed.iter().filter_map(|(name, node)| Some((name, node, fields.get(name)?)));
                for (name, node, desired) in said {
                    self.path.enter_field(name);
                    self.visit(node, desired, live.and_then(|live| live.get(name)));
                    self.path.leave();
                }
            }
            (Node::List { elements, min, max }, Value::Array(desired)) => {
                self.check_length((*min, *max), desired.len(), live);
                for (index, (node, desired)) in elements.iter().zip(desired).enumerate() {
                    self.path.enter_index(index);
                    self.visit(node, desired, live.and_then(|live| live.get(index)));
                    self.path.leave();
                }
            }
            _ if equal(desired, live, self.path.last_fields()) => {}
            _ if live.is_none_or(Value::is_null) => self.found.push(Drift::Missing(self.path.clone())),
            _ => self.found.push(Drift::Changed(self.path.clone())),
        }
    }

    fn check_length(&mut self, (min, max): (usize, Option<usize>), desired: usize, live: Option<&Value>) {
        let length = live.and_then(Value::as_array).map_or(0, Vec::len);
        if length < min.min(desired) {
            self.found.push(Drift::TooShort(self.path.clone()));
        } else if max.is_some_and(|max| length > max.max(desired)) {
            self.found.push(Drift::TooLong(self.path.clone()));
        }
    }
}

/// Whether `live` has everything that `desired` says. `names` are those of the field and of the one around it.
fn equal(desired: &Value, live: Option<&Value>, names: (Option<&str>, Option<&str>)) -> bool {
    match (desired, live.unwrap_or(&Value::Null)) {
        (desired, Value::Null) => is_empty(desired),
        (Value::Object(desired), Value::Object(live)) => {
            desired.iter().all(|(name, value)| equal(value, live.get(name), (names.1, Some(name))))
        }
        (Value::Array(desired), Value::Array(live)) => {
            desired.len() == live.len()
                && desired.iter().zip(live).all(|(one, other)| equal(one, Some(other), (None, None)))
        }
        (desired, live) => {
            desired == live
                || are_one_number(desired, live)
                || (quantity::is_quantity(names.0, names.1) && quantity::are_equal(desired, live))
        }
    }
}

/// Whether both are the same number, once written as an integer and once with a fraction.
fn are_one_number(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one.total_cmp(&other).is_eq())
        }
        _ => false,
    }
}

/// What the API server does not store, so that its absence says nothing. Of custom resources it does store it; but their
/// controllers, and API servers that are aggregated, leave it out in the same way when they write an object back, and to
/// put it in again would never end.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests;
