//! `InfluxDB` 2 and its language Flux.
//!
//! Source: the documentation of `InfluxDB` 2, `/api/v2/query` and "Annotated CSV", and of Flux, "String literals".

use http::{HeaderValue, Method, header::ACCEPT};
use krake_crds::core::metrics_provider;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{
    Error, InvalidMetric, Unreachable,
    annotated_csv::{Record, Unclosed, records},
    endpoint::{Answer, Endpoint},
    number,
};

const VALUE: &str = "_value";
/// The column of a table that stands for an error which happened after the status was sent.
const ERROR: &str = "error";

#[derive(Debug)]
pub(super) struct Influx {
    endpoint: Endpoint,
    org: String,
    bucket: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "message")]
    _message: IgnoredAny,
}

impl Influx {
    /// The token takes the place of a user and password in the URL.
    pub(super) fn new(spec: &metrics_provider::Influx, token: Option<SecretString>) -> Result<Self, Error> {
        // Files often end with a line feed, and so do Secrets that are made from files.
        let token = token.unwrap_or_default();
        let token = token.expose_secret().trim();
        if token.is_empty() {
            return Err(Unreachable::Spec("it has no token").into());
        }
        let authorization = HeaderValue::from_str(&format!("Token {token}"));
        let authorization = authorization.map_err(|_| Unreachable::Spec("its token is not one line of text"))?;
        let endpoint = Endpoint::new(&spec.url, Some(authorization))?;
        Ok(Self { endpoint, org: spec.org.clone(), bucket: spec.bucket.clone() })
    }

    /// Takes the last value of the last hour of the measurement that has the metric's name. If there are several series,
    /// that of the first table counts, as with Krake.
    pub(super) async fn read(&self, metric: &str) -> Result<f64, Error> {
        let request = self
            .endpoint
            .request(Method::POST, &["api", "v2", "query"])
            .query(&[("org", &self.org)])
            .header(ACCEPT, "application/csv")
            .json(&json!({ "query": self.query(metric), "type": "flux", "dialect": { "header": true } }));
        let answer = self.endpoint.ask(request).await?;
        if !answer.status.is_success() {
            return Err(refusal(&answer).into());
        }
        let strange = || Unreachable::NotUnderstood("InfluxDB 2");
        let text = std::str::from_utf8(&answer.body).ok().filter(|_| answer.is_csv()).ok_or_else(strange)?;
        let Some((header, record)) = first_record(text).map_err(|_| strange())? else {
            return Err(InvalidMetric::NoValue.into());
        };
        let cell = |name| header.iter().position(|column| column == name).and_then(|column| record.get(column));
        match (cell(VALUE), cell(ERROR)) {
            (Some(value), _) => Ok(number::of_text(value)?),
            (None, Some(_)) => Err(Unreachable::Failed.into()),
            (None, None) => Err(strange().into()),
        }
    }

    fn query(&self, metric: &str) -> String {
        let (bucket, measurement) = (literal(&self.bucket), literal(metric));
        format!(
            "from(bucket: {bucket}) |> range(start: -1h) |> filter(fn: (r) => r._measurement == {measurement}) |> last()"
        )
    }
}

/// What a status other than success means; what the answer says is not passed on.
fn refusal(answer: &Answer) -> Unreachable {
    let words = match answer.status.as_u16() {
        401 => "the token is refused",
        403 => "the token does not permit to read the bucket",
        404 if answer.json::<Failure>().is_some() => "there is no such organisation or bucket",
        _ => return answer.refusal(),
    };
    Unreachable::Status { status: answer.status.as_u16(), words }
}

/// The header and first record of the first table, if it has one.
fn first_record(text: &str) -> Result<Option<(Record, Record)>, Unclosed> {
    let is_annotation = |record: &Record| record.first().is_some_and(|field| field.starts_with('#'));
    let mut records = records(text).skip_while(|record| record.as_ref().is_ok_and(is_blank));
    let mut next = || records.find(|record| !record.as_ref().is_ok_and(is_annotation)).transpose();
    let header = next()?;
    let record = next()?.filter(|record| !is_blank(record));
    Ok(header.zip(record))
}

fn is_blank(record: &Record) -> bool {
    matches!(record.as_slice(), [field] if field.is_empty())
}

/// A text as a literal of Flux.
fn literal(text: &str) -> String {
    let mut escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    for (control, name) in [('\n', "\\n"), ('\r', "\\r"), ('\t', "\\t")] {
        escaped = escaped.replace(control, name);
    }
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests;
