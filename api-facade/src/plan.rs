//! `POST /plan`: what would happen to the applications of a namespace if something were different. An addition to the
//! contract.
//!
//! ```text
//! {"namespace": "team", "immediately": false, "edits": [
//!     {"type": "labels", "cluster": "de", "set": {"location": "DE"}, "remove": ["tier"]},
//!     {"type": "metric", "metric": "load", "namespaced": false, "cluster": "de", "is": {"raw": 3}},
//!     {"type": "metric", "metric": "load", "is": {"normalised": 0.5}},
//!     {"type": "cluster", "cluster": "fr", "labels": {…}, "custom_resources": […], "metrics": […]},
//!     {"type": "cluster_gone", "cluster": "it"},
//!     {"type": "application", "application": {"metadata": {"name": "shop"}, "spec": {…}}},
//!     {"type": "application_gone", "application": "shop"}]}
//! ```
//!
//! The operator answers. What is done here: whether the caller may list the applications of the namespace, and that an
//! application is read as everywhere in REST.

use axum::extract::State;
use axum::response::Response;
use krake_facade_store::Key;
use krake_facade_sync::directory::Directory;
use krake_facade_sync::name::Coordinates;
use krake_facade_sync::translate::Pairing;
use krake_facade_wire::json::{self as wire_json, Object};
use krake_facade_wire::kubernetes::Application;
use krake_facade_wire::metadata::check_namespace;
use krake_facade_wire::{Json, Kind};
use serde::Serialize;

use crate::authn::User;
use crate::authz::{Access, Verb};
use crate::payload::Payload;
use crate::problem::Failure;
use crate::resource::{Resource, json};

/// Nothing is written.
///
/// # Errors
/// [`Failure::Forbidden`] or [`Failure::Anonymous`], what is wrong with the body, and [`Failure::Operator`].
pub(crate) async fn post(
    State(resource): State<Resource<Application>>,
    user: User,
    payload: Payload,
) -> Result<Response, Failure> {
    let listing = |namespace| Access {
        api: Application::API,
        plural: Application::PLURAL,
        subresource: None,
        namespace,
        verb: Verb::List,
    };
    let authorizer = &resource.shared.authorizer;
    // The namespace is in the body, which is not read for those who may list in none.
    authorizer.permit_somewhere(&user, &listing(None)).await?;
    let question = payload.json().await?;
    let namespace = question.get("namespace").and_then(Json::as_str);
    let namespace = namespace.ok_or_else(|| refused("`namespace` must be the name of a namespace"))?;
    check_namespace(namespace)?;
    authorizer.permit(&user, &listing(Some(namespace))).await?;
    let forwarded = forward(&question)?;
    let at = Coordinates::of(&Key::of::<Application>(Some(namespace), "any"));
    let operator = resource.shared.operator()?;
    Ok(json(operator.plan(&at.namespace.unwrap_or_default(), forwarded).await?))
}

fn refused(detail: &str) -> Failure {
    Failure::Refused { status: 422, detail: detail.to_owned() }
}

/// The question in the operator's words: without the namespace, and with applications as custom resources.
fn forward(question: &Json) -> Result<Vec<u8>, Failure> {
    let mut members = question.as_object().cloned().unwrap_or_default();
    members.shift_remove("namespace");
    if let Some(Json::Array(edits)) = members.get_mut("edits") {
        for edit in edits.iter_mut().filter_map(as_application) {
            translate(edit)?;
        }
    }
    Ok(written(&members.into()))
}

/// The members of an edit that is about a new or changed application.
fn as_application(edit: &mut Json) -> Option<&mut Object> {
    let Json::Object(members) = edit else { return None };
    let is_meant = members.get("type").and_then(Json::as_str) == Some("application");
    is_meant.then_some(members)
}

fn translate(edit: &mut Object) -> Result<(), Failure> {
    let body = edit.get("application").filter(|body| body.as_object().is_some());
    let body = body.ok_or_else(|| refused("`application` must be the whole application, as in a POST"))?;
    let application = Application::decode_new(body)?;
    let (spec, _) = application.to_object(&Directory::default());
    edit.insert("application".into(), application.metadata.name.clone().into());
    edit.insert("spec".into(), read(&spec)?);
    Ok(())
}

fn read(spec: &impl Serialize) -> Result<Json, Failure> {
    let bytes = serde_json::to_vec(spec).map_err(|_| refused("the application cannot be written as JSON"))?;
    wire_json::parse(&bytes).map_err(|_| refused("the application is nested too deeply"))
}

fn written(value: &Json) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire_json::write(value, &mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn forwarded(question: &Value) -> Result<Value, Failure> {
        let bytes = forward(&wire_json::parse(question.to_string().as_bytes()).unwrap())?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn applications_are_told_as_custom_resources_and_all_else_as_it_came() {
        let spec = json!({
            "manifest": [{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" } }],
            "constraints": { "cluster": { "labels": ["location is DE"] }, "migration": false },
        });
        let gone = json!({ "type": "cluster_gone", "cluster": "Edge_1" });
        let new = json!({ "type": "application", "application": { "metadata": { "name": "My_App" }, "spec": spec } });
        let told = forwarded(&json!({ "namespace": "n", "immediately": true, "edits": [gone, new] })).unwrap();
        assert_eq!(told["namespace"], Value::Null);
        assert_eq!((&told["immediately"], &told["edits"][0]), (&json!(true), &gone));
        let edit = &told["edits"][1];
        assert_eq!(edit["application"], "My_App");
        assert_eq!(edit["spec"]["constraints"]["cluster"]["labels"], json!(["location is DE"]));
        assert_eq!(edit["spec"]["constraints"]["migration"], false);
    }

    #[test]
    fn an_application_that_is_none_is_refused() {
        let edit = |application: Value| json!({ "edits": [{ "type": "application", "application": application }] });
        assert!(matches!(forwarded(&edit(json!("shop"))), Err(Failure::Refused { status: 422, .. })));
        assert!(matches!(forwarded(&edit(json!({ "spec": {} }))), Err(Failure::Invalid(_))));
    }
}
