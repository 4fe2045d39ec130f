//! What a request to a resource says outside its body: who, where, which, and how.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query as Pairs};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use serde::Deserialize;

use crate::authn::User;
use crate::limits::Turn;
use crate::problem::Failure;
use crate::query::Query;

/// A request to a resource, without its body.
pub(crate) struct Call {
    /// Who makes it.
    pub(crate) user: User,
    /// GET or HEAD, where both are the same handler's.
    pub(crate) method: Method,
    /// The namespace in the URL.
    pub(crate) namespace: Option<String>,
    /// The name in the URL; empty for collections.
    pub(crate) name: String,
    /// The parameters of the query.
    pub(crate) query: Query,
    /// How long it may take.
    pub(crate) turn: Turn,
}

#[derive(Deserialize)]
struct Place {
    namespace: Option<String>,
    #[serde(default)]
    name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let user = User::from_request_parts(parts, state).await?;
        let place = Path::<Place>::from_request_parts(parts, state).await;
        let Place { namespace, name } = match place {
            Ok(Path(place)) => place,
            Err(rejection) => return Err(unreadable(&rejection).into_response()),
        };
        // A query that is no list of pairs asks for nothing.
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(&parts.uri).map(|Pairs(pairs)| pairs);
        let query = Query(pairs.unwrap_or_default());
        let Ok(turn) = Turn::from_request_parts(parts, state).await;
        Ok(Self { user, method: parts.method.clone(), namespace, name, query, turn })
    }
}

/// The path has escapes that are not UTF-8, so it cannot name anything.
fn unreadable(rejection: &PathRejection) -> Failure {
    tracing::debug!(error = rejection as &dyn std::error::Error, "unreadable path");
    Failure::UnknownPath
}
