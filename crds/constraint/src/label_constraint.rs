//! `location is DE`, `location is not DE`, `location in (DE, SK)`, `location not in (DE, SK)`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{Error, checked_key, checked_value, scanner::Scanner};

/// What a label map must say for a place to be suitable. A label that is absent never matches, not even a negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelConstraint {
    /// The label has this value.
    Equal {
        /// Key of the label.
        key: String,
        /// The value it must have.
        value: String,
    },
    /// The label is there and has another value.
    NotEqual {
        /// Key of the label.
        key: String,
        /// The value it must not have.
        value: String,
    },
    /// The label has one of these values.
    In {
        /// Key of the label.
        key: String,
        /// The values of which it must have one.
        values: Vec<String>,
    },
    /// The label is there and has none of these values.
    NotIn {
        /// Key of the label.
        key: String,
        /// The values of which it must have none.
        values: Vec<String>,
    },
}

const PUNCTUATION: &[char] = &[',', '(', ')', '=', '!'];

impl LabelConstraint {
    /// Whether `labels` satisfy the constraint.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let Some(found) = labels.get(self.key()) else { return false };
        match self {
            Self::Equal { value, .. } => found == value,
            Self::NotEqual { value, .. } => found != value,
            Self::In { values, .. } => values.contains(found),
            Self::NotIn { values, .. } => !values.contains(found),
        }
    }

    /// Key of the label that the constraint is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Equal { key, .. } | Self::NotEqual { key, .. } | Self::In { key, .. } | Self::NotIn { key, .. } => {
                key
            }
        }
    }
}

impl FromStr for LabelConstraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text, PUNCTUATION);
        let key = scanner.token().ok_or(Error::Syntax)?;
        if let Some(value) = scanner.value_after(&[&["=="], &["="], &["is"]]) {
            return Ok(Self::Equal { key: checked_key(key)?, value: checked_value(value)? });
        }
        if let Some(value) = scanner.value_after(&[&["!="], &["is", "not"]]) {
            return Ok(Self::NotEqual { key: checked_key(key)?, value: checked_value(value)? });
        }
        if let Some(values) = list(scanner, &["in", "("]) {
            return Ok(Self::In { key: checked_key(key)?, values: checked_values(values)? });
        }
        if let Some(values) = list(scanner, &["not", "in", "("]) {
            return Ok(Self::NotIn { key: checked_key(key)?, values: checked_values(values)? });
        }
        Err(Error::Syntax)
    }
}

/// The values up to the closing bracket. Any number of commas may trail, none may lead.
fn list<'a>(mut scanner: Scanner<'a>, opening: &[&str]) -> Option<Vec<&'a str>> {
    scanner.words(opening)?;
    let mut values = vec![scanner.token()?];
    let mut may_continue = true;
    while scanner.words(&[","]).is_some() {
        let mut ahead = scanner;
        match ahead.token() {
            Some(_) if !may_continue => return None,
            Some(value) => {
                values.push(value);
                scanner = ahead;
            }
            None => may_continue = false,
        }
    }
    scanner.words(&[")"])?;
    scanner.end()?;
    Some(values)
}

fn checked_values(values: Vec<&str>) -> Result<Vec<String>, Error> {
    values.into_iter().map(checked_value).collect()
}

impl fmt::Display for LabelConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal { key, value } => write!(f, "{key} is {value}"),
            Self::NotEqual { key, value } => write!(f, "{key} is not {value}"),
            Self::In { key, values } => write!(f, "{key} in ({})", values.join(", ")),
            Self::NotIn { key, values } => write!(f, "{key} not in ({})", values.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;
