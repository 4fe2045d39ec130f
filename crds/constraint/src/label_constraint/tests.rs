use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::schema::LABEL_PATTERN;

fn equal(key: &str, value: &str) -> LabelConstraint {
    LabelConstraint::Equal { key: key.into(), value: value.into() }
}

fn not_equal(key: &str, value: &str) -> LabelConstraint {
    LabelConstraint::NotEqual { key: key.into(), value: value.into() }
}

fn is_in(key: &str, values: &[&str]) -> LabelConstraint {
    LabelConstraint::In { key: key.into(), values: values.iter().map(|&value| value.into()).collect() }
}

fn not_in(key: &str, values: &[&str]) -> LabelConstraint {
    LabelConstraint::NotIn { key: key.into(), values: values.iter().map(|&value| value.into()).collect() }
}

/// The pattern of the CRDs as its engine reads it, where `\w` is ASCII.
static PATTERN: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::RegexBuilder::new(&format!("(?-u){LABEL_PATTERN}")).size_limit(1 << 26).build().unwrap()
});

fn check(texts: &[&str], expected: &Result<LabelConstraint, Error>) {
    for text in texts {
        assert_eq!(&text.parse::<LabelConstraint>(), expected, "{text:?}");
        assert_eq!(PATTERN.is_match(text.as_bytes()), expected.is_ok(), "the CRD's pattern on {text:?}");
    }
}

#[test]
fn accepted_forms() {
    check(&["a is b", "a = b", "a == b", "a=b", "a==b", "  a  is   b  ", "a isb", "a= b"], &Ok(equal("a", "b")));
    check(&["a is not b", "a != b", "a!=b", "a isnot b", "a is\tnot b"], &Ok(not_equal("a", "b")));
    check(&["a is not"], &Ok(equal("a", "not")));
    check(&["a is notb", "a isnotb"], &Ok(equal("a", "notb")));
    check(&["a in (b)", "a in(b)", "a in (b,)", "a in\t(b)\t"], &Ok(is_in("a", &["b"])));
    check(
        &["a in (b,c)", "a in (b, c,)", "a in (b,c,,)", "a in ( b , c )", "a in (b,c, ,)"],
        &Ok(is_in("a", &["b", "c"])),
    );
    check(&["a not in (b, c)", "a not  in(b, c)", "a notin (b, c)"], &Ok(not_in("a", &["b", "c"])));
    check(&["in in (in)"], &Ok(is_in("in", &["in"])));
    check(&["is is is"], &Ok(equal("is", "is")));
    check(&["not not in (not)"], &Ok(not_in("not", &["not"])));
    check(&["is is not is"], &Ok(not_equal("is", "is")));
    check(&["x.y/z is v"], &Ok(equal("x.y/z", "v")));
    check(&["a/b is c"], &Ok(equal("a/b", "c")));
    check(&["a.b_c-d/e is f-g_h.i"], &Ok(equal("a.b_c-d/e", "f-g_h.i")));
    check(&["location in (DE, UK)", "location in (DE,UK,)"], &Ok(is_in("location", &["DE", "UK"])));
    check(&["location not in (DE,)", "location notin (DE)"], &Ok(not_in("location", &["DE"])));
    check(&["a \tis b", "a is b \t"], &Ok(equal("a", "b")));
}

#[test]
fn unknown_forms() {
    check(
        &[
            "",
            "a",
            "a is",
            "a IS b",
            "a In (b)",
            "a not b",
            "a ! = b",
            "a = = b",
            "a === b",
            "a in ()",
            "a in (,b)",
            "a in (b,,c)",
            "a in (b c)",
            "a in b",
            "a in (b",
            "a is b c",
            "a is b, c",
            "a in (b) c",
            "a > b",
            "ais b",
            "location in (,)",
            "location not in (DE UK)",
            "location < DE",
            "location is DE!",
            "a location = DE",
            "location in [DE, SK)",
        ],
        &Err(Error::Syntax),
    );
}

#[test]
fn bad_keys() {
    let long = "k".repeat(64);
    let long_prefix = format!("{}/k", "p".repeat(254));
    for key in ["-a", "x/y/z", "a:", "ä", ".", "\ta", &long, &long_prefix] {
        check(&[&format!("{key} is b"), &format!("{key} == DE")], &Err(Error::Key(key.into())));
    }
}

#[test]
fn bad_values() {
    let long = "v".repeat(64);
    for value in ["$", "x/y", "-b", "b-", "ä", "b\n", ".", "$DE", "\tb", &long] {
        check(&[&format!("a is {value}"), &format!("x = {value}")], &Err(Error::Value(value.into())));
    }
    check(&["a in (b, -c)"], &Err(Error::Value("-c".into())));
    check(&["location in (DE-, SK)"], &Err(Error::Value("DE-".into())));
    check(&["location in (DE,\t)"], &Err(Error::Value("\t".into())));
    let glued = format!("not{}", "v".repeat(63));
    check(&[&format!("a is {glued}")], &Err(Error::Value(glued.clone())));
}

#[test]
fn a_bad_key_is_reported_before_a_bad_value() {
    check(&["-a is -b"], &Err(Error::Key("-a".into())));
}

#[test]
fn an_absent_label_never_matches() {
    let labels = BTreeMap::from([("location".into(), "DE".into())]);
    for (text, expected) in [
        ("location is DE", true),
        ("location is IT", false),
        ("location is not IT", true),
        ("location is not DE", false),
        ("location in (DE, SK)", true),
        ("location in (SK)", false),
        ("location not in (SK)", true),
        ("location not in (SK, DE)", false),
        ("tier is gold", false),
        ("tier is not gold", false),
        ("tier in (gold)", false),
        ("tier not in (gold)", false),
    ] {
        assert_eq!(text.parse::<LabelConstraint>().unwrap().matches(&labels), expected, "{text}");
    }
}

fn value() -> impl Strategy<Value = String> {
    "is|in|not|notin|[a-z0-9_]|[a-z0-9_][a-z0-9_.-]{0,6}[a-z0-9_]|v{63}"
}

fn constraint() -> impl Strategy<Value = LabelConstraint> {
    let key = prop_oneof![value(), (value(), value()).prop_map(|(prefix, name)| format!("{prefix}/{name}"))];
    let values = proptest::collection::vec(value(), 1..4);
    (key, value(), values, 0..4).prop_map(|(key, value, values, form)| match form {
        0 => LabelConstraint::Equal { key, value },
        1 => LabelConstraint::NotEqual { key, value },
        2 => LabelConstraint::In { key, values },
        _ => LabelConstraint::NotIn { key, values },
    })
}

proptest! {
    #[test]
    fn what_is_displayed_reads_back(constraint in constraint()) {
        let text = constraint.to_string();
        prop_assert_eq!(text.parse(), Ok(constraint));
        prop_assert!(PATTERN.is_match(text.as_bytes()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_pattern_of_the_crds_accepts_what_the_parser_accepts(
        pieces in proptest::collection::vec(
            "[ ]{0,2}|\t|is|not|in|=|==|!=|\\(|\\)|,|a|b-|-b|x/y|/|ä|\n|v{61}|[a-c]{1,3}", 0..10,
        ),
        head in prop_oneof![Just(""), Just("a "), Just("a is "), Just("a in (b"), Just("a not in ("), Just("a=")],
        tail in prop_oneof![Just(""), Just(")"), Just(" b")],
    ) {
        let text = format!("{head}{}{tail}", pieces.concat());
        prop_assert_eq!(PATTERN.is_match(text.as_bytes()), text.parse::<LabelConstraint>().is_ok(), "{:?}", text);
    }
}
