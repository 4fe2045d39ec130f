//! The operator, which knows why applications are where they are. It has an HTTP API of its own; the annotation of its
//! Lease says where. The facade asks with its own token, so whether the caller may know is decided here before.
//!
//! The way there is the network inside of a cluster: plain HTTP, no proxy, no redirects. Whoever may write the Lease is
//! trusted: the token goes to the address that stands there.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use k8s_openapi::api::coordination::v1::Lease;
use krake_facade_wire::json;
use kube::{Api, Client, Config};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use crate::problem::Failure;

/// The operator's Lease.
const LEASE: &str = "krake-operator";
/// Where its holder says where its API is.
const ANNOTATION: &str = "krake.dev/api";
/// How long a question may take, with all that belongs to it.
const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// The record of a thousand clusters with many labels fills some megabytes.
const MAX_ANSWER_BYTES: usize = 32 << 20;
const MAX_PROBLEM_BYTES: usize = 64 << 10;
/// A token of a service account has one or two kilobytes.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// Why the operator cannot be asked. It passes, or is a mistake in the set-up.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Unavailable {
    #[error("there is no management cluster")]
    NotManaged,
    #[error("reading the operator's Lease")]
    Lease(#[source] Box<kube::Error>),
    #[error("the Lease names no operator with an API")]
    NoLeader,
    #[error("the facade has no bearer token for the management cluster")]
    NoToken,
    #[error("reading the token file {path}")]
    ReadToken { path: PathBuf, source: std::io::Error },
    #[error("asking the operator")]
    Ask(#[source] reqwest::Error),
    #[error("the operator answered {0}")]
    Refused(StatusCode),
    #[error("the operator's answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
    #[error("there was no answer in time")]
    Late,
}

/// Why there is no client.
#[derive(thiserror::Error, Debug)]
#[error("building the client for the operator's API")]
pub(crate) struct BuildClient(#[source] reqwest::Error);

/// The operator.
#[derive(Debug)]
pub(crate) struct Operator {
    leases: Api<Lease>,
    token: Token,
    client: reqwest::Client,
}

/// The facade's own bearer token. Others than those of service accounts and plain kubeconfigs are not supported.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    /// Fixed.
    Given(SecretString),
    /// In a file that somebody keeps fresh.
    File(PathBuf),
    /// The facade shows a certificate, or signs in otherwise.
    None,
}

impl Token {
    /// The one that the management cluster is asked with.
    pub(crate) fn of(config: &Config) -> Self {
        let auth = &config.auth_info;
        match (&auth.token, &auth.token_file) {
            (Some(token), _) => Self::Given(token.clone()),
            (None, Some(file)) => Self::File(file.into()),
            (None, None) => Self::None,
        }
    }

    async fn read(&self) -> Result<SecretString, Unavailable> {
        match self {
            Self::Given(token) => Ok(token.clone()),
            Self::None => Err(Unavailable::NoToken),
            Self::File(path) => {
                let failed = |source| Unavailable::ReadToken { path: path.clone(), source };
                let size = tokio::fs::metadata(path).await.map_err(failed)?.len();
                if size > MAX_TOKEN_BYTES {
                    return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
                }
                let text = tokio::fs::read_to_string(path).await.map_err(failed)?;
                Ok(text.trim().into())
            }
        }
    }
}

impl Operator {
    /// The operator whose Lease is in a namespace of the management cluster.
    ///
    /// # Errors
    /// [`BuildClient`], which trying again does not help.
    pub(crate) fn new(client: Client, namespace: &str, token: Token) -> Result<Self, BuildClient> {
        let builder = reqwest::Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(CONNECT_DEADLINE);
        let asking = builder.timeout(DEADLINE).build().map_err(BuildClient)?;
        Ok(Self { leases: Api::namespaced(client, namespace), token, client: asking })
    }

    /// Why the application is where it is. The namespace has its Kubernetes name.
    ///
    /// # Errors
    /// [`Failure::Operator`] or [`Failure::Refused`].
    pub(crate) async fn placement(&self, namespace: &str, application: &str) -> Result<Bytes, Failure> {
        let path = ["v1", "namespaces", namespace, "applications", application, "placement"];
        self.ask(Method::GET, &path, None).await
    }

    /// What would happen if. The namespace has its Kubernetes name.
    ///
    /// # Errors
    /// [`Failure::Operator`] or [`Failure::Refused`].
    pub(crate) async fn plan(&self, namespace: &str, question: Vec<u8>) -> Result<Bytes, Failure> {
        self.ask(Method::POST, &["v1", "namespaces", namespace, "plan"], Some(question)).await
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<Vec<u8>>) -> Result<Bytes, Failure> {
        let asking = async {
            let mut url = self.find().await?;
            // An address without a path can have one.
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(path);
            }
            let token = self.token.read().await?;
            let question = self.client.request(method, url).bearer_auth(token.expose_secret());
            answer(match body {
                Some(body) => question.body(body),
                None => question,
            })
            .await
        };
        timeout(DEADLINE, asking).await.unwrap_or(Err(Unavailable::Late.into()))
    }

    /// Where the API of the operator that leads is.
    async fn find(&self) -> Result<Url, Unavailable> {
        let lease = self.leases.get_opt(LEASE).await.map_err(|error| Unavailable::Lease(error.into()))?;
        let lease = lease.ok_or(Unavailable::NoLeader)?;
        let holder = lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty());
        let address = lease.metadata.annotations.and_then(|mut annotations| annotations.remove(ANNOTATION));
        let address = holder.and(address).and_then(|address| address.parse::<Url>().ok());
        address.filter(|url| url.scheme() == "http" && url.has_host()).ok_or(Unavailable::NoLeader)
    }
}

async fn answer(question: RequestBuilder) -> Result<Bytes, Failure> {
    let response = question.send().await.map_err(|error| Unavailable::Ask(error.without_url()))?;
    let status = response.status();
    match status {
        StatusCode::OK => Ok(read(response, MAX_ANSWER_BYTES).await?),
        // What is wrong with the question is for the one who asked it.
        StatusCode::NOT_FOUND | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            let problem = read(response, MAX_PROBLEM_BYTES).await?;
            let problem = json::parse(&problem).ok();
            let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
            Err(Failure::Refused { status: status.as_u16(), detail: detail.unwrap_or_default().to_owned() })
        }
        _ => Err(Unavailable::Refused(status).into()),
    }
}

async fn read(mut response: Response, most: usize) -> Result<Bytes, Unavailable> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unavailable::Ask(error.without_url()))? {
        if body.len() + chunk.len() > most {
            return Err(Unavailable::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests;
