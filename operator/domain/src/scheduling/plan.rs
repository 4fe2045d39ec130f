//! What would happen if: the decisions about the applications of a namespace, made once more over a snapshot in which
//! something is different. Nothing is written.
//!
//! ```text
//! Snapshot ─▶ edit ─▶ Snapshot ─▶ decide for each application ─▶ compare with where it is ─▶ Plan
//! ```
//!
//! The decisions are the scheduler's own. What comes after them is not in a plan: a safety policy may slow moves down,
//! and a copy may not become ready. A new application has no uid yet, so that among clusters that are exactly as good it
//! may in truth get another one.

mod edit;
mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use krake_crds::{kubernetes::Application, reference::ObjectReference};
use serde::{Deserialize, Serialize};

pub use self::edit::{Edit, InvalidEdit, Value};
pub use self::snapshot::{Cloud, Site, Snapshot};
use super::{
    Candidate, Decision, Policy, Verdict, decide,
    eligibility::{self, Ineligible},
    explanation::name_of,
};

/// How many applications are named in each list of a plan.
const MOST_LISTED: usize = 1000;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What would be different; made one after the other.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Whether the answer is about this moment. Otherwise, the default, it is about the time when no application has been
    /// at its place for too short a time to move.
    #[serde(default)]
    pub immediately: bool,
}

/// What would happen.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// How many applications were looked at.
    pub looked_at: usize,
    /// How many of them would stay where they are.
    pub unchanged: usize,
    /// How many would not be looked at, because they are going away.
    pub leaving: usize,
    /// Those that would go from one cluster to another.
    pub moves: Vec<Change>,
    /// Those that would get their first place.
    pub placed: Vec<Change>,
    /// Those that would have no place, or only one that they should not have any more.
    pub unplaced: Vec<Change>,
    /// How many more there are than these lists hold.
    pub left_out: usize,
}

/// What would become of an application.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its Krake name.
    pub application: String,
    /// The cluster that it has.
    pub from: Option<String>,
    /// The cluster that it would get.
    pub to: Option<String>,
    /// Why, in one plain sentence.
    pub because: String,
    /// One line about all candidates.
    pub summary: String,
    /// By how much the new cluster would be better than the next best.
    pub margin: Option<f64>,
    /// What would be found about the cluster that it has: what objects to it, or what its score is made of.
    pub about_from: Option<String>,
    /// The same about the new one.
    pub about_to: Option<String>,
    /// Whether the same would happen without the edits.
    pub also_without_edits: bool,
}

/// What would happen to the applications of the snapshot.
///
/// # Errors
/// When an edit is about something that is not there, or makes no sense.
pub fn plan(snapshot: &Snapshot, question: &Question, now: Timestamp) -> Result<Plan, InvalidEdit> {
    let edited = edit::edited(snapshot, &question.edits, now)?;
    let policy = if question.immediately {
        snapshot.policy.clone()
    } else {
        Policy { reschedule_after: Duration::ZERO, ..snapshot.policy.clone() }
    };
    let before = World { candidates: snapshot.candidates(), gone: &[], policy: &policy, now };
    let after = World { candidates: edited.candidates(), gone: &before.candidates, policy: &policy, now };
    let known: BTreeMap<&str, &Application> =
        snapshot.applications.iter().map(|application| (snapshot::krake_name(application), &**application)).collect();
    let mut plan = Plan::default();
    for application in &edited.applications {
        let name = snapshot::krake_name(application);
        let known = known.get(name).copied();
        match after.outcome(application) {
            Outcome::Leaving => plan.leaving += 1,
            Outcome::Stays => plan.count(),
            Outcome::Differs(change) => {
                let unedited = known.map(|known| before.outcome(known));
                let is_same = |outcome| matches!(outcome, Outcome::Differs(other) if other.to == change.to);
                plan.note(Change { also_without_edits: unedited.is_some_and(is_same), ..*change });
            }
        }
    }
    Ok(plan)
}

impl Plan {
    fn count(&mut self) {
        self.looked_at += 1;
        self.unchanged += 1;
    }

    fn note(&mut self, change: Change) {
        self.looked_at += 1;
        let list = match (&change.from, &change.to) {
            (Some(_), Some(_)) => &mut self.moves,
            (None, Some(_)) => &mut self.placed,
            (_, None) => &mut self.unplaced,
        };
        if list.len() < MOST_LISTED {
            list.push(change);
        } else {
            self.left_out += 1;
        }
    }
}

/// What the applications of a snapshot see.
struct World<'a> {
    candidates: Vec<Candidate>,
    /// Clusters that may not be there any more, for their names.
    gone: &'a [Candidate],
    policy: &'a Policy,
    now: Timestamp,
}

/// What would become of one application.
enum Outcome {
    Leaving,
    Stays,
    Differs(Box<Change>),
}

impl World<'_> {
    fn outcome(&self, application: &Application) -> Outcome {
        let from = application.status.as_ref().and_then(|status| status.scheduled_to.as_ref());
        let refused = |because: &Ineligible| Change {
            application: snapshot::krake_name(application).to_owned(),
            from: self.name(from),
            to: None,
            because: because.sentence(),
            summary: String::new(),
            margin: None,
            about_from: None,
            about_to: None,
            also_without_edits: false,
        };
        let request = match eligibility::request(application, &self.candidates) {
            Ok(request) => request,
            Err(Ineligible::GoingAway) => return Outcome::Leaving,
            Err(because) => return Outcome::Differs(Box::new(refused(&because))),
        };
        let decision = decide(&request, &self.candidates, self.policy, self.now);
        if decision.chosen.is_some() && decision.chosen == from {
            return Outcome::Stays;
        }
        Outcome::Differs(Box::new(self.change(application, from, &decision)))
    }

    fn name(&self, place: Option<&ObjectReference>) -> Option<String> {
        name_of(place, self.candidates.iter().chain(self.gone))
    }

    fn change(&self, application: &Application, from: Option<&ObjectReference>, decision: &Decision<'_>) -> Change {
        Change {
            application: snapshot::krake_name(application).to_owned(),
            from: self.name(from),
            to: self.name(decision.chosen),
            because: decision.because.to_string(),
            summary: decision.summary(),
            margin: decision.margin(),
            about_from: from.map(|place| about(place, decision)),
            about_to: decision.chosen.map(|place| about(place, decision)),
            also_without_edits: false,
        }
    }
}

fn about(place: &ObjectReference, decision: &Decision<'_>) -> String {
    let found = decision.assessments.iter().find(|assessment| &assessment.candidate.place == place);
    match found.map(|found| (found.candidate, &found.verdict)) {
        Some((candidate, Verdict::Scored(score))) => score.sentence(candidate),
        Some((_, Verdict::Filtered(objection))) => objection.to_string(),
        None => "there is no such cluster".into(),
    }
}

#[cfg(test)]
mod tests;
