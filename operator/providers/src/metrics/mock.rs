//! A provider for tests: answers every request in the same way, and remembers what it was asked.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    response::Response,
};
use http::{HeaderMap, Method, header};
use krake_crds::core::metrics_provider::{Influx, Kafka, MetricsProviderSpec, MetricsProviderType, Prometheus, Static};
use tokio::net::TcpListener;

use super::{Error, Source};

/// The token that every mocked provider is asked with.
pub(super) const TOKEN: &str = "t0ken-of-the-provider";

pub(super) struct Mock {
    authority: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Mock {
    /// Answers with this status, media type and body.
    pub(super) async fn answering(status: u16, media_type: &'static str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::responding(move || {
            let response = Response::builder().status(status).header(header::CONTENT_TYPE, media_type);
            response.body(Body::from(body.clone())).unwrap()
        })
        .await
    }

    /// Answers with what the function makes.
    pub(super) async fn responding(respond: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let memory = asked.clone();
        let router = Router::new().fallback(move |request: Request| async move {
            let asked = remembered(request).await;
            memory.lock().unwrap().push(asked);
            Ok::<_, Infallible>(respond())
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { authority, asked }
    }

    /// URL of the provider, with what stands before the host and behind the port.
    pub(super) fn url(&self, user: &str, path: &str) -> String {
        format!("http://{user}{}{path}", self.authority)
    }

    pub(super) fn source(&self, type_: MetricsProviderType) -> Source {
        source(&spec(type_, &self.url("", "")))
    }

    /// The only request so far.
    pub(super) fn asked(&self) -> Asked {
        let asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked[0].clone()
    }
}

async fn remembered(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 16).await.unwrap();
    Asked {
        method: parts.method,
        target: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// A provider of a type, with names that tell what is what.
pub(super) fn spec(type_: MetricsProviderType, url: &str) -> MetricsProviderSpec {
    let mut spec = MetricsProviderSpec { type_, ..MetricsProviderSpec::default() };
    let url = url.to_owned();
    match type_ {
        MetricsProviderType::Prometheus => spec.prometheus = Some(Prometheus { url }),
        MetricsProviderType::Kafka => {
            let [table, comparison_column, value_column] = ["metrics", "name", "value"].map(str::to_owned);
            spec.kafka = Some(Kafka { url, table, comparison_column, value_column });
        }
        MetricsProviderType::Influx => {
            spec.influx = Some(Influx { url, org: "our org".into(), bucket: "loads".into(), token_secret_ref: None });
        }
        MetricsProviderType::Static => spec.static_ = Some(Static::default()),
    }
    spec
}

/// A source with the token.
pub(super) fn source(spec: &MetricsProviderSpec) -> Source {
    try_source(spec, Some(TOKEN)).unwrap()
}

pub(super) fn try_source(spec: &MetricsProviderSpec, token: Option<&str>) -> Result<Source, Error> {
    // The only error is that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Source::new(spec, token.map(Into::into))
}
