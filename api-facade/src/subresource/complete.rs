//! `complete`: the application says that it has done its work, and is then to be deleted.

use axum::extract::State;
use axum::response::Response;
use krake_facade_wire::kubernetes::{Application, ApplicationComplete, ApplicationState};
use krake_facade_wire::{Body, Timestamp};

use super::{change, check_token};
use crate::authz::Verb;
use crate::call::Call;
use crate::payload::Payload;
use crate::problem::Failure;
use crate::resource::{Resource, now};

/// Takes the call of the hook.
///
/// # Errors
/// The set S of the contract, and [`Failure::WrongToken`].
pub(crate) async fn put(
    State(resource): State<Resource<Application>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, Some("complete")).await?;
    let body = ApplicationComplete::decode(&payload.json().await?)?;
    change(&resource, &call, |stored| complete(stored, body.token.as_deref(), now())).await
}

/// Unlike a DELETE, this adds no finalizer: the controller that watches the application has its own there, as the last.
fn complete(stored: &mut Application, token: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    check_token(stored.status.complete_token.as_deref(), token)?;
    stored.status.state = ApplicationState::ReadyForAction;
    stored.metadata.deleted = Some(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{application, at};

    #[test]
    fn a_completed_application_is_marked_for_deletion_without_a_finalizer() {
        let mut stored = application("a");
        stored.status.complete_token = Some("secret".into());
        assert!(complete(&mut stored, Some("guess"), at(9)).is_err());
        assert_eq!(stored, {
            let mut same = application("a");
            same.status.complete_token = Some("secret".into());
            same
        });
        complete(&mut stored, Some("secret"), at(9)).unwrap();
        assert_eq!(stored.status.state, ApplicationState::ReadyForAction);
        assert_eq!((stored.metadata.deleted, stored.metadata.finalizers.len()), (Some(at(9)), 0));
    }
}
