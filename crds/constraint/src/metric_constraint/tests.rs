use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::schema::METRIC_PATTERN;

/// The pattern of the CRDs as its engine reads it, where `\w` is ASCII.
static PATTERN: LazyLock<regex::bytes::Regex> =
    LazyLock::new(|| regex::bytes::Regex::new(&format!("(?-u){METRIC_PATTERN}")).unwrap());

fn check(texts: &[&str], comparison: Comparison, number: &str) {
    for text in texts {
        let constraint: MetricConstraint = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!((constraint.key(), constraint.comparison()), ("m", comparison), "{text:?}");
        assert_eq!(constraint.number, number, "{text:?}");
        assert!(PATTERN.is_match(text.as_bytes()), "the CRD's pattern on {text:?}");
    }
}

fn refused(texts: &[&str], expected: &Error) {
    for text in texts {
        assert_eq!(text.parse::<MetricConstraint>().as_ref(), Err(expected), "{text:?}");
        assert!(!PATTERN.is_match(text.as_bytes()), "the CRD's pattern on {text:?}");
    }
}

#[test]
fn forms_of_the_original() {
    check(&["m is 5", "m = 5", "m == 5", "m=5", "m==5", "  m  is   5  ", "m is5", "m \tis 5"], Comparison::Equal, "5");
    check(&["m is not 5", "m != 5", "m!=5", "m isnot 5", "m is\tnot 5"], Comparison::NotEqual, "5");
    check(&["m > 5", "m >5", "m gt 5", "m gt5", "m greater than 5", "m greaterthan 5"], Comparison::Greater, "5");
    check(
        &["m >= 5", "m >=5", "m => 5", "m gte 5", "m greater than or equal 5", "m greaterthanor equal 5"],
        Comparison::GreaterOrEqual,
        "5",
    );
    check(&["m < 5", "m <5", "m lt 5", "m lt5", "m lesser than 5"], Comparison::Less, "5");
    check(&["m <= 5", "m <=5", "m =< 5", "m lte 5", "m lesser than or equal 5"], Comparison::LessOrEqual, "5");
    check(&["m > 1e3"], Comparison::Greater, "1e3");
    check(&["m > 5.5"], Comparison::Greater, "5.5");
}

#[test]
fn forms_of_its_documentation() {
    check(&["m equals 5"], Comparison::Equal, "5");
    check(&["m is greater than 5"], Comparison::Greater, "5");
    check(
        &["m is greater than or equal 5", "m is greater than or equal to 5", "m greater than or equal to 5"],
        Comparison::GreaterOrEqual,
        "5",
    );
    check(&["m less than 5", "m is less than 5", "m is lesser than 5"], Comparison::Less, "5");
    check(
        &[
            "m less than or equal 5",
            "m less than or equal to 5",
            "m lesser than or equal to 5",
            "m is less than or equal 5",
            "m is lesser than or equal 5",
            "m is less than or equal to 5",
            "m is lesser than or equal to 5",
        ],
        Comparison::LessOrEqual,
        "5",
    );
}

#[test]
fn signs_need_no_blanks() {
    check(&["m>5", "m> 5"], Comparison::Greater, "5");
    check(&["m>=5", "m=>5", "m =>5", "m>= 5"], Comparison::GreaterOrEqual, "5");
    check(&["m<5", "m< 5"], Comparison::Less, "5");
    check(&["m<=5", "m=<5", "m =<5"], Comparison::LessOrEqual, "5");
    check(&["m!=-5"], Comparison::NotEqual, "-5");
}

#[test]
fn words_glued_to_a_number_are_read_as_meant() {
    check(&["m gte5", "m greaterthanorequal5", "m isgreaterthanorequalto5"], Comparison::GreaterOrEqual, "5");
    check(&["m lte5", "m lessthanorequal5"], Comparison::LessOrEqual, "5");
    check(&["m isnot5"], Comparison::NotEqual, "5");
}

#[test]
#[expect(clippy::float_cmp, reason = "the literals are the same numbers")]
fn numbers() {
    let longest = "9".repeat(63);
    let huge = format!("-{longest}.{longest}e99");
    for (number, value) in [
        ("0", 0.0),
        (".5", 0.5),
        ("0.5", 0.5),
        ("-0.5", -0.5),
        ("-1", -1.0),
        ("+1", 1.0),
        ("007", 7.0),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("-.5e-1", -0.05),
        (&longest, 1e63),
        (&huge, -1e162),
    ] {
        let text = format!("m < {number}");
        check(&[&text], Comparison::Less, number);
        assert_eq!(text.parse::<MetricConstraint>().unwrap().value(), value, "{number}");
    }
}

