//! What a metric is worth: raw values become numbers between 0 and 1, and references to metrics become a rating.

mod rating;
mod reading;

pub use rating::{Rating, Term, rate};
pub use reading::{MetricKey, Reading, Readings, Worth};

use krake_crds::{core::MetricSpec, reason::ReasonCode};

/// Why a value does not count. `Display` is the same as long as the cause is: it does not show the value, which can be
/// another one each time.
#[derive(thiserror::Error, Clone, Debug, PartialEq)]
pub enum Invalid {
    /// The metric itself has no range.
    #[error("its range is empty: min is {min} and max is {max}")]
    NoRange {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// The value is outside of the range, or no number at all.
    #[error("its value is not between {min} and {max}")]
    OutOfRange {
        /// The value.
        value: f64,
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// The value is none of those that are allowed.
    #[error("its value is none of the allowed ones")]
    NotAllowed(f64),
}

impl Invalid {
    /// Krake's reason code.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        ReasonCode::InvalidMetric
    }
}

/// The value as a part of the metric's range: `(value - min) / (max - min)`.
///
/// # Errors
/// When the value does not count. NaN and the infinities never do.
pub fn normalise(spec: &MetricSpec, value: f64) -> Result<f64, Invalid> {
    let (min, max) = (spec.min, spec.max);
    if !(min.is_finite() && max.is_finite() && min < max) {
        return Err(Invalid::NoRange { min, max });
    }
    if !(min..=max).contains(&value) {
        return Err(Invalid::OutOfRange { value, min, max });
    }
    // -0 is 0.
    let value = value + 0.0;
    #[expect(clippy::cast_precision_loss, reason = "Krake compares allowed integers with the value as a float, too")]
    let is_allowed = |allowed: &i64| (*allowed as f64).total_cmp(&value).is_eq();
    if !spec.allowed_values.is_empty() && !spec.allowed_values.iter().any(is_allowed) {
        return Err(Invalid::NotAllowed(value));
    }
    Ok((value - min) / (max - min))
}

#[cfg(test)]
mod tests;
