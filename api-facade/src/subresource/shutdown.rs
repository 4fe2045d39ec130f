//! `shutdown`: the application says that it has shut down and may be moved or deleted.

use axum::extract::State;
use axum::response::Response;
use krake_facade_wire::Body;
use krake_facade_wire::kubernetes::{Application, ApplicationShutdown, ApplicationState};

use super::{change, check_token};
use crate::authz::Verb;
use crate::call::Call;
use crate::payload::Payload;
use crate::problem::Failure;
use crate::resource::Resource;

/// Takes the call of the hook.
///
/// # Errors
/// The set S of the contract, and [`Failure::WrongToken`].
pub(crate) async fn put(
    State(resource): State<Resource<Application>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, Some("shutdown")).await?;
    let body = ApplicationShutdown::decode(&payload.json().await?)?;
    change(&resource, &call, |stored| shut_down(stored, body.token.as_deref())).await
}

/// A call that nobody waits for changes nothing, but is no mistake.
fn shut_down(stored: &mut Application, token: Option<&str>) -> Result<(), Failure> {
    check_token(stored.status.shutdown_token.as_deref(), token)?;
    if matches!(stored.status.state, ApplicationState::WaitingForCleaning | ApplicationState::Degraded) {
        stored.status.state = ApplicationState::ReadyForAction;
        stored.status.shutdown_grace_period = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{application, at};

    fn in_state(state: ApplicationState) -> Application {
        let mut application = application("a");
        application.status.shutdown_token = Some("secret".into());
        application.status.shutdown_grace_period = Some(at(5));
        application.status.state = state;
        application
    }

    #[test]
    fn an_application_that_was_asked_is_ready_once_it_answers() {
        for state in [ApplicationState::WaitingForCleaning, ApplicationState::Degraded] {
            let mut stored = in_state(state);
            shut_down(&mut stored, Some("secret")).unwrap();
            assert_eq!(stored.status.state, ApplicationState::ReadyForAction);
            assert_eq!(stored.status.shutdown_grace_period, None);
        }
    }

    #[test]
    fn an_application_that_was_not_asked_stays_as_it_is() {
        let mut stored = in_state(ApplicationState::Running);
        shut_down(&mut stored, Some("secret")).unwrap();
        assert_eq!(stored, in_state(ApplicationState::Running));
    }
}
