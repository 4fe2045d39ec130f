//! Why there is no value for a metric.

use krake_crds::reason::ReasonCode;

use super::{
    address::FORBIDDEN,
    endpoint::{CONNECT_TIMEOUT, MAX_ANSWER_BYTES, REQUEST_TIMEOUT},
};

/// Why a metric could not be read. `Display` is one sentence that holds no credentials and is the same as long as the
/// cause is. Of what a provider answers nothing is quoted but what Prometheus says about a query, up to 200 characters.
#[derive(thiserror::Error, Debug)]
pub enum Error {
    /// The provider answers, but not with a value for this metric.
    #[error(transparent)]
    Metric(#[from] InvalidMetric),
    /// The provider does not answer, or not as such a provider does.
    #[error(transparent)]
    Provider(#[from] Unreachable),
}

impl Error {
    /// Krake's code for it.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::Metric(_) => ReasonCode::InvalidMetric,
            Self::Provider(_) => ReasonCode::UnreachableMetricsProvider,
        }
    }

    /// One plain sentence for conditions: what `Display` says.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.to_string()
    }
}

/// What is wrong with a metric, or with the value that its provider has.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum InvalidMetric {
    /// Nothing is known under the metric's name.
    #[error("the metrics provider has no value for the metric")]
    NoValue,
    /// A query gives this many values, and nothing says which one counts. The number is not shown: it can be another one
    /// each time.
    #[error(
        "the metric's query gives many values; the label krake_cluster would tell them apart, an aggregation make them one"
    )]
    Ambiguous(usize),
    /// Two values claim to be a cluster's.
    #[error("the metric's query gives more than one value with the label krake_cluster={0:?}")]
    SameCluster(String),
    /// A query gives something that is not a value at one time.
    #[error("the metric's query gives a {0}; it must give an instant vector or a scalar")]
    WrongKind(&'static str),
    /// There is a value that cannot be compared with others.
    #[error("the metrics provider's value of the metric is not a number")]
    NotNumber,
    /// The name cannot be put into a query.
    #[error("the metric's name at the provider must consist of letters, digits, '_' and '-'")]
    Name,
    /// The provider says that the query is wrong; in these words, which are ours or those of Prometheus.
    #[error("the metrics provider refuses the query: {0}")]
    Query(String),
}

/// Why a provider gives no answer.
#[derive(thiserror::Error, Debug)]
pub enum Unreachable {
    /// The provider's spec, or its token, is incomplete or wrong.
    #[error("the metrics provider cannot be asked: {0}")]
    Spec(&'static str),
    /// No HTTP client for it can be built, for example because the host has no certificate authorities.
    #[error("the metrics provider cannot be asked: no HTTP client can be built")]
    Client(#[source] reqwest::Error),
    /// There is no answer, or not all of it.
    #[error("the metrics provider {why}")]
    NoAnswer {
        /// What happened, as the rest of a sentence.
        why: String,
        /// The failed request, without its URL.
        source: reqwest::Error,
    },
    /// The answer is longer than that of any query for a few values.
    #[error("the metrics provider answers with more than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// The answer says that the provider did not do what was asked.
    #[error("the metrics provider answers with HTTP status {status}: {words}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it means here.
        words: &'static str,
    },
    /// The answer says that the query was accepted and failed later.
    #[error("the metrics provider failed while it answered")]
    Failed,
    /// The answer comes from something else, or is damaged.
    #[error("the metrics provider does not answer as {0} does")]
    NotUnderstood(&'static str),
}

impl Unreachable {
    pub(super) fn no_answer(error: reqwest::Error) -> Self {
        Self::NoAnswer { why: silence(&error), source: error.without_url() }
    }
}

/// What happened to a request. The texts of the libraries themselves can hold addresses and the time of day.
fn silence(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            format!("takes no connection within {} s", CONNECT_TIMEOUT.as_secs())
        } else {
            format!("does not answer within {} s", REQUEST_TIMEOUT.as_secs())
        };
    }
    let text = root_cause(error).to_lowercase();
    let says = |word: &str| text.contains(word);
    let why = if says("certificate") {
        "shows a certificate that is not valid or not trusted here"
    } else if says("corrupt message") {
        "does not speak TLS, although its URL begins with https://"
    } else if says(FORBIDDEN) {
        "has a host name that stands for link-local, unspecified or multicast addresses"
    } else if says("lookup") {
        "has a host name that cannot be resolved"
    } else if says("refused") {
        "refuses the connection"
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "breaks off before the end of its answer"
    };
    why.into()
}

fn root_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_cause)
}
