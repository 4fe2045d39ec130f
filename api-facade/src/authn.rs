//! Who makes a request. So far everybody is anonymous; strategies and certificates are further variants of
//! [`Authentication`].

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::problem::Failure;

/// The name of a user. Users are opaque: there are no groups and no user objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User(pub(crate) Arc<str>);

/// How users are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authentication {
    /// They are not: everybody is `system:anonymous`.
    Anonymous,
}

impl Authentication {
    fn identify(self, _request: &Request) -> User {
        match self {
            Self::Anonymous => User("system:anonymous".into()),
        }
    }
}

/// Names the user of every request, also of one to an unknown path.
pub(crate) async fn authenticate(
    State(authentication): State<Authentication>,
    mut request: Request,
    next: Next,
) -> Response {
    let user = authentication.identify(&request);
    tracing::Span::current().record("user", &*user.0);
    request.extensions_mut().insert(user);
    next.run(request).await
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| Failure::Unauthenticated.into_response())
    }
}
