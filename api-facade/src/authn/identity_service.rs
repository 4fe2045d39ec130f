//! One question to a service that knows users, with bounds on time and size.

use std::time::Duration;

use http::StatusCode;
use hyper::ext::ReasonPhrase;
use krake_facade_wire::Json;
use krake_facade_wire::json::{self, SyntaxError};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

use super::User;
use crate::problem::Failure;

/// How long a whole question may take; the client waits for as long.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Servers close idle connections after 5 s (Apache) or longer; using one at that moment would fail.
const LONGEST_IDLE: Duration = Duration::from_secs(2);
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Longer words than HTTP knows for any status; the rest is not shown.
const MAX_REASON_CHARS: usize = 100;

/// Longer than any real name; it goes into logs and into what is compared with every rule.
const MAX_NAME_BYTES: usize = 1024;

/// A service that knows users by tokens of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// OpenStack's identity service.
    Keystone,
    /// A provider of `OpenID Connect`.
    Keycloak,
}

impl Service {
    /// What it is called.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Keystone => "Keystone",
            Self::Keycloak => "Keycloak",
        }
    }
}

/// Why a service did not say who has a token.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Unanswered {
    /// The request failed, or the answer broke off.
    #[error("asking who has the token")]
    Ask(#[source] reqwest::Error),
    /// Nobody is described at such length.
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    /// The answer is something else.
    #[error("the answer is not JSON")]
    NotJson(#[source] SyntaxError),
    /// The answer is for somebody without a name.
    #[error("the answer names no user")]
    Nameless,
    /// The answer is for somebody with a name that is none.
    #[error("the user's name is longer than {MAX_NAME_BYTES} bytes")]
    LongName,
    /// The API server did not take the review.
    #[error("reviewing the token")]
    Review(#[source] Box<kube::Error>),
    /// The API server did not answer.
    #[error("there was no answer in time")]
    Late,
}

/// A client for the services: it follows no redirects, as those would take tokens elsewhere, and uses no proxy.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(DEADLINE)
        .pool_idle_timeout(LONGEST_IDLE)
        .build()
}

/// The URL of something below an endpoint, with each segment of the path escaped.
pub(super) fn below<'a>(endpoint: &Url, path: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = endpoint.clone();
    // URLs that cannot have a path are refused with the settings.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Asks who has a token, and takes the name out of the answer.
///
/// # Errors
/// [`Failure::InvalidToken`] if the service answers anything but 200, [`Failure::IdentityService`] if it does not answer
/// or not as it should.
pub(super) async fn ask(
    service: Service,
    question: RequestBuilder,
    name: impl FnOnce(&Json) -> Option<&str>,
) -> Result<User, Failure> {
    let unanswered = |cause| Failure::IdentityService { service: service.name(), cause };
    let answer = question.send().await.map_err(|error| unanswered(Unanswered::Ask(error.without_url())))?;
    if answer.status() != StatusCode::OK {
        return Err(Failure::InvalidToken { service, status: status_line(&answer) });
    }
    let document = read(answer).await.map_err(unanswered)?;
    user(name(&document)).map_err(unanswered)
}

/// The user that an answer names.
///
/// # Errors
/// [`Unanswered::Nameless`] or [`Unanswered::LongName`].
pub(super) fn user(name: Option<&str>) -> Result<User, Unanswered> {
    match name {
        None | Some("") => Err(Unanswered::Nameless),
        Some(name) if name.len() > MAX_NAME_BYTES => Err(Unanswered::LongName),
        Some(name) => Ok(User(name.into())),
    }
}

/// The status and its words as the service put them: some spell them in their own way, and the contract repeats them.
fn status_line(answer: &Response) -> String {
    let status = answer.status();
    let own = answer.extensions().get::<ReasonPhrase>().map(|words| String::from_utf8_lossy(words.as_bytes()));
    let words = own.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().into());
    format!("{} {}", status.as_u16(), words.chars().take(MAX_REASON_CHARS).collect::<String>())
}

async fn read(mut answer: Response) -> Result<Json, Unanswered> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Unanswered::Ask(error.without_url()))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Unanswered::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    json::parse(&body).map_err(Unanswered::NotJson)
}
