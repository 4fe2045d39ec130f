//! Answers in the words of Kubernetes: whole objects or their metadata, lists, and refusals.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::asked::{Kind, Target};

/// How much of each object a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Whole,
    Metadata,
}

impl View {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accepts.contains("as=PartialObjectMetadata") { Self::Metadata } else { Self::Whole }
    }

    pub(super) fn object(self, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => {
                let metadata = object.get("metadata");
                json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
            }
        }
    }

    pub(super) fn list(self, kind: &Kind, objects: &[std::sync::Arc<Value>], revision: u64) -> Value {
        let (api_version, name) = match self {
            Self::Whole => (kind.api_version(), format!("{}List", kind.name)),
            Self::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned()),
        };
        let items: Vec<Value> = objects.iter().map(|object| self.object(object)).collect();
        let metadata = json!({ "resourceVersion": revision.to_string() });
        json!({ "kind": name, "apiVersion": api_version, "metadata": metadata, "items": items })
    }
}

/// Whether a patch is a server-side apply, as opposed to a merge patch.
pub(super) fn is_apply(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content.starts_with("application/apply-patch")
}

pub(super) fn json(body: &Value) -> Response {
    stream(Body::from(body.to_string()))
}

pub(super) fn stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

pub(super) fn deleted(target: &Target) -> Value {
    let details = json!({ "name": target.name, "kind": target.kind.plural });
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

/// A refusal as Kubernetes words it.
#[derive(Debug)]
pub(super) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    details: Option<Value>,
    message: String,
}

impl Refusal {
    /// Nobody knows this path.
    pub(super) fn no_path(path: &str) -> Self {
        let message = format!("there is nothing at {path}");
        Self { code: StatusCode::NOT_FOUND, reason: "NotFound", details: None, message }
    }

    pub(super) fn no_object(target: &Target) -> Self {
        let details = json!({ "name": target.name, "kind": target.kind.plural });
        let message = format!("{} {:?} not found", target.kind.plural, target.name);
        Self { code: StatusCode::NOT_FOUND, reason: "NotFound", details: Some(details), message }
    }

    pub(super) fn no_method() -> Self {
        let message = "hollow clusters do not do this".to_owned();
        Self { code: StatusCode::METHOD_NOT_ALLOWED, reason: "MethodNotAllowed", details: None, message }
    }

    pub(super) fn bad_body() -> Self {
        let message = "the body is no JSON".to_owned();
        Self { code: StatusCode::BAD_REQUEST, reason: "BadRequest", details: None, message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { code, reason, details, message } = self;
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "reason": reason, "message": message, "code": code.as_u16(),
        });
        if let (Some(details), Some(status)) = (details, status.as_object_mut()) {
            status.insert("details".to_owned(), details);
        }
        (code, json(&status)).into_response()
    }
}
