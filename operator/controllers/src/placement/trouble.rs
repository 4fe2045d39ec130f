//! What can be wrong with a Placement, in the three languages in which it is told: conditions, Krake's reason codes, and
//! the words of logs and instruments.

use krake_crds::reason::ReasonCode;
use krake_operator_domain::manifest::{self, observer_schema};
use krake_operator_targets as targets;

/// Why a manifest is not on its target.
#[derive(thiserror::Error, Debug)]
pub(super) enum Trouble {
    #[error("planning the manifest")]
    Manifest(#[source] manifest::Error),
    #[error("reading the observer schema")]
    Schema(#[source] observer_schema::Error),
    #[error("asking the target")]
    Target(#[source] targets::Error),
    #[error("waiting until the target serves the kind {0}, which the manifest defines")]
    NotServedYet(String),
    /// Nothing is wrong, but time was up: there is more to do than fits into one reconcile.
    #[error("{done} of {all} objects are applied")]
    Unfinished { done: usize, all: usize },
}

/// Reason of a condition: the target does not know a kind.
pub(super) const UNSUPPORTED_RESOURCE: &str = "UnsupportedResource";
/// Reason of a condition: the manifest, or its observer schema, cannot be applied as it is.
pub(super) const INVALID_RESOURCE: &str = "InvalidResource";
/// Reason of a condition: an object belongs to another application.
pub(super) const OWNED_BY_ANOTHER: &str = "OwnedByAnother";
/// Reason of a condition: the API server of the target answered with an error.
pub(super) const KUBERNETES_ERROR: &str = "KubernetesError";

/// Reason of a condition: the manifest defines a kind that the target does not serve yet.
pub(super) const KIND_NOT_SERVED_YET: &str = "KindNotServedYet";

/// Reason of a condition: more is to be applied than can be at once.
pub(super) const APPLYING: &str = "Applying";

/// The reason of the condition `Applied` for one of Krake's codes, as far as the code tells.
pub(super) fn word(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::UnsupportedResource => UNSUPPORTED_RESOURCE,
        ReasonCode::InvalidResource => INVALID_RESOURCE,
        _ => KUBERNETES_ERROR,
    }
}

impl Trouble {
    /// Whether the cluster is what is missing, as opposed to an answer that we do not like.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::Target(error) => error.is_unreachable(),
            Self::Manifest(_) | Self::Schema(_) | Self::NotServedYet(_) | Self::Unfinished { .. } => false,
        }
    }

    /// The reason of the condition `Applied`.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Manifest(manifest::Error::UnknownKind { .. }) | Self::Target(targets::Error::UnknownKind { .. }) => {
                UNSUPPORTED_RESOURCE
            }
            Self::Manifest(manifest::Error::Incomplete { .. } | manifest::Error::Duplicate(_))
            | Self::Schema(_)
            | Self::Target(targets::Error::Invalid { .. }) => INVALID_RESOURCE,
            Self::Target(targets::Error::Conflict { .. }) => OWNED_BY_ANOTHER,
            Self::NotServedYet(_) => KIND_NOT_SERVED_YET,
            Self::Unfinished { .. } => APPLYING,
            Self::Target(
                targets::Error::NotConnected { .. }
                | targets::Error::Busy { .. }
                | targets::Error::Deadline { .. }
                | targets::Error::Call { .. },
            ) => KUBERNETES_ERROR,
        }
    }

    /// Krake's reason code, if something is wrong and not just not done yet. Krake has no code of its own for an object
    /// that belongs to somebody else.
    pub(super) fn code(&self) -> Option<ReasonCode> {
        match self.reason() {
            UNSUPPORTED_RESOURCE => Some(ReasonCode::UnsupportedResource),
            INVALID_RESOURCE | OWNED_BY_ANOTHER => Some(ReasonCode::InvalidResource),
            KIND_NOT_SERVED_YET | APPLYING => None,
            _ => Some(ReasonCode::KubernetesError),
        }
    }

    /// The word for logs and instruments.
    pub(super) fn category(&self) -> &'static str {
        match self.reason() {
            UNSUPPORTED_RESOURCE => "unsupported_resource",
            INVALID_RESOURCE => "invalid_resource",
            OWNED_BY_ANOTHER => "owned_by_another",
            KIND_NOT_SERVED_YET => "kind_not_served_yet",
            APPLYING => "unfinished",
            _ if self.is_unreachable() => "target_unreachable",
            _ => "target_api",
        }
    }

    /// One sentence for users.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Manifest(error) => error.to_string(),
            Self::Schema(error) => error.to_string(),
            Self::Target(error) => error.sentence(),
            Self::NotServedYet(_) | Self::Unfinished { .. } => self.to_string(),
        }
    }
}
