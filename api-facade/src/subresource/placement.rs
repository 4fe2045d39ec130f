//! `placement`: why an application is where it is, as the operator sees it now. An addition to the contract.

use axum::extract::State;
use axum::response::Response;
use krake_facade_store::Key;
use krake_facade_sync::name::Coordinates;
use krake_facade_wire::kubernetes::Application;

use crate::authz::Verb;
use crate::call::Call;
use crate::problem::Failure;
use crate::resource::{Resource, json};

/// Whoever may read the application may know.
///
/// # Errors
/// The set R of the contract, [`Failure::Refused`] if the application is not in the management cluster yet, and
/// [`Failure::Operator`].
pub(crate) async fn get(State(resource): State<Resource<Application>>, call: Call) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Get, None).await?;
    resource.load(&call).await?;
    let at = Coordinates::of(&Key::of::<Application>(call.namespace.as_deref(), &call.name));
    let operator = resource.shared.operator()?;
    // Its Krake name: the operator knows the object that it stands for, wherever that came from.
    Ok(json(operator.placement(&at.namespace.unwrap_or_default(), &call.name).await?))
}
