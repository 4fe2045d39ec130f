//! `load is 1`, `load is not 1`, `load greater than 1`, `load greater than or equal 1`, `load lesser than 1`,
//! `load lesser than or equal 1`.

use std::{fmt, str::FromStr};

use crate::{Error, checked_key, checked_value, label_constraint::single, scanner::Scanner};

/// What a metric must say for a place to be suitable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricConstraint {
    /// Krake's name of the metric.
    pub metric: String,
    /// How the metric is compared.
    pub comparison: Comparison,
    /// What it is compared with. Any label value passes the parser; only a number can ever match.
    pub value: String,
}

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

/// In the order in which they are tried; the order decides about texts such as `m gte5`.
const ALTERNATIVES: [Alternative; 6] = [
    (Comparison::Equal, &[&["=="], &["="], &["is"]]),
    (Comparison::NotEqual, &[&["!="], &["is", "not"]]),
    (Comparison::Greater, &[&[">"], &["gt"], &["greater", "than"]]),
    (Comparison::GreaterOrEqual, &[&[">="], &["=>"], &["gte"], &["greater", "than", "or", "equal"]]),
    (Comparison::Less, &[&["<"], &["lt"], &["lesser", "than"]]),
    (Comparison::LessOrEqual, &[&["<="], &["=<"], &["lte"], &["lesser", "than", "or", "equal"]]),
];

impl MetricConstraint {
    /// Whether a metric of this value satisfies the constraint. Nothing satisfies one whose own value is no number.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the language compares exactly; its documentation says so")]
    pub fn matches(&self, value: f64) -> bool {
        let Some(limit) = self.number() else { return false };
        match self.comparison {
            Comparison::Equal => value == limit,
            Comparison::NotEqual => value != limit,
            Comparison::Greater => value > limit,
            Comparison::GreaterOrEqual => value >= limit,
            Comparison::Less => value < limit,
            Comparison::LessOrEqual => value <= limit,
        }
    }

    /// The value as a number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.value.parse().ok().filter(|number: &f64| !number.is_nan())
    }
}

impl FromStr for MetricConstraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scanner = Scanner::new(text);
        let metric = scanner.token().ok_or(Error::Syntax)?;
        let (comparison, value) = ALTERNATIVES
            .iter()
            .find_map(|(comparison, spellings)| Some((*comparison, single(scanner, spellings)?)))
            .ok_or(Error::Syntax)?;
        Ok(Self { metric: checked_key(metric)?, comparison, value: checked_value(value)? })
    }
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

impl fmt::Display for MetricConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(texts: &[&str], comparison: Comparison, value: &str) {
        for text in texts {
            let expected = MetricConstraint { metric: "m".into(), comparison, value: value.into() };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    fn refused(texts: &[&str], expected: &Error) {
        for text in texts {
            assert_eq!(text.parse::<MetricConstraint>().as_ref(), Err(expected), "{text}");
        }
    }

    #[test]
    fn accepted_forms() {
        check(&["m is 5", "m = 5", "m=5", "m==5"], Comparison::Equal, "5");
        check(&["m is not 5", "m != 5", "m!=5"], Comparison::NotEqual, "5");
        check(&["m > 5", "m >5", "m gt 5", "m gt5", "m greater than 5", "m greaterthan 5"], Comparison::Greater, "5");
        check(
            &["m >= 5", "m >=5", "m => 5", "m gte 5", "m greater than or equal 5", "m greaterthanorequal 5"],
            Comparison::GreaterOrEqual,
            "5",
        );
        check(&["m < 5", "m <5", "m lt 5", "m lesser than 5"], Comparison::Less, "5");
        check(&["m <= 5", "m <=5", "m =< 5", "m lte 5", "m lesser than or equal 5"], Comparison::LessOrEqual, "5");
    }

    #[test]
    fn the_order_of_the_alternatives_decides() {
        check(&["m gte5"], Comparison::Greater, "e5");
        check(&["m lte5"], Comparison::Less, "e5");
        check(&["m lte"], Comparison::Less, "e");
        check(&["m greaterthanorequal5"], Comparison::Greater, "orequal5");
    }

    #[test]
    fn values_need_not_be_numbers() {
        for value in ["5.5", "1e3", "abc", "_"] {
            check(&[&format!("m > {value}")], Comparison::Greater, value);
        }
    }

    #[test]
    fn glued_operators_end_up_in_keys_and_values() {
        refused(&["m=>5", "m =>5", "m = >5"], &Error::Value(">5".into()));
        refused(&["m=<5", "m =<5"], &Error::Value("<5".into()));
        refused(&["m>=5"], &Error::Key("m>".into()));
        refused(&["m<=5"], &Error::Key("m<".into()));
        for value in ["-5", "+5", "5%"] {
            refused(&[&format!("m > {value}")], &Error::Value(value.into()));
        }
    }

    #[test]
    fn unknown_forms() {
        refused(
            &[
                "m>5",
                "m> 5",
                "m is greater than 5",
                "m greater than or equal to 5",
                "m less than 5",
                "m GT 5",
                "m ge 5",
                "m equals 5",
                "m in (1)",
                "m > = 5",
                "m > 5,5",
                "",
                "m",
            ],
            &Error::Syntax,
        );
    }

    #[test]
    fn comparisons_are_exact() {
        let heat = 3.0 * (2.0 / 5.0);
        for text in ["heat > 1", "heat gt 1.2", "heat >= 1.2", "heat < 2", "heat != 1.2"] {
            assert!(text.parse::<MetricConstraint>().unwrap().matches(heat), "{text}");
        }
        for text in ["heat = 1.2", "heat = 2", "heat > abc", "heat != abc", "heat != nan"] {
            assert!(!text.parse::<MetricConstraint>().unwrap().matches(heat), "{text}");
        }
        let load: MetricConstraint = "load > 5".parse().unwrap();
        assert!(load.matches(6.0));
        assert!(!load.matches(5.0));
    }

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(
            metric in "is|than|[a-z0-9_]{1,4}|[a-z]/[a-z]",
            value in "or|not|orequal5|e5|[a-z0-9_]|[0-9][0-9.-]{0,6}[0-9]",
            index in 0..ALTERNATIVES.len(),
        ) {
            let constraint = MetricConstraint { metric, comparison: ALTERNATIVES[index].0, value };
            prop_assert_eq!(constraint.to_string().parse(), Ok(constraint));
        }
    }
}
