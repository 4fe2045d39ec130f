use krake_crds::{core::metrics_provider::MetricsProviderType, reason::ReasonCode};

use super::super::{
    Values,
    mock::{Mock, spec, try_source},
};
use super::*;

const HEADER: &str = r#"{"header":{"queryId":"query_1700000000","schema":"`VALUE` DOUBLE"}}"#;

async fn read(status: u16, body: &str) -> Result<Values, Error> {
    let mock = Mock::answering(status, FORMAT, body).await;
    mock.source(MetricsProviderType::Kafka).read("load").await
}

fn row(columns: &str) -> String {
    format!(r#"[{HEADER},{{"row":{{"columns":{columns}}}}}]"#)
}

fn table(table: &str, comparison_column: &str, value_column: &str) -> Result<Kafka, Error> {
    let mut spec = spec(MetricsProviderType::Kafka, "http://127.0.0.1:1");
    let kafka = spec.kafka.as_mut().unwrap();
    (kafka.table, kafka.comparison_column, kafka.value_column) =
        (table.into(), comparison_column.into(), value_column.into());
    try_source(&spec, None)?;
    Kafka::new(&spec.kafka.unwrap())
}

#[tokio::test]
async fn the_metric_is_asked_with_a_pull_query() {
    let mock = Mock::answering(200, FORMAT, row("[0.9]")).await;
    assert_eq!(mock.source(MetricsProviderType::Kafka).read("cpu-load_1").await.unwrap(), Values::One(0.9));
    let asked = mock.asked();
    assert_eq!((asked.method, asked.target.as_str()), (Method::POST, "/query"));
    assert_eq!(asked.headers["accept"], FORMAT);
    assert_eq!(asked.headers["content-type"], FORMAT);
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let statement = "SELECT value FROM metrics WHERE name = 'cpu-load_1';";
    assert_eq!(body, json!({ "ksql": statement, "streamsProperties": {} }));
}

#[tokio::test]
async fn a_row_is_found_in_an_array_and_in_lines() {
    let part = r#"{"row":{"columns":[0.9]}}"#;
    let end = r#"{"finalMessage":"Pull query complete"}"#;
    let bodies = [
        row("[0.9]"),
        format!("[{HEADER},\n{part},\n{end}]"),
        format!("{HEADER}\n{part}\n{end}\n"),
        format!("{HEADER}\r\n{part},\r\n\r\n"),
        row("[\"0.9\"]"),
        r#"[{"header":{}},{"row":{"columns":[0.9,1]},"errorMessage":null,"finalMessage":null}]"#.into(),
    ];
    for body in bodies {
        assert_eq!(read(200, &body).await.unwrap(), Values::One(0.9), "{body}");
    }
}

#[tokio::test]
async fn without_a_row_or_a_value_in_it_there_is_no_value() {
    let bodies = ["[]", r#"[{"header":{}}]"#, HEADER, &row("[null]"), &row("[]"), r#"[{"row":{}}]"#];
    for body in bodies {
        let error = read(200, body).await.unwrap_err();
        assert!(matches!(error, Error::Metric(InvalidMetric::NoValue)), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_value_that_is_no_number_is_an_invalid_metric() {
    for columns in ["[\"high\"]", "[true]", "[[1]]", "[{}]"] {
        let error = read(200, &row(columns)).await.unwrap_err();
        assert!(matches!(error, Error::Metric(InvalidMetric::NotNumber)), "{columns}: {error:?}");
    }
}

#[tokio::test]
async fn only_mistakes_in_the_statement_are_the_fault_of_the_metric() {
    let statement =
        r#"{"@type":"statement_error","error_code":40001,"message":"METRICS does not exist.","entities":[]}"#;
    let server = r#"{"@type":"generic_error","error_code":50000,"message":"no leader"}"#;
    let access = r#"{"@type":"generic_error","error_code":40300,"message":"not allowed"}"#;
    let within = |error: &str| format!(r#"[{HEADER},{{"row":null,"errorMessage":{error}}}]"#);
    let (invalid, unreachable) = (ReasonCode::InvalidMetric, ReasonCode::UnreachableMetricsProvider);
    let table = [
        (400, statement.into(), invalid),
        (200, format!("[{statement}]"), invalid),
        (200, within(statement), invalid),
        (500, server.into(), unreachable),
        (403, access.into(), unreachable),
        (200, within(server), unreachable),
        (200, within(r#""the query was terminated""#), unreachable),
        (400, "{}".into(), unreachable),
        (200, "no JSON".into(), unreachable),
        (200, "[[1]]".into(), unreachable),
    ];
    for (status, body, code) in table {
        let error = read(status, &body).await.unwrap_err();
        assert_eq!(error.code(), code, "{body}");
        assert_eq!(error.sentence().contains("such a table"), body.contains("40001"), "{error}");
        assert!(!["METRICS", "leader", "allowed", "terminated"].iter().any(|word| error.sentence().contains(word)));
    }
}

#[tokio::test]
async fn an_answer_of_another_type_is_not_understood() {
    let mock = Mock::answering(200, "text/plain", row("[0.9]")).await;
    let error = mock.source(MetricsProviderType::Kafka).read("load").await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider);
}

#[tokio::test]
async fn nothing_but_names_gets_into_a_statement() {
    for metric in ["", "a'b", "a b", "a;", "a.b", "ä", "a`", "${x}"] {
        let error = table("metrics", "name", "value").unwrap().read(metric).await.unwrap_err();
        assert!(matches!(error, Error::Metric(InvalidMetric::Name)), "{metric:?}: {error:?}");
        for (t, c, v) in [(metric, "name", "value"), ("metrics", metric, "value"), ("metrics", "name", metric)] {
            let error = table(t, c, v).unwrap_err();
            assert!(matches!(error, Error::Provider(Unreachable::Spec(_))), "{metric:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn names_that_cannot_stand_alone_are_quoted() {
    let kafka = table("krake-metrics", "Name", "5min").unwrap();
    assert_eq!(kafka.statement("load").unwrap(), "SELECT `5min` FROM `krake-metrics` WHERE Name = 'load';");
}
