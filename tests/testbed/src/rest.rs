//! A REST client that hides nothing: status codes and bodies as they came.

mod watch;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Certificate, Method, RequestBuilder, StatusCode, header::AUTHORIZATION};
use serde_json::Value;

use crate::{
    certificates::{Authority, Identity},
    http,
};

pub use watch::{Event, Watch};

/// No single answer takes longer; watches have no limit.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// A client of one facade.
#[derive(Clone, Debug)]
pub struct Rest {
    base: String,
    client: reqwest::Client,
    authorization: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for messages.
    pub request: String,
    /// The status code.
    pub status: u16,
    /// The body, or `null` if it was not JSON.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is the expected one.
    ///
    /// # Errors
    /// When it is another one; the error shows the body.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "{} gave {} instead of {status}: {}", self.request, self.status, self.body);
        Ok(self.body)
    }
}

impl Rest {
    /// A client of the facade at `base`, e.g. `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(base: &str) -> Result<Self> {
        Ok(Self::of(base, http::client()?))
    }

    /// A client of the facade at `base` that trusts one authority only, and shows its own certificate if it has one.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn over_tls(base: &str, authority: &Authority, identity: Option<&Identity>) -> Result<Self> {
        let mut builder = http::builder().tls_certs_only([Certificate::from_pem(authority.pem().as_bytes())?]);
        if let Some(Identity { certificates, key }) = identity {
            builder = builder.identity(reqwest::Identity::from_pem(format!("{key}{certificates}").as_bytes())?);
        }
        Ok(Self::of(base, builder.build().context("build an HTTP client")?))
    }

    fn of(base: &str, client: reqwest::Client) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), client, authorization: None }
    }

    /// The same client with a header `Authorization`.
    #[must_use]
    pub fn authorized(&self, authorization: &str) -> Self {
        Self { authorization: Some(authorization.to_owned()), ..self.clone() }
    }

    /// Reads an object or a list.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    /// Replaces an object, or a part of it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    /// Deletes an object, or all of a collection.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None).await
    }

    /// Sends any text as the body, e.g. one that is not JSON.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer> {
        let request = format!("{method} {path}");
        let mut builder = self.request(method, path).timeout(ANSWERED_WITHIN);
        if let Some(body) = body {
            builder = builder.header("Content-Type", "application/json").body(body);
        }
        let response = builder.send().await.with_context(|| request.clone())?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.with_context(|| format!("read the answer to {request}"))?;
        Ok(Answer { request, status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Reads an object, changes it, and writes it back, as a REST user edits.
    ///
    /// # Errors
    /// When one of the two is refused.
    pub async fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) -> Result<Value> {
        let mut object = self.get(path).await?.expect(200)?;
        change(&mut object);
        self.put(path, &object).await?.expect(200)
    }

    /// Opens a watch on a collection; what happens from now on arrives on it.
    ///
    /// # Errors
    /// When the stream is refused.
    pub async fn watch(&self, path: &str) -> Result<Watch> {
        let request = self.request(Method::GET, &format!("{path}?watch"));
        let opening = tokio::time::timeout(ANSWERED_WITHIN, request.send());
        let response =
            opening.await.with_context(|| format!("watch {path}"))?.with_context(|| format!("watch {path}"))?;
        if response.status() != StatusCode::OK {
            bail!("watch {path} gave {}", response.status());
        }
        Ok(Watch::new(path, response))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }
}
