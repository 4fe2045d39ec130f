//! The only place where an error becomes a response. Source: section 1.12 of the REST contract.
//!
//! Handlers and layers return a [`Failure`], which rides in the response until [`render`] gives it its words. What went
//! wrong inside is logged there, once, and never told to the client.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;
use krake_facade_store::Error as StoreError;
use krake_facade_sync::ownership::Managed;
use krake_facade_wire::problem::{Problem, Title, quoted};
use krake_facade_wire::{ImmutableField, Invalid, Kind};

use crate::authn::{Service, Unanswered};
use crate::operator::Unavailable;

const JSON: HeaderValue = HeaderValue::from_static("application/problem+json; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// Seconds after which trying again makes sense: etcd has elected a leader by then.
const SOON: HeaderValue = HeaderValue::from_static("2");

/// Why a request is not answered with what it asked for: the whole catalogue of the contract.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No route has this path.
    UnknownPath,
    /// The path takes other methods only, these.
    WrongMethod(&'static str),
    /// A preflight request that the browser must not follow up, and why.
    Preflight(String),
    /// Nobody says who the caller is.
    Unauthenticated,
    /// The identity service does not know the caller's token.
    InvalidToken {
        /// Who was asked.
        service: Service,
        /// The answer's status line.
        status: String,
    },
    /// The identity service could not be asked who the caller is.
    IdentityService {
        /// Who was asked.
        service: &'static str,
        /// What went wrong.
        cause: Unanswered,
    },
    /// Only users who are somebody may do this.
    Anonymous,
    /// The caller may not do this.
    Forbidden,
    /// The token of a hook call is not that of the application.
    WrongToken,
    /// A query parameter is wrong; the text says which and how.
    InvalidQuery(String),
    /// The body is not a JSON document.
    NotJson,
    /// The body is too large.
    PayloadTooLarge {
        /// How much of it was read.
        read_bytes: usize,
    },
    /// The body did not arrive.
    PayloadIncomplete,
    /// The body breaks the rules of its schema.
    Invalid(Invalid),
    /// There is no such object.
    NotFound(Subject),
    /// There is such an object already.
    Exists(Subject),
    /// The update changes nothing.
    NoUpdate,
    /// The update changes what can not be changed.
    Immutable(ImmutableField),
    /// The update adds a finalizer to an object that is being deleted.
    FinalizerAdded,
    /// The update changes a field that somebody manages in Kubernetes.
    Managed(Managed),
    /// The operator cannot be asked.
    Operator(Unavailable),
    /// The operator says what is wrong with the request.
    Refused {
        /// The HTTP status.
        status: u16,
        /// In one plain sentence.
        detail: String,
    },
    /// The object is not in a state that can be retried.
    NothingToRetry,
    /// Others kept writing the object at the same time.
    Contended,
    /// The store failed, or holds something that is not ours.
    Store(StoreError),
    /// More requests are under way than we can carry.
    Busy,
    /// The request was given up, wherever it was.
    TimedOut,
    /// We did.
    Crashed,
}

/// The object a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    kind: &'static str,
    name: String,
    namespace: Option<String>,
}

