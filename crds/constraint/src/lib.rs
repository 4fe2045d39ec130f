//! Krake's constraint languages and the syntax of label keys and values.
//!
//! Both contracts need them, the REST one (`krake-facade-wire`) and the custom resources (`krake-crds`), and neither may
//! import the other: hence a crate of its own.
//!
//! Both languages read a KEY first, greedily; then the alternatives of a table are tried in order, and the first that
//! consumes the entire rest wins. Only then are the key and the values checked: keys and the values of labels against
//! the syntax of labels, those of metrics for being numbers.
//!
//! In JSON a constraint is its text.

pub mod label;
mod label_constraint;
mod metric_constraint;
mod scanner;
pub mod schema;
mod text;

pub use label_constraint::LabelConstraint;
pub use metric_constraint::{Comparison, MetricConstraint};

/// Why a text is not a constraint.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The text fits no form of the language.
    #[error("the constraint has none of the known forms")]
    Syntax,
    /// The text has a known form, but its key is not a label key.
    #[error("`{0}` is not a label key")]
    Key(String),
    /// The text has a known form, but this value, the first bad one, is not a label value.
    #[error("`{0}` is not a label value")]
    Value(String),
    /// The text has the form of a metric constraint, but this value, a label value, is not a number.
    #[error("`{0}` is not a number; the value must be one, e.g. `load < 0.5`")]
    Number(String),
}

fn checked_key(key: &str) -> Result<String, Error> {
    if label::is_key(key) { Ok(key.into()) } else { Err(Error::Key(key.into())) }
}

fn checked_value(value: &str) -> Result<String, Error> {
    if label::is_value(value) { Ok(value.into()) } else { Err(Error::Value(value.into())) }
}
