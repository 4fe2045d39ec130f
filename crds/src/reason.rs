//! Krake's reason codes: why an object is in the state it is in. Names as on Krake's wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest message of a reason or a condition, in characters.
pub const LONGEST_MESSAGE: usize = 4096;

/// Why an object failed or degraded, in Krake's words. Conditions carry the same in Kubernetes' words.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reason {
    /// Krake's reason code.
    pub code: ReasonCode,
    /// One plain sentence for people.
    #[schemars(length(max = LONGEST_MESSAGE))]
    pub message: String,
}

impl Reason {
    /// A reason with this message, of which only the beginning is kept if it is longer than [`LONGEST_MESSAGE`]: much of
    /// it comes from elsewhere, and the API server would refuse the whole status for it.
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: shortened(message.into()) }
    }
}

/// The message, cut to [`LONGEST_MESSAGE`].
pub(crate) fn shortened(mut message: String) -> String {
    let mut starts = message.char_indices().map(|(at, _)| at).skip(LONGEST_MESSAGE - 1);
    if let (Some(last), Some(_)) = (starts.next(), starts.next()) {
        message.truncate(last);
        message.push('…');
    }
    message
}

/// Krake's reason codes, by the name they have on the wire.
#[derive(Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the documentation; Krake's table lists who raises each")]
pub enum ReasonCode {
    InternalError,
    InvalidResource,
    UnsupportedResource,
    InvalidCustomResource,
    InvalidToscaManifest,
    ClusterNotReachable,
    NoSuitableResource,
    KubernetesError,
    CreateFailed,
    ReconcileFailed,
    ReconfigureFailed,
    DeleteFailed,
    RetrieveFailed,
    NotFound,
    OpenstackError,
    InvalidClusterTemplate,
    InvalidMetric,
    UnreachableMetricsProvider,
    UnknownMetric,
    UnknownMetricsProvider,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_fits_into_a_status() {
        for (message, expected) in [
            ("ü".repeat(LONGEST_MESSAGE), "ü".repeat(LONGEST_MESSAGE)),
            ("ü".repeat(LONGEST_MESSAGE + 1), "ü".repeat(LONGEST_MESSAGE - 1) + "…"),
            ("<html>".repeat(10_000), "<html>".repeat(682) + "<ht…"),
        ] {
            let kept = Reason::new(ReasonCode::KubernetesError, message).message;
            assert_eq!((kept.chars().count(), &kept), (LONGEST_MESSAGE, &expected));
        }
    }
}