impl Subject {
    /// An object of a kind, by its place in the URL or in the request.
    #[must_use]
    pub(crate) fn of<K: Kind>(namespace: Option<&str>, name: &str) -> Self {
        Self { kind: K::KIND, name: name.to_owned(), namespace: namespace.map(str::to_owned) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unavailable> for Failure {
    fn from(cause: Unavailable) -> Self {
        Self::Operator(cause)
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<ImmutableField> for Failure {
    fn from(field: ImmutableField) -> Self {
        Self::Immutable(field)
    }
}

/// A failure on its way to [`render`].
#[derive(Clone)]
struct Unrendered(Arc<Failure>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}

/// The answer to a request whose handler panicked.
#[must_use]
pub(crate) fn crashed(_: Box<dyn Any + Send>) -> Response {
    Failure::Crashed.into_response()
}

/// The settings of the answers to failed requests.
#[derive(Clone, Debug)]
pub(crate) struct Documentation {
    /// The page that explains the problems by name; empty if there is none.
    pub(crate) base_url: Arc<str>,
}

/// Gives failures their words.
pub(crate) async fn render(State(documentation): State<Documentation>, request: Request, next: Next) -> Response {
    let reads_html = takes_html(request.headers());
    let mut response = next.run(request).await;
    let Some(Unrendered(failure)) = response.extensions_mut().remove() else { return response };
    log(&failure);
    if let Failure::WrongMethod(allowed) = *failure {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    match describe(&failure, &documentation.base_url) {
        Some(problem) => show(&problem, &mut response),
        None => apologise(reads_html, &mut response),
    }
    response
}

fn show(problem: &Problem, response: &mut Response) {
    *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    if problem.status == 503 {
        response.headers_mut().insert(RETRY_AFTER, SOON);
    }
    // Two refusals say in their status line, too, who should have come along.
    let reason = problem.detail.as_deref().and_then(|detail| detail.strip_prefix("401: "));
    if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()) {
        response.extensions_mut().insert(reason);
    }
    *response.body_mut() = problem.to_bytes().into();
}

/// The answer to what went wrong inside, for programs or for people.
fn apologise(reads_html: bool, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CONTENT_TYPE, if reads_html { HTML } else { TEXT });
    let body = if reads_html {
        "<html><head><title>500 Internal Server Error</title></head><body>\n<h1>500 Internal Server Error</h1>\n\
         Server got itself in trouble\n</body></html>\n"
    } else {
        "500 Internal Server Error\n\nServer got itself in trouble"
    };
    *response.body_mut() = body.into();
}

fn takes_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|types| types.to_str().is_ok_and(|types| types.contains("text/html")))
}

fn log(failure: &Failure) {
    match failure {
        Failure::Store(error @ StoreError::Unreadable { .. }) => {
            tracing::error!(error = error as &dyn std::error::Error, "a stored value cannot be served");
        }
        Failure::Store(error) => tracing::warn!(error = error as &dyn std::error::Error, "the store failed"),
        Failure::Crashed => tracing::error!("a handler panicked"),
        Failure::Busy => tracing::warn!("refusing a request: too many are under way"),
        Failure::TimedOut => tracing::warn!("giving up a request that took too long"),
        Failure::IdentityService { service, cause } => {
            tracing::warn!(service, error = cause as &dyn std::error::Error, "the identity service failed");
        }
        Failure::Operator(Unavailable::NotManaged) => {}
        Failure::Operator(cause) => {
            tracing::warn!(error = cause as &dyn std::error::Error, "the operator was not asked");
        }
        refusal => tracing::debug!(?refusal, "refused"),
    }
}

/// The words for a failure; `None` for those that are ours and get none.
fn describe(failure: &Failure, base_url: &str) -> Option<Problem> {
    let titled = |title, status, detail: String| Problem::titled(base_url, title, status, detail);
    Some(match failure {
        Failure::NotFound(subject) => titled(Title::NotFound, 404, missing(subject)),
        Failure::Exists(subject) => titled(Title::AlreadyExists, 409, taken(subject)),
        Failure::NoUpdate => titled(Title::Update, 400, "The body contained no update.".into()),
        Failure::Immutable(ImmutableField { field }) => {
            titled(Title::Update, 400, format!("Trying to update an immutable field: {field}"))
        }
        Failure::NothingToRetry => titled(Title::Update, 400, "No migration or deletion retry needed".into()),
        Failure::FinalizerAdded => {
            let detail = "Finalizers can only be removed if a deletion is in progress.";
            titled(Title::Update, 409, detail.into())
        }
        Failure::Managed(managed) => {
            titled(Title::Update, 409, format!("{managed}; change it there, or take it over with ?force=true"))
        }
        Failure::InvalidToken { service, status } => {
            let title = match service {
                Service::Keystone => Title::InvalidKeystoneToken,
                Service::Keycloak => Title::InvalidKeycloakToken,
            };
            titled(title, 401, format!("Invalid {} token (HTTP {status})", service.name()))
        }
        Failure::Contended => titled(Title::Transaction, 409, "Concurrent writes to database".into()),
        Failure::PayloadTooLarge { .. } | Failure::Store(StoreError::TooLarge) => Problem::untitled(413, size(failure)),
        refusal => match unavailable(refusal) {
            Some(detail) => Problem::untitled(503, detail),
            None => untitled(refusal)?,
        },
    })
}

/// What to do about failures that pass.
fn unavailable(failure: &Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::Store(StoreError::Unavailable(_)) => "The database is not available. Nothing was changed; try again.",
        Failure::Store(StoreError::Undecided(_)) => {
            "The database did not answer in time. Whether the change was made is unknown; read before trying again."
        }
        Failure::Store(StoreError::Compacted) => "The database forgot what was being read. Try again.",
        Failure::Operator(Unavailable::NotManaged) => {
            "There is no management cluster, so there is no operator that places applications."
        }
        Failure::Operator(Unavailable::NoLeader) => "No operator leads at the moment. Try again.",
        Failure::Operator(_) => "The operator does not answer. Try again.",
        Failure::Busy => "Too many requests are under way. Nothing was changed; try again.",
        Failure::TimedOut => {
            "The request took too long. If it was a change, whether it was made is unknown; read before trying again."
        }
        _ => return None,
    })
}

fn untitled(failure: &Failure) -> Option<Problem> {
    let (status, detail) = match failure {
        Failure::UnknownPath => (404, "404: Not Found".into()),
        Failure::WrongMethod(_) => (405, "405: Method Not Allowed".into()),
        Failure::Preflight(cause) => (403, cause.clone()),
        Failure::Unauthenticated => (401, "401: No user has been authenticated.".into()),
        Failure::IdentityService { service, .. } => {
            (503, format!("{service} cannot say who the caller is. Nothing was changed; try again."))
        }
        Failure::Anonymous => (401, "401: Unauthorized".into()),
        Failure::Forbidden => (403, "403: Forbidden".into()),
        Failure::WrongToken => (401, "401: No token has been provided or the provided one is invalid.".into()),
        Failure::InvalidQuery(detail) => (422, detail.clone()),
        Failure::NotJson => (415, "415: Unsupported Media Type".into()),
        Failure::PayloadIncomplete => (400, "400: Bad Request".into()),
        Failure::Invalid(invalid) => (422, invalid.to_string()),
        Failure::Refused { status, detail } => (*status, detail.clone()),
        _ => return None,
    };
    Some(Problem::untitled(status, detail))
}

fn missing(Subject { kind, name, namespace }: &Subject) -> String {
    let namespace = namespace.as_deref().map_or("None".to_owned(), quoted);
    format!("{} {} does not exist in namespace {namespace}", quoted(kind), quoted(name))
}

fn taken(Subject { kind, name, namespace }: &Subject) -> String {
    let place = namespace.as_deref().map(|namespace| format!(" in namespace {}", quoted(namespace)));
    format!("{kind} {} already exists{}", quoted(name), place.unwrap_or_default())
}

fn size(failure: &Failure) -> String {
    match failure {
        Failure::PayloadTooLarge { read_bytes } => {
            format!("Maximum request body size 1048576 exceeded, actual body size {read_bytes}")
        }
        _ => "The object is too large for the database".into(),
    }
}

#[cfg(test)]
mod tests;
