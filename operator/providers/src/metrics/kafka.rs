//! Kafka through ksqlDB: a table with one row for each metric, read by a pull query.
//!
//! Source: ksqlDB's documentation, "Run a query and stream back the output" (`/query`), "HTTP API Reference" and
//! "Lexical structure". Older servers answer with one JSON array, the documentation shows one JSON object a line; both
//! are read.

use std::ops::RangeInclusive;

use http::{
    Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use krake_crds::core::metrics_provider;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, InvalidMetric, Unreachable,
    endpoint::{Answer, Endpoint},
    number,
};

/// The format that has no keys and tombstones in its rows.
const FORMAT: &str = "application/vnd.ksql.v1+json";

/// Error codes about the statement. The other codes of 4xx are about credentials, paths and limits.
const STATEMENT_ERRORS: RangeInclusive<u32> = 40_000..=40_099;

#[derive(Debug)]
pub(super) struct Kafka {
    endpoint: Endpoint,
    table: String,
    comparison_column: String,
    value_column: String,
}

/// One part of an answer: a header, a row, an error, or a final message.
#[derive(Deserialize)]
struct Part {
    row: Option<Row>,
    #[serde(rename = "errorMessage")]
    error: Option<Value>,
    error_code: Option<u32>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    columns: Vec<Value>,
}

/// What an error says; its `@type` adds nothing to the code, and its message is not passed on.
#[derive(Deserialize, Default)]
struct Failure {
    error_code: Option<u32>,
}

impl Kafka {
    pub(super) fn new(spec: &metrics_provider::Kafka) -> Result<Self, Error> {
        let names = [&spec.table, &spec.comparison_column, &spec.value_column].map(|name| identifier(name));
        let [Some(table), Some(comparison_column), Some(value_column)] = names else {
            let rule = "its table and columns must have names of letters, digits, '_' and '-'";
            return Err(Unreachable::Spec(rule).into());
        };
        Ok(Self { endpoint: Endpoint::new(&spec.url, None)?, table, comparison_column, value_column })
    }

    /// Takes the value column of the first row whose comparison column is the metric.
    pub(super) async fn read(&self, metric: &str) -> Result<f64, Error> {
        let statement = self.statement(metric)?;
        let request = self
            .endpoint
            .request(Method::POST, &["query"])
            .header(ACCEPT, FORMAT)
            .header(CONTENT_TYPE, FORMAT)
            .json(&json!({ "ksql": statement, "streamsProperties": {} }));
        let answer = self.endpoint.ask(request).await?;
        if !answer.status.is_success() {
            return Err(refusal(&answer));
        }
        value(parts(&answer).ok_or(Unreachable::NotUnderstood("ksqlDB"))?)
    }

    /// There are no parameters, so nothing but plain names gets into a statement.
    fn statement(&self, metric: &str) -> Result<String, InvalidMetric> {
        if !is_plain(metric) {
            return Err(InvalidMetric::Name);
        }
        let Self { table, comparison_column, value_column, .. } = self;
        Ok(format!("SELECT {value_column} FROM {table} WHERE {comparison_column} = '{metric}';"))
    }
}

fn value(parts: Vec<Part>) -> Result<f64, Error> {
    for part in parts {
        if let Some(failure) = part.failure() {
            return Err(failure.explain());
        }
        if let Some(row) = part.row {
            let value = row.columns.first().ok_or(InvalidMetric::NoValue)?;
            return Ok(number::of_json(value)?);
        }
    }
    Err(InvalidMetric::NoValue.into())
}

fn refusal(answer: &Answer) -> Error {
    match answer.json::<Failure>() {
        Some(failure) if failure.is_about_statement() => failure.explain(),
        _ => answer.refusal().into(),
    }
}

impl Part {
    /// The error that this part is, or that it holds as a text or an object.
    fn failure(&self) -> Option<Failure> {
        match &self.error {
            Some(error) => Some(Failure::deserialize(error).unwrap_or_default()),
            None => self.error_code.map(|code| Failure { error_code: Some(code) }),
        }
    }
}

impl Failure {
    fn is_about_statement(&self) -> bool {
        self.error_code.is_some_and(|code| STATEMENT_ERRORS.contains(&code))
    }

    fn explain(&self) -> Error {
        if self.is_about_statement() {
            InvalidMetric::Query("there must be such a table that can be queried, with such columns".into()).into()
        } else {
            Unreachable::Failed.into()
        }
    }
}

fn parts(answer: &Answer) -> Option<Vec<Part>> {
    answer.json().or_else(|| lines(answer))
}

/// One object a line. In the documentation's examples some lines end with a comma.
fn lines(answer: &Answer) -> Option<Vec<Part>> {
    let text = std::str::from_utf8(&answer.body).ok().filter(|_| answer.is_json())?;
    let lines = text.lines().map(|line| line.trim().trim_end_matches(',')).filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).ok()).collect()
}

/// A name as it can stand in a statement. Backquotes make a name case-sensitive, so that only those names get them that
/// cannot stand without: ksqlDB reads any other name in capitals, as it does for Krake.
fn identifier(name: &str) -> Option<String> {
    let needs_quotes = name.contains('-') || name.starts_with(|first: char| first.is_ascii_digit());
    is_plain(name).then(|| if needs_quotes { format!("`{name}`") } else { name.to_owned() })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "_-".contains(char))
}

#[cfg(test)]
mod tests;
