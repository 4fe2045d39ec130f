//! What the API says about itself and the caller. Source: section 2.1 of the REST contract.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use krake_facade_wire::Json;
use krake_facade_wire::json::{Object, write};

use crate::authn::User;
use crate::authz::Authorizer;
use crate::problem::Failure;
use crate::resource::json;

/// The version of the contract. Clients show it, and the original's tests compare it.
const VERSION: &str = "1.0.1";

/// `GET /`
pub(crate) async fn version() -> Response {
    show([("version", VERSION.into())])
}

/// `GET /me`. Roles are shown whatever the mode of authorization.
///
/// # Errors
/// [`Failure::Store`] if the role bindings cannot be read.
pub(crate) async fn me(State(authorizer): State<Authorizer>, user: User) -> Result<Response, Failure> {
    let roles = authorizer.roles_of(&user).await?.into_iter().map(Json::from).collect();
    Ok(show([("user", (*user.0).into()), ("roles", Json::Array(roles))]))
}

/// `GET /release`
pub(crate) async fn release() -> Response {
    (StatusCode::ACCEPTED, json(r#""You released the Krake.""#)).into_response()
}

fn show<const N: usize>(members: [(&str, Json); N]) -> Response {
    let members: Object = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut body = Vec::new();
    write(&members.into(), &mut body);
    json(body)
}
