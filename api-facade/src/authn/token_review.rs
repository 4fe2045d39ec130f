//! Users of the management cluster, by its bearer tokens: those of service accounts, for example. An addition to the
//! contract.
//!
//! Tokens that were accepted are remembered for a while, by their digest; refused ones are asked about again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use super::User;
use super::identity_service::{DEADLINE, Unanswered, user};
use crate::problem::Failure;

/// As long as the API server itself remembers a token by default.
const REMEMBERED: Duration = Duration::from_secs(10);
const SCHEME: &[u8] = b"bearer ";
const MAX_REMEMBERED: usize = 1_000;

/// The management cluster, as one who knows users.
pub(super) struct TokenReviews {
    reviews: Api<TokenReview>,
    accepted: Mutex<HashMap<Fingerprint, Accepted>>,
}

/// Of a token.
type Fingerprint = [u8; 32];

struct Accepted {
    user: User,
    until: Instant,
}

impl TokenReviews {
    pub(super) fn new(client: Client) -> Self {
        Self { reviews: Api::all(client), accepted: Mutex::default() }
    }

    /// The user that has the bearer token; `None` if the header holds none.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] if the cluster refuses the token: like the API server, we do not take such a caller
    /// for an anonymous one. [`Failure::IdentityService`] if the cluster does not answer.
    pub(super) async fn identify(&self, header: &HeaderValue) -> Result<Option<User>, Failure> {
        let Some(token) = bearer(header.as_bytes()) else { return Ok(None) };
        let token = str::from_utf8(token).map_err(|_| Failure::Unauthenticated)?;
        let digest: Fingerprint = Sha256::digest(token).into();
        if let Some(user) = self.recall(&digest) {
            return Ok(Some(user));
        }
        let user = self.review(token).await?;
        self.remember(digest, user.clone());
        Ok(Some(user))
    }

    async fn review(&self, token: &str) -> Result<User, Failure> {
        let unanswered = |cause| Failure::IdentityService { service: "Kubernetes", cause };
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let parameters = PostParams::default();
        let answer = timeout(DEADLINE, self.reviews.create(&parameters, &review)).await;
        let answer = answer.map_err(|_| unanswered(Unanswered::Late))?;
        let answer = answer.map_err(|error| unanswered(Unanswered::Review(error.into())))?;
        let status = answer.status.filter(|status| status.authenticated == Some(true));
        let name = status.ok_or(Failure::Unauthenticated)?.user.and_then(|user| user.username);
        user(name.as_deref()).map_err(unanswered)
    }

    fn recall(&self, digest: &Fingerprint) -> Option<User> {
        let accepted = self.lock();
        accepted.get(digest).filter(|accepted| Instant::now() < accepted.until).map(|accepted| accepted.user.clone())
    }

    fn remember(&self, digest: Fingerprint, user: User) {
        let now = Instant::now();
        let mut accepted = self.lock();
        if accepted.len() >= MAX_REMEMBERED {
            accepted.retain(|_, accepted| now < accepted.until);
        }
        if accepted.len() < MAX_REMEMBERED {
            accepted.insert(digest, Accepted { user, until: now + REMEMBERED });
        }
    }

    /// Every change is a single step, so the map is whole even after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Accepted>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token in a header of the scheme `Bearer`, however it is spelled.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
