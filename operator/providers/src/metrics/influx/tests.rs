use krake_crds::{core::metrics_provider::MetricsProviderType, reason::ReasonCode};
use proptest::prelude::*;
use serde_json::Value;

use super::super::{
    Values,
    mock::{Mock, TOKEN, spec, try_source},
};
use super::*;

const HEADER: &str = ",result,table,_start,_stop,_time,_value,_field,_measurement";

/// A table with one record.
fn one(value: &str) -> String {
    let times = "2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,2026-01-01T00:30:00Z";
    format!("{HEADER}\r\n,_result,0,{times},{value},used,load\r\n\r\n")
}

async fn read(status: u16, media_type: &'static str, body: &str) -> Result<Values, Error> {
    let mock = Mock::answering(status, media_type, body).await;
    mock.source(MetricsProviderType::Influx).read("load").await
}

async fn csv(body: &str) -> Result<Values, Error> {
    read(200, "text/csv; charset=utf-8", body).await
}

#[tokio::test]
async fn the_last_value_of_the_measurement_is_asked_in_flux() {
    let mock = Mock::answering(200, "text/csv; charset=utf-8", one("0.9")).await;
    let read = mock.source(MetricsProviderType::Influx).read("a \"load\"").await;
    assert_eq!(read.unwrap(), Values::One(0.9));
    let asked = mock.asked();
    assert_eq!((asked.method, asked.target.as_str()), (Method::POST, "/api/v2/query?org=our+org"));
    assert_eq!(asked.headers["authorization"], format!("Token {TOKEN}"));
    assert_eq!(asked.headers["content-type"], "application/json");
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let measurement = r#"filter(fn: (r) => r._measurement == "a \"load\"")"#;
    let query = format!(r#"from(bucket: "loads") |> range(start: -1h) |> {measurement} |> last()"#);
    assert_eq!(body, json!({ "query": query, "type": "flux", "dialect": { "header": true } }));
}

#[tokio::test]
async fn the_first_record_of_the_first_table_counts() {
    let annotations = "#group,false,false,true,true,false,false,true,true\r\n#default,_result,,,,,,,\r\n";
    let plain = one("0.9");
    let bodies = [
        plain.clone(),
        format!("{annotations}{plain}"),
        format!("{}{}", plain, one("7")),
        plain.replace("\r\n", "\n"),
        format!("{HEADER}\r\n,_result,0,\"a,\"\"b\"\"\r\n\",,,\"0.9\",used,load"),
        format!("{HEADER}\r\n,_result,0,,,,0.9,used,load\r\n,_result,1,,,,7,free,load\r\n"),
        "_value,result\r\n0.9,x".into(),
    ];
    for body in bodies {
        assert_eq!(csv(&body).await.unwrap(), Values::One(0.9), "{body}");
    }
}

#[tokio::test]
async fn an_unknown_measurement_has_no_value() {
    for body in ["", "\r\n", "\r\n\r\n", &format!("{HEADER}\r\n"), &format!("{HEADER}\r\n\r\n{}", one("7"))] {
        let error = csv(body).await.unwrap_err();
        assert!(matches!(error, Error::Metric(InvalidMetric::NoValue)), "{body:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_no_number_is_an_invalid_metric() {
    for value in ["high", "true", "", "\"1,0\""] {
        let error = csv(&one(value)).await.unwrap_err();
        assert!(matches!(error, Error::Metric(InvalidMetric::NotNumber)), "{value:?}: {error:?}");
    }
}

#[tokio::test]
async fn infinite_values_are_values() {
    assert_eq!(csv(&one("+Inf")).await.unwrap(), Values::One(f64::INFINITY));
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let table = [
        (401, r#"{"code":"unauthorized","message":"unauthorized access"}"#, "token is refused"),
        (403, r#"{"code":"forbidden","message":"insufficient permissions"}"#, "token does not permit"),
        (404, r#"{"code":"not found","message":"could not find bucket \"loads\""}"#, "organisation or bucket"),
        (404, "404 page not found", "no such service"),
        (400, r#"{"code":"invalid","message":"organization not found"}"#, "does not accept the request"),
        (500, r#"{"code":"internal error","message":"shard 7 is gone"}"#, "trouble of its own"),
    ];
    for (status, body, words) in table {
        let error = read(status, "application/json; charset=utf-8", body).await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider, "{status}");
        assert!(error.sentence().contains(words), "{error}");
        let quotes = ["unauthorized", "insufficient", "could not", "not found", "shard"];
        assert!(!quotes.iter().any(|quote| error.sentence().contains(quote)), "{error}");
    }
}

#[tokio::test]
async fn an_error_after_the_status_is_reported() {
    let body =
        "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,out of memory,897\r\n";
    let error = csv(body).await.unwrap_err();
    assert!(matches!(&error, Error::Provider(Unreachable::Failed)), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_is_not_influx_own_is_not_understood() {
    let answers = [
        ("text/html", one("0.9")),
        ("text/csv", "<html>\r\n</html>".into()),
        ("text/csv", format!("{HEADER}\r\n,\"_result")),
    ];
    for (media_type, body) in answers {
        let error = read(200, media_type, &body).await.unwrap_err();
        assert!(matches!(error, Error::Provider(Unreachable::NotUnderstood(_))), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_token_is_needed_and_may_end_with_a_line_feed() {
    let mock = Mock::answering(200, "text/csv", one("0.9")).await;
    let spec = spec(MetricsProviderType::Influx, &mock.url("krake:p4ssword@", ""));
    for token in [None, Some(""), Some(" \n"), Some("two\nlines")] {
        let error = try_source(&spec, token).unwrap_err();
        assert!(matches!(error, Error::Provider(Unreachable::Spec(_))), "{token:?}: {error:?}");
    }
    try_source(&spec, Some("abc\n")).unwrap().read("load").await.unwrap();
    let asked = mock.asked();
    assert_eq!(asked.headers.get_all("authorization").iter().collect::<Vec<_>>(), ["Token abc"]);
}

/// What Flux reads from a literal: `None` if it ends early or runs code.
fn meaning(literal: &str) -> Option<String> {
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let escapes = [("\\\\", "\\"), ("\\\"", "\""), ("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ("\\${", "${")];
    while let Some(first) = rest.chars().next() {
        if let Some((escape, meant)) = escapes.iter().find(|(escape, _)| rest.starts_with(escape)) {
            text.push_str(meant);
            rest = &rest[escape.len()..];
        } else if "\\\"\n\r\t".contains(first) || rest.starts_with("${") {
            return None;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(text)
}

proptest! {
    #[test]
    fn flux_reads_from_a_literal_what_was_meant(text in prop_oneof![any::<String>(), "[$\\{}\\\\\"\\n\\r\\ta]{0,12}"]) {
        prop_assert_eq!(meaning(&literal(&text)), Some(text));
    }
}
