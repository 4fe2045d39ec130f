use krake_crds::{core::metrics_provider::MetricsProviderType, reason::ReasonCode};
use serde_json::json;

use super::super::mock::Mock;
use super::*;

async fn prometheus(status: u16, body: &Value) -> (Mock, super::super::Source) {
    let mock = Mock::answering(status, "application/json", body.to_string()).await;
    let source = mock.source(MetricsProviderType::Prometheus);
    (mock, source)
}

async fn read(result_type: &str, result: Value, metric: &str) -> Result<Values, Error> {
    let body = json!({ "status": "success", "data": { "resultType": result_type, "result": result } });
    let (_mock, source) = prometheus(200, &body).await;
    source.read(metric).await
}

/// Samples, each with its labels and value.
fn samples(samples: &[(Value, &str)]) -> Value {
    samples.iter().map(|(labels, value)| json!({ "metric": labels, "value": [1_700_000_000.1, value] })).collect()
}

async fn vector(given: &[(Value, &str)], metric: &str) -> Result<Values, Error> {
    read("vector", samples(given), metric).await
}

fn invalid(answer: Result<Values, Error>) -> InvalidMetric {
    match answer {
        Err(Error::Metric(invalid)) => invalid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_metric_is_asked_as_a_query() {
    let body = json!({ "status": "success", "data": { "resultType": "scalar", "result": [1, "1"] } });
    let (mock, source) = prometheus(200, &body).await;
    source.read("sum(rate(load{a=\"b+c & d\"}[5m]))").await.unwrap();
    let asked = mock.asked();
    assert_eq!(asked.method, Method::GET);
    let query = "sum%28rate%28load%7Ba%3D%22b%2Bc+%26+d%22%7D%5B5m%5D%29%29";
    assert_eq!(asked.target, format!("/api/v1/query?query={query}"));
    assert_eq!(asked.headers["user-agent"], "krake");
    assert!(!asked.headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_first_sample_with_the_name_of_the_metric_counts() {
    let other = (json!({ "__name__": "other" }), "9");
    let first = (json!({ "__name__": "load", "instance": "a" }), "0.42");
    let second = (json!({ "__name__": "load", "instance": "b" }), "0.5");
    assert_eq!(vector(&[other, first, second], "load").await.unwrap(), Values::One(0.42));
}

#[tokio::test]
async fn the_only_sample_of_a_function_needs_no_name() {
    let answer = vector(&[(json!({ "instance": "a" }), "0.25")], "rate(load[5m])").await;
    assert_eq!(answer.unwrap(), Values::One(0.25));
}

#[tokio::test]
async fn no_sample_and_many_without_the_name_are_different_mistakes() {
    assert_eq!(invalid(vector(&[], "load").await), InvalidMetric::NoValue);
    let many = vector(&[(json!({ "a": "1" }), "1"), (json!({ "a": "2" }), "2")], "rate(load[5m])").await;
    let sentence = many.as_ref().unwrap_err().sentence();
    assert!(sentence.contains("many values") && sentence.contains("krake_cluster"), "{sentence}");
    assert_eq!(invalid(many), InvalidMetric::Ambiguous(2));
}

#[tokio::test]
async fn samples_with_the_cluster_label_are_values_of_clusters() {
    let given = [
        (json!({ "krake_cluster": "shop/edge-1" }), "1"),
        (json!({ "__name__": "load" }), "7"),
        (json!({ "krake_cluster": "edge-2", "__name__": "load" }), "2"),
    ];
    let expected = BTreeMap::from([("shop/edge-1".to_owned(), Ok(1.0)), ("edge-2".to_owned(), Ok(2.0))]);
    assert_eq!(vector(&given, "load").await.unwrap(), Values::PerCluster(expected));
}

#[tokio::test]
async fn a_bad_series_costs_only_its_own_cluster_the_value() {
    let given = [("edge", "1"), ("core", "2"), ("edge", "1"), ("far", "high"), ("edge", "1")]
        .map(|(cluster, value)| (json!({ "krake_cluster": cluster }), value));
    let expected = [
        ("edge".to_owned(), Err(InvalidMetric::SameCluster("edge".into()))),
        ("core".to_owned(), Ok(2.0)),
        ("far".to_owned(), Err(InvalidMetric::NotNumber)),
    ];
    assert_eq!(vector(&given, "load").await.unwrap(), Values::PerCluster(expected.into()));
}

#[tokio::test]
async fn values_may_be_infinite_or_no_numbers() {
    for (text, expected) in [("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY), ("1e3", 1000.0)] {
        let answer = vector(&[(json!({}), text)], "load").await.unwrap();
        assert_eq!(answer, Values::One(expected), "{text}");
    }
    let answer = vector(&[(json!({}), "NaN")], "load").await.unwrap();
    assert!(matches!(answer, Values::One(value) if value.is_nan()), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_read_as_a_number_is_an_invalid_metric() {
    assert_eq!(invalid(vector(&[(json!({}), "1,0")], "load").await), InvalidMetric::NotNumber);
    let histogram = json!([{ "metric": {}, "histogram": [1, { "count": "3" }] }]);
    assert_eq!(invalid(read("vector", histogram, "load").await), InvalidMetric::NotNumber);
}

#[tokio::test]
async fn a_scalar_is_a_value_and_a_range_or_text_is_none() {
    assert_eq!(read("scalar", json!([1, "0.5"]), "scalar(load)").await.unwrap(), Values::One(0.5));
    let range = json!([{ "metric": {}, "values": [[1, "2"]] }]);
    assert_eq!(invalid(read("matrix", range, "load[5m]").await), InvalidMetric::WrongKind("range vector"));
    assert_eq!(invalid(read("string", json!([1, "2"]), "'2'").await), InvalidMetric::WrongKind("string"));
}

#[tokio::test]
async fn a_query_that_prometheus_refuses_is_an_invalid_metric() {
    let words = format!("1:5: parse error:\nunexpected end of input {}", "x".repeat(400));
    let body = json!({ "status": "error", "errorType": "bad_data", "error": words });
    for status in [400, 422] {
        let (_mock, source) = prometheus(status, &body).await;
        let error = source.read("sum(").await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::InvalidMetric);
        let sentence = error.sentence();
        assert!(sentence.contains("1:5: parse error: unexpected end"), "{sentence}");
        assert!(sentence.len() < 260, "{sentence}");
    }
}

#[tokio::test]
async fn nothing_is_quoted_that_does_not_explain_the_query() {
    for body in [
        json!({ "status": "error", "errorType": "internal", "error": "the key is k3y" }),
        json!({ "error": "the key is k3y" }),
    ] {
        let (_mock, source) = prometheus(400, &body).await;
        let error = source.read("load").await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider);
        assert!(!error.sentence().contains("k3y"), "{error}");
    }
}

#[tokio::test]
async fn other_failures_of_prometheus_are_not_the_fault_of_the_metric() {
    let body =
        json!({ "status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation" });
    for status in [401, 404, 500, 503] {
        let (_mock, source) = prometheus(status, &body).await;
        let error = source.read("load").await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider, "{status}");
        assert!(error.sentence().contains(&status.to_string()), "{}", error.sentence());
    }
}

#[tokio::test]
async fn an_answer_that_is_not_prometheus_own_is_not_understood() {
    let answers = [
        (200, "text/html", r#"{"data":{"resultType":"scalar","result":[1,"1"]}}"#),
        (200, "application/json", "<html>"),
        (200, "application/json", r#"{"status":"success"}"#),
        (200, "application/json", r#"{"data":{"resultType":"tensor","result":[]}}"#),
        (400, "text/html", "<html>"),
    ];
    for (status, media_type, body) in answers {
        let mock = Mock::answering(status, media_type, body).await;
        let error = mock.source(MetricsProviderType::Prometheus).read("load").await.unwrap_err();
        assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider, "{body}");
    }
}
