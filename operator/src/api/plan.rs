//! What would happen if.

use axum::{
    body::to_bytes,
    extract::{Path, Request, State},
    response::Response,
};
use jiff::Timestamp;
use krake_operator_domain::scheduling::plan::{Question, plan};

use super::{
    Api,
    access::{Access, Caller},
    failure::Failure,
    json, snapshot,
};

const MAX_BYTES: usize = 1 << 20;

/// `POST …/plan`
///
/// # Errors
/// [`Failure::Unauthenticated`], [`Failure::Forbidden`], [`Failure::Body`], [`Failure::Question`], [`Failure::Edit`], or
/// one that passes.
pub(super) async fn post(
    State(api): State<Api>,
    Path(namespace): Path<String>,
    caller: Caller,
    request: Request,
) -> Result<Response, Failure> {
    let asked = Access { verb: "create", resource: "plans", subresource: None, namespace: &namespace, name: None };
    caller.permit(&api, asked).await?;
    let body = to_bytes(request.into_body(), MAX_BYTES).await.map_err(Failure::Body)?;
    let question: Question = serde_json::from_slice(&body).map_err(Failure::Question)?;
    let context = api.leading.context()?;
    let place = api.plans.clone().acquire_owned().await.map_err(|_| Failure::Late)?;
    let planning = tokio::task::spawn_blocking(move || {
        // Kept until the work has ended, even if nobody waits for it any more.
        let _place = place;
        plan(&snapshot::of(&namespace, &context), &question, Timestamp::now())
    });
    let plan = planning.await.map_err(Failure::Broken)?.map_err(Failure::Edit)?;
    json(&plan)
}
