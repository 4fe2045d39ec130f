//! `retry`: somebody asks a degraded application to shut down once more.

use axum::extract::State;
use axum::response::Response;
use krake_facade_wire::kubernetes::{Application, ApplicationState};

use super::change;
use crate::authz::Verb;
use crate::call::Call;
use crate::problem::Failure;
use crate::resource::Resource;

/// Takes the request; its body does not matter.
///
/// # Errors
/// The set S of the contract, and [`Failure::NothingToRetry`].
pub(crate) async fn put(State(resource): State<Resource<Application>>, call: Call) -> Result<Response, Failure> {
    // Not a slip: the original checks the permission for the status here.
    resource.permit(&call, Verb::Update, Some("status")).await?;
    change(&resource, &call, retry).await
}

fn retry(stored: &mut Application) -> Result<(), Failure> {
    if stored.status.state != ApplicationState::Degraded {
        return Err(Failure::NothingToRetry);
    }
    stored.status.state = ApplicationState::WaitingForCleaning;
    stored.status.shutdown_grace_period = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{application, at};

    #[test]
    fn only_a_degraded_application_can_be_asked_again() {
        let mut stored = application("a");
        assert!(matches!(retry(&mut stored), Err(Failure::NothingToRetry)));
        stored.status.state = ApplicationState::Degraded;
        stored.status.shutdown_grace_period = Some(at(5));
        retry(&mut stored).unwrap();
        assert_eq!(stored.status.state, ApplicationState::WaitingForCleaning);
        assert_eq!(stored.status.shutdown_grace_period, None);
    }
}
