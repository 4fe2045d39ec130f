//! The application controller's part of an Application's status, and its Events.

use std::sync::Arc;

use jiff::Timestamp;
use krake_crds::{
    condition,
    kubernetes::{Application, ApplicationStatus, Placement, application::ApplicationState},
};
use krake_operator_loops::{
    context::{Announcement, Context},
    status::Part,
};

use super::{
    Error, MANAGER, NAME,
    act::Done,
    copy,
    decide::{HeldUp, Plan},
    rollback,
    summary::{CONDITIONS, View},
};

const PART: Part = Part {
    manager: MANAGER,
    fields: &["observedGeneration", "state", "reason", "runningOn", "migration", "services", "containerHealth"],
    conditions: CONDITIONS,
};

pub(super) async fn report(plan: &Plan, done: &Done, context: &Context, now: Timestamp) -> Result<(), Error> {
    if done.released {
        return Ok(());
    }
    let application = &*done.application;
    let withheld = done.result.as_ref().err().and_then(Error::withheld);
    let wanted = View::new(application, &done.placements, plan).withheld_by(withheld).status(now);
    let api = context.api_of(application);
    let Some(written) = PART.write(&api, application, &wanted).await.map_err(Error::Report)? else { return Ok(()) };
    context.instruments.wrote_status(NAME);
    let news = [given_up(application, &wanted, (plan, &done.placements)), new_state(application, &wanted)];
    for announcement in news.into_iter().flatten() {
        tracing::info!(reason = announcement.reason, "{}", announcement.note);
        context.announce(&written, announcement);
    }
    Ok(())
}

/// What users are told when a move is given up, or another cluster is sought.
fn given_up(
    application: &Application,
    wanted: &ApplicationStatus,
    (plan, placements): (&Plan, &[Arc<Placement>]),
) -> Option<Announcement> {
    let before = application.status.as_ref().and_then(|status| status.migration.as_ref());
    let record = wanted.migration.as_ref().filter(|record| before != Some(record))?;
    let from = wanted.running_on.as_ref().map(|place| place.name.as_str()).unwrap_or_default();
    let to = &record.avoided.name;
    let target = placements.iter().find(|placement| placement.spec.cluster == record.avoided);
    let why = target.and_then(|target| copy::complaint(target)).unwrap_or("nothing was deployed there");
    let seconds = rollback::pause(record.failures).as_secs();
    if plan.held_up != Some(HeldUp::GivenUp) {
        let note = format!("{to} does not bring it up: {why}; another cluster is preferred for {seconds} s");
        return Some(Announcement::warning("PlacementFailed", "Deploying", note));
    }
    let note = format!("the move from {from} to {to} is given up: {why}; {to} is left alone for {seconds} s");
    Some(Announcement::warning("MigrationFailed", "Migrating", note))
}

/// What users are told: a new state.
fn new_state(application: &Application, wanted: &ApplicationStatus) -> Option<Announcement> {
    let before = application.status.as_ref().and_then(|status| status.state);
    let state = wanted.state.filter(|state| before != Some(*state))?;
    let (reason, is_trouble) = word(state);
    // What is being done says more than what is not yet there.
    let mut told = [condition::DELETING, condition::RECONCILING, condition::READY].into_iter();
    let about = told.find_map(|type_| condition::find(&wanted.conditions, type_));
    let note = about.map(|about| about.message.clone()).unwrap_or_default();
    Some(if is_trouble {
        Announcement::warning(reason, "Deploying", note)
    } else {
        Announcement::normal(reason, "Deploying", note)
    })
}

/// The reason of the Event about a state, and whether it is a warning.
fn word(state: ApplicationState) -> (&'static str, bool) {
    match state {
        ApplicationState::Pending => ("Pending", false),
        ApplicationState::Creating => ("Creating", false),
        ApplicationState::Running => ("Running", false),
        ApplicationState::Reconciling => ("Reconciling", false),
        ApplicationState::Translating => ("Translating", false),
        ApplicationState::Retrying => ("Retrying", true),
        ApplicationState::Restarting => ("Restarting", true),
        ApplicationState::WaitingForCleaning => ("WaitingForCleaning", false),
        ApplicationState::ReadyForAction => ("ReadyForAction", false),
        ApplicationState::Migrating => ("Migrating", false),
        ApplicationState::WaitingForClusterCreation => ("WaitingForClusterCreation", false),
        ApplicationState::Deleting => ("Deleting", false),
        ApplicationState::Deleted => ("Deleted", false),
        ApplicationState::Degraded => ("Degraded", true),
        ApplicationState::Failed => ("Failed", true),
        ApplicationState::Completed => ("Completed", false),
    }
}
