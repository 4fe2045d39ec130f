//! What a reconcile may answer, and what follows from it: when the object is looked at again, and what is counted.

mod attempts;
mod instruments;

use std::time::Duration;

pub use attempts::Attempts;
pub use instruments::Instruments;

/// When to look at an object again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// As soon as the backoff of this object allows.
    Soon,
    /// After this time, however often it has failed.
    After(Duration),
    /// Not before something changes: trying again cannot help.
    OnChange,
}

/// What every error of a reconcile can say about itself.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// A word from a closed set, for logs and instruments. [`CONFLICT`] and [`NOT_CURRENT`] are silent.
    fn category(&self) -> &'static str;
    /// When to try again.
    fn retry(&self) -> Retry;
}

/// Somebody wrote the object since we read it. Not a failure: we look again once we know of it.
pub const CONFLICT: &str = "conflict";

/// A cache may lack something. Said once when its watch fails, not by everybody who waits for it.
pub const NOT_CURRENT: &str = "not_current";

/// The category of an error of the management cluster's API.
#[must_use]
pub fn kube_category(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => CONFLICT,
        kube::Error::Api(status) if status.is_not_found() => "not_found",
        kube::Error::Api(status) if status.is_forbidden() => "forbidden",
        kube::Error::Api(status) if status.is_invalid() => "invalid",
        kube::Error::Api(_) => "api",
        _ => "unreachable",
    }
}
