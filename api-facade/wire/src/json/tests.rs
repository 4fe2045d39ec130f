use proptest::prelude::*;

use super::*;

fn reprint(text: &str) -> Result<String, SyntaxErrorKind> {
    let value = parse(text.as_bytes()).map_err(|error| error.kind)?;
    let mut out = Vec::new();
    write(&value, &mut out);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn what_is_written_is_what_python_would_write() {
    for (given, expected) in [
        (
            r#"{"z":1,"a":null,"b":2.0,"c":12345678901234567890123}"#,
            r#"{"z": 1, "a": null, "b": 2.0, "c": 12345678901234567890123}"#,
        ),
        ("[1e5, 1E-7, 1e22, -0.0, -0, 0]", "[100000.0, 1e-07, 1e+22, -0.0, 0, 0]"),
        (
            "[9223372036854775807, 9223372036854775808, -9223372036854775809]",
            "[9223372036854775807, 9223372036854775808, -9223372036854775809]",
        ),
        (r#" {"a" : [ ] , "b" : { } } "#, r#"{"a": [], "b": {}}"#),
        (
            r#""ü 漢 😀 \ud83d\ude00 \u007f\u0000\b\f\/""#,
            r#""\u00fc \u6f22 \ud83d\ude00 \ud83d\ude00 \u007f\u0000\b\f/""#,
        ),
        (r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a": 3, "b": 2}"#),
        ("\t\r\n true ", "true"),
    ] {
        assert_eq!(reprint(given).as_deref(), Ok(expected), "{given}");
    }
}

#[test]
fn what_is_no_json_is_refused() {
    use SyntaxErrorKind::*;
    for (given, expected) in [
        ("", UnexpectedEnd),
        ("  ", UnexpectedEnd),
        ("{", UnexpectedEnd),
        ("[1,", UnexpectedEnd),
        ("\"a", UnexpectedEnd),
        ("\"\\", UnexpectedEnd),
        ("[1,]", UnexpectedCharacter),
        ("{\"a\":1,}", UnexpectedCharacter),
        ("{a: 1}", UnexpectedCharacter),
        ("nul", UnexpectedCharacter),
        ("NaN", UnexpectedCharacter),
        ("-Infinity", UnexpectedCharacter),
        ("\u{feff}{}", UnexpectedCharacter),
        ("\"a\nb\"", UnexpectedCharacter),
        ("1.", UnexpectedEnd),
        (".5", UnexpectedCharacter),
        ("01", TrailingCharacters),
        ("{} x", TrailingCharacters),
        ("nulll", TrailingCharacters),
        ("1e400", NumberTooLarge),
        (r#""\x""#, InvalidEscape),
        (r#""\u12g4""#, InvalidEscape),
        (r#""\u+123""#, InvalidEscape),
        (r#""\ud800""#, LoneSurrogate),
        (r#""\ud800\u0041""#, LoneSurrogate),
        (r#""\udc00""#, LoneSurrogate),
    ] {
        assert_eq!(reprint(given), Err(expected), "{given}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err(), SyntaxError { offset: 1, kind: NotUtf8 });
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(reprint(&nested(MAX_DEPTH + 1)), Err(SyntaxErrorKind::TooDeep));
    assert_eq!(reprint(&"[".repeat(1_000_000)), Err(SyntaxErrorKind::TooDeep));
}

#[test]
fn equality_is_by_value() {
    let equal = |one: &str, two: &str| parse(one.as_bytes()).unwrap() == parse(two.as_bytes()).unwrap();
    assert!(equal("1", "1.0"));
    assert!(equal("0", "-0.0"));
    assert!(equal("10000000000000000000000", "1e22"));
    assert!(equal(r#"{"a": 1, "b": [2]}"#, r#"{"b": [2.0], "a": 1}"#));
    assert!(!equal("9007199254740993", "9007199254740992.0"));
    assert!(!equal("true", "1"));
    assert!(!equal("null", "false"));
    assert!(!equal("[1, 2]", "[2, 1]"));
    assert!(!equal("1", "1.5"));
}

#[test]
fn what_python_calls_false_is_falsy() {
    for text in ["null", "false", "0", "0.0", "\"\"", "[]", "{}"] {
        assert!(parse(text.as_bytes()).unwrap().is_falsy(), "{text}");
    }
    for text in ["true", "1", "99999999999999999999", "0.1", "\"0\"", "[0]", "{\"\": 0}"] {
        assert!(!parse(text.as_bytes()).unwrap().is_falsy(), "{text}");
    }
}

#[test]
fn other_json_values_keep_all_but_huge_integers() {
    let text = r#"{"z": [1, 2.0, null, true, "x", 18446744073709551615, -5], "a": {}}"#;
    let value = parse(text.as_bytes()).unwrap();
    let other = serde_json::Value::from(&value);
    let mut out = Vec::new();
    write(&Json::from(&other), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), text);
    assert_eq!(serde_json::Value::from(&Json::BigInt("1".repeat(23))), serde_json::json!(1.111_111_111_111_111_1e22));
}

fn values() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        "-?[1-9][0-9]{19,40}".prop_map(Json::BigInt),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Json::Float),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_survive_being_written_and_read(value in values()) {
        let mut once = Vec::new();
        write(&value, &mut once);
        let read = parse(&once).unwrap();
        prop_assert_eq!(&read, &value);
        let mut twice = Vec::new();
        write(&read, &mut twice);
        prop_assert_eq!(String::from_utf8(once), String::from_utf8(twice));
    }

    #[test]
    fn what_is_written_is_json_to_others(value in values()) {
        let mut out = Vec::new();
        write(&value, &mut out);
        prop_assert!(out.is_ascii());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]{}:,\"\\\\u0-9eE+.\\-truefalsn \u{fc}]{0,40}") {
        let _ = parse(text.as_bytes());
    }
}
