//! The only place where an error of the API becomes a response (RFC 9457). What went wrong inside is logged here, once.

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use krake_operator_domain::scheduling::plan::InvalidEdit;
use serde_json::json;

/// Why a request is not answered with what it asked for.
#[derive(thiserror::Error, Debug)]
pub(super) enum Failure {
    #[error("there is no such path")]
    UnknownPath,
    #[error("the path takes another method")]
    WrongMethod,
    #[error("a bearer token of the management cluster is needed")]
    Unauthenticated,
    #[error("the user may not {verb} {resource} of kubernetes.krake.dev in the namespace")]
    Forbidden { verb: &'static str, resource: String },
    #[error("the management cluster does not say who the user is or what it may do")]
    Review(#[source] kube::Error),
    #[error("this copy of the operator does not lead; the Lease says which one does")]
    NotLeading,
    #[error("the caches are not filled yet")]
    NotReady,
    #[error("the answer took too long")]
    Late,
    #[error("there is no application {0} in the namespace")]
    NoApplication(String),
    #[error("the body has more than 1 MiB, or did not arrive")]
    Body(#[source] axum::Error),
    #[error("the body is no plan: {0}")]
    Question(serde_json::Error),
    #[error("{0}")]
    Edit(InvalidEdit),
    #[error("planning broke off")]
    Broken(#[source] tokio::task::JoinError),
    #[error("the answer cannot be written")]
    Unwritable(#[source] serde_json::Error),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath | Self::NoApplication(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::Review(_) | Self::NotLeading | Self::NotReady | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Question(_) | Self::Edit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Broken(_) | Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        match &self {
            Self::Review(_) | Self::Broken(_) | Self::Unwritable(_) => {
                tracing::warn!(error = &self as &dyn std::error::Error, "not answered");
            }
            _ => tracing::debug!(error = &self as &dyn std::error::Error, "refused"),
        }
        let problem = json!({ "type": "about:blank", "status": status.as_u16(), "detail": self.to_string() });
        (status, [(CONTENT_TYPE, "application/problem+json")], problem.to_string()).into_response()
    }
}
