//! Why an application is where it is.

use axum::{
    extract::{Path, State},
    response::Response,
};
use jiff::Timestamp;
use krake_crds::{kubernetes::application::Decision, reference::ObjectReference};
use krake_operator_domain::scheduling::{
    Candidate, eligibility,
    explanation::{Explanation, explain},
};
use krake_operator_loops::market;
use serde::Serialize;

use super::{
    Api,
    access::{Access, Caller},
    failure::Failure,
    json, snapshot,
};

/// The decision about an application as it would be made now, explained.
#[derive(Serialize)]
struct Placement {
    /// The Krake name of the application.
    application: String,
    /// The cluster that it was given.
    scheduled_to: Option<String>,
    /// The cluster that serves it.
    running_on: Option<String>,
    /// Why no place is looked for, in one plain sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// The decision.
    #[serde(flatten)]
    explanation: Option<Explanation>,
    /// What status keeps of the decision that gave it its place.
    decided: Option<Decision>,
}

/// `GET …/applications/{name}/placement`
///
/// # Errors
/// [`Failure::Unauthenticated`], [`Failure::Forbidden`], [`Failure::NoApplication`], or one that passes.
pub(super) async fn get(
    State(api): State<Api>,
    Path((namespace, name)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Failure> {
    let asked = Access {
        verb: "get",
        resource: "applications",
        subresource: Some("placement"),
        namespace: &namespace,
        name: Some(&name),
    };
    caller.permit(&api, asked).await?;
    let context = api.leading.context()?;
    let application = snapshot::application(&context, &namespace, &name).ok_or(Failure::NoApplication(name))?;
    let candidates = market::make(&namespace, &context);
    let request = eligibility::request(&application, &candidates);
    let explained = request.map(|request| explain(&request, &candidates, &context.policy(), Timestamp::now()));
    let (explanation, refused) = match explained {
        Ok(explanation) => (Some(explanation), None),
        Err(refused) => (None, Some(refused.sentence())),
    };
    let status = application.status.as_ref();
    json(&Placement {
        application: snapshot::krake_name(&application).to_owned(),
        scheduled_to: status.and_then(|status| status.scheduled_to.as_ref()).map(|at| named(at, &candidates)),
        running_on: status.and_then(|status| status.running_on.as_ref()).map(|at| named(at, &candidates)),
        refused,
        explanation,
        decided: status.and_then(|status| status.decision.clone()),
    })
}

fn named(place: &ObjectReference, candidates: &[Candidate]) -> String {
    let candidate = candidates.iter().find(|candidate| &candidate.place == place);
    candidate.map_or(&*place.name, Candidate::name).to_owned()
}
