//! `status`: what controllers report.

use axum::extract::State;
use axum::response::Response;

use super::change;
use crate::authz::Verb;
use crate::call::Call;
use crate::payload::Payload;
use crate::problem::Failure;
use crate::resource::Resource;
use crate::served::Served;

/// Takes the status out of a complete object, and nothing else.
///
/// # Errors
/// The set S of the contract.
pub(crate) async fn put<K: Served>(
    State(resource): State<Resource<K>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, Some("status")).await?;
    let wanted = K::decode(&payload.json().await?)?;
    change(&resource, &call, |stored: &mut K| Ok(stored.replace_status(wanted.clone())?)).await
}
