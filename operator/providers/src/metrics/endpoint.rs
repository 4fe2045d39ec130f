//! The HTTP side of a provider: one client of its own, with bounds on time and size.
//!
//! It shows no client certificate, follows no redirects (they would take credentials elsewhere), uses no proxy, and calls
//! no address that only the host itself should.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, redirect::Policy};
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    Unreachable,
    address::{Resolver, is_forbidden_host},
};

/// How long a TCP and TLS handshake may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a whole request may take, until the last byte of the answer. Source: Krake's scheduler.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The answer to a query for one metric of a thousand clusters has about 200 kB.
pub(super) const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Servers close idle connections after 5 s or longer; using one at that moment would fail.
const LONGEST_IDLE: Duration = Duration::from_secs(2);

/// How much of what a provider says is passed on to people.
const MAX_QUOTE_CHARS: usize = 200;

/// Where a provider is, and how to show that we may ask it.
#[derive(Debug)]
pub(super) struct Endpoint {
    client: Client,
    /// Without user, password, query and fragment.
    base: Url,
    /// Marked as sensitive, so that `Debug` does not show it.
    authorization: Option<HeaderValue>,
}

/// An answer that arrived as a whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    media_type: String,
    pub(super) body: Vec<u8>,
}

impl Endpoint {
    /// An endpoint that authenticates with the given header or, without it, with the user and password in the URL.
    ///
    /// # Errors
    /// [`Unreachable::Spec`] if the URL is not one of HTTP or has a link-local, unspecified or multicast address as its
    /// host, [`Unreachable::Client`].
    pub(super) fn new(url: &str, authorization: Option<HeaderValue>) -> Result<Self, Unreachable> {
        let unusable = || Unreachable::Spec("its url is not a URL with http:// or https://");
        let mut url = Url::parse(url).map_err(|_| unusable())?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(unusable());
        }
        if is_forbidden_host(&url) {
            return Err(Unreachable::Spec("its url has a link-local, unspecified or multicast address"));
        }
        url.set_query(None);
        url.set_fragment(None);
        let client = client(&url).map_err(Unreachable::Client)?;
        // reqwest moves user and password from the URL into a header.
        let request = client.get(url).build().map_err(Unreachable::Client)?;
        let authorization = authorization.or_else(|| request.headers().get(header::AUTHORIZATION).cloned());
        Ok(Self { client, base: request.url().clone(), authorization: authorization.map(sensitive) })
    }

    /// A request for a path below the provider's URL, which may have a path of its own.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        // Every URL of HTTP can have a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.client.request(method, url);
        match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// The answer of the provider, whatever its status.
    ///
    /// # Errors
    /// [`Unreachable::NoAnswer`] and [`Unreachable::TooLong`].
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Answer, Unreachable> {
        let response = request.send().await.map_err(Unreachable::no_answer)?;
        let status = response.status();
        let media_type = media_type(&response);
        let body = match read(response).await {
            // The status says enough.
            Err(_) if !status.is_success() => Vec::new(),
            body => body?,
        };
        Ok(Answer { status, media_type, body })
    }

    /// What a provider says, for people: [`shorten`]ed, and nothing of it if it repeats our credentials.
    pub(super) fn quote(&self, text: &str) -> String {
        let credentials = self.authorization.as_ref().and_then(|value| value.to_str().ok()?.rsplit(' ').next());
        if credentials.is_some_and(|credentials| text.contains(credentials)) {
            return "(not shown, because it repeats credentials)".into();
        }
        shorten(text)
    }
}

/// One line of text, as long as a sentence bears.
pub(super) fn shorten(text: &str) -> String {
    let line = text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_QUOTE_CHARS).collect()
}

impl Answer {
    /// The body as JSON, if it is said to be and is.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        if !self.is_json() {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the body is said to be JSON, or a format that is written in JSON.
    pub(super) fn is_json(&self) -> bool {
        let subtype = self.media_type.strip_prefix("application/").unwrap_or_default();
        subtype == "json" || subtype.ends_with("+json")
    }

    /// Whether the body is said to be CSV.
    pub(super) fn is_csv(&self) -> bool {
        ["text/csv", "application/csv"].contains(&self.media_type.as_str())
    }

    /// What a status other than success means for any provider.
    pub(super) fn refusal(&self) -> Unreachable {
        let words = match self.status.as_u16() {
            300..=399 => "redirects are not followed",
            401 | 403 => "the credentials are refused or missing",
            404 => "there is no such service at the URL",
            429 => "it was asked too often",
            400..=499 => "it does not accept the request",
            _ => "it has trouble of its own",
        };
        Unreachable::Status { status: self.status.as_u16(), words }
    }
}

fn client(url: &Url) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .dns_resolver(Resolver)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .pool_idle_timeout(LONGEST_IDLE)
        .user_agent("krake");
    trusting(builder, url).build()
}

/// Leaves out the certificate authorities of the host where there is no TLS: a host without any could ask nobody.
fn trusting(builder: ClientBuilder, url: &Url) -> ClientBuilder {
    if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// The media type without parameters, in lower case.
fn media_type(response: &Response) -> String {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

async fn read(mut response: Response) -> Result<Vec<u8>, Unreachable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unreachable::no_answer)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Unreachable::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
