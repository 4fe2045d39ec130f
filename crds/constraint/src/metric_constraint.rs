//! `load is 1`, `load is not 1`, `load greater than 1`, `load greater than or equal 1`, `load less than 1`,
//! `load less than or equal 1`, and the same with `=`, `!=`, `>`, `>=`, `<`, `<=`.
//!
//! Wider than the parser of the original: it also takes the spellings of the original's documentation (`less than`,
//! `is greater than`, `or equal to`, `equals`), `load>5` without blanks, and numbers that are no label values (`-1`,
//! `.5`). Narrower in one point: the value must be a number. The original takes `load > abc` too, and its scheduler
//! fails on it.

use std::{fmt, str::FromStr};

use crate::{Error, checked_key, label, scanner::Scanner};

/// What a metric must say for a place to be suitable.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricConstraint {
    metric: String,
    comparison: Comparison,
    /// The number as it was written: `5` and `5.0` are different constraints, as they are to the original.
    number: String,
    value: f64,
}

/// Its only number is finite.
impl Eq for MetricConstraint {}

/// How a metric is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A comparison and all its spellings, each a sequence of words.
type Alternative = (Comparison, &'static [&'static [&'static str]]);

const ALTERNATIVES: [Alternative; 6] = [
    (Comparison::Equal, &[&["=="], &["="], &["is"], &["equals"]]),
    (Comparison::NotEqual, &[&["!="], &["is", "not"]]),
    (Comparison::Greater, &[&[">"], &["gt"], &["is?", "greater", "than"]]),
    (Comparison::GreaterOrEqual, &[&[">="], &["=>"], &["gte"], &["is?", "greater", "than", "or", "equal", "to?"]]),
    (Comparison::Less, &[&["<"], &["lt"], &["is?", "lesser", "than"], &["is?", "less", "than"]]),
    (
        Comparison::LessOrEqual,
        &[
            &["<="],
            &["=<"],
            &["lte"],
            &["is?", "lesser", "than", "or", "equal", "to?"],
            &["is?", "less", "than", "or", "equal", "to?"],
        ],
    ),
];

const PUNCTUATION: &[char] = &[',', '(', ')', '=', '!', '<', '>'];

/// Digits of a number before its point, and after it. As many as a label value has characters.
const MOST_DIGITS: usize = 63;

/// Digits of a number's exponent. So few that every number is finite, which a regular expression can check as well.
const MOST_EXPONENT_DIGITS: usize = 2;

impl MetricConstraint {
    /// Krake's name of the metric.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.metric
    }

    /// How the metric is compared.
    #[must_use]
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// What the metric is compared with; finite.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Whether a metric satisfies the constraint. `left` is its normalised value times its weight. Numbers are compared
    /// as they are, without a tolerance, as the original does; NaN satisfies nothing.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the language compares exactly; its documentation says so")]
    pub fn matches(&self, left: f64) -> bool {
        match self.comparison {
            Comparison::Equal => left == self.value,
            Comparison::NotEqual => left != self.value && !left.is_nan(),
            Comparison::Greater => left > self.value,
            Comparison::GreaterOrEqual => left >= self.value,
            Comparison::Less => left < self.value,
            Comparison::LessOrEqual => left <= self.value,
        }
    }
}

impl FromStr for MetricConstraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text, PUNCTUATION);
        let metric = scanner.token().ok_or(Error::Syntax)?;
        let mut unreadable = Error::Syntax;
        for (comparison, spellings) in ALTERNATIVES {
            let Some(number) = scanner.value_after(spellings) else { continue };
            let metric = checked_key(metric)?;
            match value_of(number) {
                Some(value) => return Ok(Self { metric, comparison, number: number.into(), value }),
                // A later alternative may still read it: `m isnot5` is no `m is` with the value `not5`.
                None if unreadable == Error::Syntax => unreadable = not_a_number(number),
                None => {}
            }
        }
        Err(unreadable)
    }
}

fn value_of(number: &str) -> Option<f64> {
    let (mantissa, exponent) = match unsigned(number).split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(unsigned(exponent))),
        None => (unsigned(number), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or(("", mantissa));
    let is_bounded = are_digits(whole, MOST_DIGITS)
        && !fraction.is_empty()
        && are_digits(fraction, MOST_DIGITS)
        && exponent.is_none_or(|exponent| are_digits(exponent, MOST_EXPONENT_DIGITS));
    if is_bounded { number.parse().ok() } else { None }
}

fn unsigned(number: &str) -> &str {
    number.strip_prefix(['+', '-']).unwrap_or(number)
}

fn are_digits(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn not_a_number(value: &str) -> Error {
    if label::is_value(value) { Error::Number(value.into()) } else { Error::Value(value.into()) }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "is",
            Self::NotEqual => "is not",
            Self::Greater => "greater than",
            Self::GreaterOrEqual => "greater than or equal",
            Self::Less => "lesser than",
            Self::LessOrEqual => "lesser than or equal",
        })
    }
}

/// In the spelling of the original, which it can read back.
impl fmt::Display for MetricConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.number)
    }
}

#[cfg(test)]
mod tests;
