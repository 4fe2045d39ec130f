//! Why a pass failed, and when the next one may help.

use std::time::Duration;

use crate::{face::Unreadable, name::Mismatch};

/// A failed pass. Nothing is lost by it: the next one begins anew.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// etcd did not do its part.
    #[error("reading or writing etcd")]
    Store(#[source] krake_facade_store::Error),
    /// What is stored is not an object of its kind. It is left as it is.
    #[error("the stored value is not an object of its kind")]
    Stored(#[source] krake_facade_wire::kinds::StoredError),
    /// The management cluster did not do its part.
    #[error("{doing} in the management cluster")]
    Kubernetes {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<kube::Error>,
    },
    /// The management cluster did not answer in time.
    #[error("the management cluster did not answer in time when {doing}")]
    Timeout {
        /// What was tried.
        doing: &'static str,
    },
    /// The object is of another version of its kind. It is left as it is.
    #[error("the custom resource cannot be read")]
    Object(#[source] Unreadable),
    /// The object's names and its identity do not belong together. It is left as it is.
    #[error("the custom resource claims a name that is not its own")]
    Identity(#[source] Mismatch),
    /// The object under the Kubernetes name stands for something else.
    #[error("another custom resource has the name")]
    Taken,
    /// The management cluster will never take a change that it must take.
    #[error("the management cluster refuses a change of {name}: {sentence}")]
    Refused {
        /// The object.
        name: String,
        /// What the API server said.
        sentence: String,
    },
    /// What was put together cannot be written as JSON.
    #[error("writing JSON")]
    Json(#[source] serde_json::Error),
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At once: somebody else was faster.
    Now,
    /// Later, and later each time.
    Backoff,
    /// When either side changes.
    OnChange,
}

/// The longest wait between two attempts.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// The wait after the first failure.
pub(crate) const SHORTEST_DELAY: Duration = Duration::from_millis(100);

impl Error {
    /// A word for logs and instruments.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Store(krake_facade_store::Error::Conflict) => "conflict",
            Self::Store(_) => "etcd",
            Self::Stored(_) => "unreadable_stored",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Timeout { .. } => "timeout",
            Self::Object(_) => "unreadable_object",
            Self::Identity(_) => "identity",
            Self::Taken => "name_taken",
            Self::Refused { .. } => "refused",
            Self::Json(_) => "json",
        }
    }

    /// Whether and when to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        use krake_facade_store::Error as Store;
        match self {
            Self::Store(Store::Conflict) => Retry::Now,
            Self::Kubernetes { source, .. } if is_conflict(source) => Retry::Now,
            Self::Store(Store::TooLarge | Store::Unreadable { .. })
            | Self::Stored(_)
            | Self::Object(_)
            | Self::Identity(_)
            | Self::Taken
            | Self::Refused { .. }
            | Self::Json(_) => Retry::OnChange,
            Self::Store(
                Store::Exists | Store::Compacted | Store::Unavailable(_) | Store::Undecided(_) | Store::Refused(_),
            )
            | Self::Kubernetes { .. }
            | Self::Timeout { .. } => Retry::Backoff,
        }
    }
}

pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
