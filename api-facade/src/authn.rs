//! Who makes a request. Source: section 6.1 of the REST contract.
//!
//! ```text
//! fixed name │ Keystone │ Keycloak   at most one
//!      └─▶ bearer token of Kubernetes ─▶ client certificate ─▶ anonymous ─▶ 401
//! ```
//!
//! Whoever says who they are, and is not believed, is refused, and never taken for somebody else further down the line.
//! Preflight requests need no user.

mod identity_service;
mod keycloak;
mod keystone;
mod token_review;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use krake_facade_transport::Certified;
use url::Url;

pub(crate) use identity_service::{Service, Unanswered};

use self::keycloak::Keycloak;
use self::keystone::Keystone;
use self::token_review::TokenReviews;

use crate::problem::Failure;

/// The name of a user. Users are opaque: there are no groups and no user objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User(pub(crate) Arc<str>);

impl User {
    /// Everybody who is nobody.
    pub(crate) const ANONYMOUS: &'static str = "system:anonymous";

    fn anonymous() -> Self {
        Self(Self::ANONYMOUS.into())
    }
}

/// How users are told apart: what the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The strategy; there is one at most.
    pub(crate) strategy: Strategy,
    /// Whether `Authorization: Bearer …` may hold a token of the management cluster, such as a service account's.
    pub(crate) token_review: bool,
    /// Whether the common name in a verified client certificate is the user's.
    pub(crate) client_certificates: bool,
    /// Whether everybody else is `system:anonymous`, instead of being refused.
    pub(crate) allow_anonymous: bool,
}

/// Who is asked first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Nobody.
    None,
    /// Nobody: all callers are this user.
    Fixed {
        /// The name of the user.
        name: String,
    },
    /// OpenStack's identity service.
    Keystone {
        /// URL of its API, with the version: `http://localhost:5000/v3`.
        endpoint: Url,
    },
    /// A provider of `OpenID Connect`.
    Keycloak {
        /// URL of the server, without `/auth`: `http://localhost:9080`.
        endpoint: Url,
        /// The realm of the users.
        realm: String,
    },
}

/// Why users cannot be told apart as the settings say.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Error {
    /// The system's root certificates cannot be used.
    #[error("preparing the client of the identity service")]
    Client(#[source] reqwest::Error),
    /// The endpoint is no place on the web.
    #[error("the URL of an identity service begins with http:// or https://, not with {scheme}:")]
    Endpoint {
        /// What it begins with. The rest may hold a password.
        scheme: String,
    },
    /// Nobody is there to review tokens.
    #[error("bearer tokens are reviewed by the management cluster, and there is none")]
    NoManagementCluster,
}

/// How users are told apart: the ways to do so, in their order. The first that knows the caller wins.
#[derive(Clone)]
pub(crate) struct Authentication(Arc<[Way]>);

/// One way to tell users apart.
enum Way {
    /// There is only one.
    Everybody(User),
    Keystone(Keystone),
    Keycloak(Keycloak),
    TokenReviews(Box<TokenReviews>),
    Certificates,
}

impl Authentication {
    /// The ways that the settings ask for. `management` is the management cluster, which reviews tokens.
    ///
    /// # Errors
    /// See [`Error`]; all of them are mistakes in the settings.
    pub(crate) fn new(settings: &Settings, management: Option<kube::Client>) -> Result<Self, Error> {
        let mut ways: Vec<_> = Way::of_strategy(&settings.strategy)?.into_iter().collect();
        if settings.token_review && !ways.is_empty() {
            tracing::warn!("bearer tokens of Kubernetes are not taken: the strategy answers before they are looked at");
        }
        if settings.token_review {
            let client = management.ok_or(Error::NoManagementCluster)?;
            ways.push(Way::TokenReviews(TokenReviews::new(client).into()));
        }
        if settings.client_certificates {
            ways.push(Way::Certificates);
        }
        if settings.allow_anonymous {
            ways.push(Way::Everybody(User::anonymous()));
        }
        Ok(Self(ways.into()))
    }

    async fn identify(&self, parts: &Parts) -> Result<User, Failure> {
        for way in &*self.0 {
            if let Some(user) = way.identify(parts).await? {
                return Ok(user);
            }
        }
        // Browsers ask before they send, and never say who asks.
        if parts.method == Method::OPTIONS { Ok(User::anonymous()) } else { Err(Failure::Unauthenticated) }
    }
}

impl Way {
    fn of_strategy(strategy: &Strategy) -> Result<Option<Self>, Error> {
        let client = || identity_service::client().map_err(Error::Client);
        Ok(Some(match strategy {
            Strategy::None => return Ok(None),
            Strategy::Fixed { name } => Self::Everybody(User(name.as_str().into())),
            Strategy::Keystone { endpoint } => Self::Keystone(Keystone::new(client()?, reachable(endpoint)?)),
            Strategy::Keycloak { endpoint, realm } => {
                Self::Keycloak(Keycloak::new(client()?, reachable(endpoint)?, realm))
            }
        }))
    }

    /// The user, if this way knows who calls.
    ///
    /// # Errors
    /// [`Failure`] if the caller says who it is in this way, and that is not true or cannot be found out: then no other way
    /// is tried.
    async fn identify(&self, parts: &Parts) -> Result<Option<User>, Failure> {
        let token = parts.headers.get(AUTHORIZATION).filter(|token| !token.is_empty());
        Ok(match (self, token) {
            (Self::Everybody(user), _) => Some(user.clone()),
            (Self::Keystone(keystone), Some(token)) => Some(keystone.identify(token).await?),
            (Self::Keycloak(keycloak), Some(token)) => Some(keycloak.identify(token).await?),
            (Self::TokenReviews(reviews), Some(token)) => reviews.identify(token).await?,
            (Self::Keystone(_) | Self::Keycloak(_) | Self::TokenReviews(_), None) => None,
            (Self::Certificates, _) => parts.extensions.get().map(|Certified(name)| User(name.clone())),
        })
    }
}

fn reachable(endpoint: &Url) -> Result<&Url, Error> {
    let scheme = endpoint.scheme();
    if matches!(scheme, "http" | "https") { Ok(endpoint) } else { Err(Error::Endpoint { scheme: scheme.to_owned() }) }
}

/// Names the user of every request, also of one to an unknown path.
pub(crate) async fn authenticate(
    State(authentication): State<Authentication>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let user = match authentication.identify(&parts).await {
        Ok(user) => user,
        Err(failure) => return failure.into_response(),
    };
    tracing::Span::current().record("user", &*user.0);
    parts.extensions.insert(user);
    next.run(Request::from_parts(parts, body)).await
}

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get().cloned().ok_or_else(|| Failure::Unauthenticated.into_response())
    }
}

#[cfg(test)]
pub(crate) mod tests;