#[test]
fn a_value_that_is_no_finite_number_is_refused() {
    let long = "1".repeat(64);
    for value in ["abc", "_", "e5", "nan", "NaN", "inf", "infinity", "1e999", "1_000", "0x1F", "1.2.3", "not", "1e"] {
        refused(&[&format!("m > {value}"), &format!("m is {value}")], &Error::Number(value.into()));
    }
    for value in ["$", "5%", "-", "+-5", ".", "5.", "-inf", "1e+", "1e1.5.", "\t5", "5\t", "٣", &long] {
        refused(&[&format!("m > {value}")], &Error::Value(value.into()));
    }
    refused(&["m is less"], &Error::Number("less".into()));
    refused(&["m gtenough"], &Error::Number("enough".into()));
}

#[test]
fn unknown_forms() {
    refused(
        &[
            "",
            "m",
            "m 5",
            "m more than 5",
            "> 5",
            "m >> 5",
            "m<>5",
            "m GT 5",
            "m ge 5",
            "m in (1)",
            "m > = 5",
            "m = > 5",
            "m = >5",
            "m === 5",
            "m > 5,5",
            "m > 5 6",
            "m is not greater than 5",
            "m is greater 5",
            "m greater or equal 5",
            "m equal to 5",
            "m >",
            "mis 5",
        ],
        &Error::Syntax,
    );
}

#[test]
fn bad_keys_are_reported_before_bad_values() {
    let long = "k".repeat(64);
    for key in ["-a", "x/y/z", "a:", "ä", ".", "\ta", &long] {
        refused(&[&format!("{key} is 5"), &format!("{key}>5"), &format!("{key} == $")], &Error::Key(key.into()));
    }
}

#[test]
fn the_weighted_value_is_compared_exactly() {
    // Value 2 of 0 to 5, weight 3: 1.2000000000000002.
    let heat = 3.0 * ((2.0 - 0.0) / (5.0 - 0.0));
    for text in ["heat > 1", "heat gt 1.2", "heat >= 1.2", "heat < 2", "heat <= 2", "heat != 1.2"] {
        assert!(text.parse::<MetricConstraint>().unwrap().matches(heat), "{text}");
    }
    for text in ["heat = 1.2", "heat = 2", "heat <= 1.2", "heat < 1.2", "heat >= 2", "heat < -2"] {
        assert!(!text.parse::<MetricConstraint>().unwrap().matches(heat), "{text}");
    }
    let load: MetricConstraint = "load > 5".parse().unwrap();
    assert!(load.matches(6.0));
    assert!(!load.matches(5.0));
    assert!("load = 5".parse::<MetricConstraint>().unwrap().matches(5.0));
    assert!("load = 0".parse::<MetricConstraint>().unwrap().matches(-0.0));
}

#[test]
fn nan_satisfies_nothing() {
    for sign in ["=", "!=", ">", ">=", "<", "<="] {
        let constraint: MetricConstraint = format!("load {sign} 1").parse().unwrap();
        assert!(!constraint.matches(f64::NAN), "{constraint}");
    }
}

#[test]
fn the_number_counts_as_it_was_written() {
    let constraint: MetricConstraint = "load>5.0".parse().unwrap();
    assert_eq!(constraint, "load greater than 5.0".parse().unwrap());
    assert_ne!(constraint, "load > 5".parse().unwrap());
    assert_eq!(constraint.to_string(), "load greater than 5.0");
}

proptest! {
    #[test]
    fn what_is_displayed_reads_back(
        metric in "is|than|e5|[a-z0-9_]{1,4}|[a-z]/[a-z]",
        blanks in " {1,2}",
        operator in proptest::sample::select(ALTERNATIVES.map(|(_, spellings)| spellings).concat()),
        number in "[+-]?([0-9]{0,3}\\.)?[0-9]{1,4}([eE][+-]?[0-9]{1,2})?",
    ) {
        let words: Vec<_> = operator.iter().map(|word| word.trim_end_matches('?')).collect();
        let text = format!("{metric}{blanks}{}{blanks}{number}", words.join(&blanks));
        let constraint: MetricConstraint = text.parse().unwrap();
        let displayed = constraint.to_string();
        prop_assert!(PATTERN.is_match(displayed.as_bytes()));
        prop_assert_eq!(displayed.parse(), Ok(constraint));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_pattern_of_the_crds_accepts_what_the_parser_accepts(
        pieces in proptest::collection::vec(
            "[ ]{0,2}|\t|is|not|equals|gte?|lte?|greater|less|lesser|than|or|equal|to|[<>=!]|[+.-]|e|[0-9]{1,3}|5{62}|m|ä|\n",
            0..8,
        ),
        head in prop_oneof![Just(""), Just("m"), Just("m "), Just("m is"), Just("m > "), Just("m less than "), Just("m>=")],
        tail in prop_oneof![Just(""), Just("5"), Just(" 5"), Just(".5 "), Just("1e3")],
    ) {
        let text = format!("{head}{}{tail}", pieces.concat());
        let parsed = text.parse::<MetricConstraint>();
        prop_assert_eq!(PATTERN.is_match(text.as_bytes()), parsed.is_ok(), "{:?}", text);
        if let Ok(constraint) = parsed {
            prop_assert!(constraint.value().is_finite());
            prop_assert_eq!(constraint.to_string().parse(), Ok(constraint));
        }
    }
}
