//! What the query string of a request asks for. Unknown parameters are ignored; of a repeated one the first counts.

use std::time::Duration;

use crate::problem::Failure;

const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
/// The contract knows no upper limit; beyond this, timers would overflow.
const LONGEST_HEARTBEAT_SECONDS: u64 = 365 * 24 * 3600;

/// The parameters of a request, decoded, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

/// How a collection is to be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As a list.
    List,
    /// As a stream of events, with an empty line after each period of this length, if any.
    Watch {
        /// Time between two heartbeats.
        heartbeat: Option<Duration>,
    },
}

impl Query {
    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How a collection is to be read. The heartbeat is validated even where it has no use, as the original does.
    ///
    /// # Errors
    /// [`Failure::InvalidQuery`] if the heartbeat is not a whole number of seconds.
    pub(crate) fn reading(&self) -> Result<Reading, Failure> {
        let heartbeat = match self.first("heartbeat") {
            None => DEFAULT_HEARTBEAT,
            Some(text) => parse_heartbeat(text)?,
        };
        Ok(match self.first("watch") {
            None => Reading::List,
            Some(_) => Reading::Watch { heartbeat: Some(heartbeat).filter(|period| !period.is_zero()) },
        })
    }

    /// Whether an object is to be removed at once. Only the exact word means yes.
    #[must_use]
    pub(crate) fn force(&self) -> bool {
        self.first("force") == Some("True")
    }

    /// Whether an update may change fields that somebody manages in Kubernetes (an addition to the contract, so that both
    /// spellings of yes are taken).
    #[must_use]
    pub(crate) fn takes_over(&self) -> bool {
        matches!(self.first("force"), Some("true" | "True"))
    }

    /// The word of the parameter `blocking`, if it asks for anything.
    #[must_use]
    pub(crate) fn blocking(&self) -> Option<&str> {
        self.first("blocking").filter(|word| *word != "False")
    }
}

fn parse_heartbeat(text: &str) -> Result<Duration, Failure> {
    let text = text.trim();
    let (digits, is_negative) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    if digits.is_empty() || !digits.split('_').all(is_number) {
        return Err(invalid_heartbeat("Not a valid integer."));
    }
    // Only too many digits can fail here, and any number beyond the limit means the limit.
    let seconds = digits.replace('_', "").parse().unwrap_or(u64::MAX);
    if is_negative && seconds > 0 {
        return Err(invalid_heartbeat("Must be greater than or equal to 0."));
    }
    Ok(Duration::from_secs(seconds.min(LONGEST_HEARTBEAT_SECONDS)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn invalid_heartbeat(message: &str) -> Failure {
    Failure::InvalidQuery(format!(r#"{{"query": {{"heartbeat": ["{message}"]}}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Query {
        Query(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn heartbeat(text: &str) -> Result<Reading, String> {
        query(&[("watch", ""), ("heartbeat", text)]).reading().map_err(|failure| match failure {
            Failure::InvalidQuery(detail) => detail,
            other => panic!("{other:?}"),
        })
    }

    fn every(seconds: u64) -> Reading {
        Reading::Watch { heartbeat: Some(Duration::from_secs(seconds)) }
    }

    #[test]
    fn the_presence_of_watch_decides_whatever_its_value() {
        assert_eq!(query(&[]).reading().unwrap(), Reading::List);
        for value in ["", "false", "0"] {
            assert_eq!(
                query(&[("watch", value)]).reading().unwrap(),
                Reading::Watch { heartbeat: Some(Duration::from_secs(10)) }
            );
        }
    }

    #[test]
    fn heartbeats_are_whole_numbers_as_python_reads_them() {
        assert_eq!(heartbeat("3"), Ok(every(3)));
        assert_eq!(heartbeat(" 3 "), Ok(every(3)));
        assert_eq!(heartbeat("+1_0"), Ok(every(10)));
        assert_eq!(heartbeat("99999999999999999999999"), Ok(every(LONGEST_HEARTBEAT_SECONDS)));
        for text in ["", "x", "1.5", "1__0", "_1", "- 1"] {
            assert_eq!(heartbeat(text), Err(r#"{"query": {"heartbeat": ["Not a valid integer."]}}"#.to_owned()));
        }
    }

    #[test]
    fn a_heartbeat_of_zero_is_none_and_a_negative_one_is_refused() {
        assert_eq!(heartbeat("0"), Ok(Reading::Watch { heartbeat: None }));
        assert_eq!(heartbeat("-0"), Ok(Reading::Watch { heartbeat: None }));
        let refused = r#"{"query": {"heartbeat": ["Must be greater than or equal to 0."]}}"#.to_owned();
        assert_eq!(heartbeat("-1"), Err(refused));
    }

    #[test]
    fn a_bad_heartbeat_is_refused_even_without_a_watch() {
        assert!(query(&[("heartbeat", "x")]).reading().is_err());
        assert!(query(&[("heartbeat", "1"), ("heartbeat", "x")]).reading().is_ok());
    }

    #[test]
    fn only_the_capitalised_true_forces() {
        assert!(query(&[("force", "True")]).force());
        for value in ["true", "1", "False", ""] {
            assert!(!query(&[("force", value)]).force());
        }
    }

    #[test]
    fn false_asks_for_no_blocking() {
        assert_eq!(query(&[("blocking", "False")]).blocking(), None);
        assert_eq!(query(&[("blocking", "running")]).blocking(), Some("running"));
    }
}
