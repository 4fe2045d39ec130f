//! Which applications are scheduled at all, and what they ask.

use krake_crds::kubernetes::{Application, application::ApplicationState};

use super::{Candidate, InvalidConstraint, Request};

/// Why nobody looks for a place for an application.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// It is being deleted, or its cluster is and takes it along.
    #[error("the application is going away")]
    GoingAway,
    /// It is a TOSCA template or a CSAR archive.
    #[error("TOSCA templates and CSAR archives are not translated yet; give a manifest")]
    NotTranslated,
    /// Nobody knows what it asks for.
    #[error("one of its constraints is not in the constraint language")]
    Constraint(#[source] InvalidConstraint),
}

impl Ineligible {
    /// What is wrong, in one plain sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::GoingAway | Self::NotTranslated => self.to_string(),
            Self::Constraint(error) => format!("{error}: {}", error.source),
        }
    }
}

/// What `application` asks of `candidates`.
///
/// # Errors
/// When no place is looked for; only a change of the application or of its cluster helps.
pub fn request(application: &Application, candidates: &[Candidate]) -> Result<Request, Ineligible> {
    if application.metadata.deletion_timestamp.is_some() || is_on_leaving_cluster(application, candidates) {
        return Err(Ineligible::GoingAway);
    }
    if application.spec.manifest.is_empty() {
        return Err(Ineligible::NotTranslated);
    }
    let mut request = Request::of(application).map_err(Ineligible::Constraint)?;
    // Work that is done would be done again elsewhere.
    request.may_migrate &= !is_completed(application);
    Ok(request)
}

/// The garbage collector deletes what is on a cluster before the cluster. Whether the application is faster to move away
/// must not decide over its life.
fn is_on_leaving_cluster(application: &Application, candidates: &[Candidate]) -> bool {
    let place = application.status.as_ref().and_then(|status| status.scheduled_to.as_ref());
    candidates.iter().any(|candidate| candidate.is_deleting && Some(&candidate.place) == place)
}

fn is_completed(application: &Application) -> bool {
    let Some(status) = application.status.as_ref() else { return false };
    status.state == Some(ApplicationState::Completed) && status.observed_generation == application.metadata.generation
}
