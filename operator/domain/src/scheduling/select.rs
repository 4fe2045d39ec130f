//! Which of the candidates it is.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::reference::ObjectReference;

use super::{Assessment, Because, Candidate, Decision, Objection, Policy, Request, Score, Verdict, filter};

/// How long it takes at most to find out which clusters answer, once the operator can see any at all: after its start, and
/// after an outage in which none answered. Until then, that a cluster does not is hearsay.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// Decides where the application goes.
///
/// Depends on nothing but its arguments, and not on the order of the candidates.
#[must_use]
pub fn decide<'a>(request: &'a Request, candidates: &'a [Candidate], policy: &Policy, now: Timestamp) -> Decision<'a> {
    let place = request.place(candidates, now);
    let assessments = assess(request, candidates, policy, now);
    let best = best(request, place.current, &assessments);
    let is_pending = |assessment: &Assessment| assessment.verdict == Verdict::Filtered(Objection::MetricsPending);
    let is_pending = assessments.iter().any(is_pending);
    let (chosen, because, reconsider_after) = match incumbent(request, candidates, policy, now) {
        Incumbent::Stays(because, after) => (place.current, because, after),
        Incumbent::YieldsOnlyToAnother | Incumbent::Competes if is_pending => {
            (place.current, Because::MetricsPending, None)
        }
        Incumbent::YieldsOnlyToAnother if best.is_none() => (place.current, Because::NoAlternative, None),
        // A move that was given up must be taken back, even if the old place does not suit any more.
        Incumbent::Competes if best.is_none() && place.has_gone_back(request) => {
            (place.current, Because::NoAlternative, None)
        }
        Incumbent::YieldsOnlyToAnother | Incumbent::Competes => {
            let because = if best.is_some() { Because::Best } else { Because::NothingFits };
            (best, because, None)
        }
    };
    let reconsider_after = reconsider_after.into_iter().chain(place.reconsider_after(now)).min();
    Decision { chosen, because, assessments, reconsider_after }
}

fn assess<'a>(
    request: &'a Request,
    candidates: &'a [Candidate],
    policy: &Policy,
    now: Timestamp,
) -> Vec<Assessment<'a>> {
    let place = request.place(candidates, now);
    let objection =
        |candidate: &'a Candidate| filter::objection(request, candidate, place.avoided == Some(&candidate.place));
    let found: Vec<_> = candidates.iter().map(|candidate| (candidate, objection(candidate))).collect();
    let with_metrics = found.iter().any(|(candidate, objection)| objection.is_none() && candidate.rating.is_complete());
    let verdict = |candidate: &'a Candidate, objection: Option<Objection<'a>>| match objection {
        Some(objection) => Verdict::Filtered(objection),
        None if with_metrics && !candidate.rating.is_complete() => Verdict::Filtered(Objection::WithoutMetrics),
        None => {
            let is_current = place.current == Some(&candidate.place);
            Verdict::Scored(Score::of(candidate, if is_current { policy.stickiness } else { 0.0 }))
        }
    };
    found
        .into_iter()
        .map(|(candidate, objection)| Assessment { candidate, verdict: verdict(candidate, objection) })
        .collect()
}

/// What having a place already means for the decision.
enum Incumbent {
    /// The application stays where it is; after that time the answer may be another.
    Stays(Because, Option<Duration>),
    /// The application leaves its place, but only if it has somewhere to go.
    YieldsOnlyToAnother,
    /// The place is one of the candidates, or none at all.
    Competes,
}

fn incumbent(request: &Request, candidates: &[Candidate], policy: &Policy, now: Timestamp) -> Incumbent {
    let place = request.place(candidates, now);
    let found = candidates.iter().find(|candidate| place.current == Some(&candidate.place));
    let Some(current) = found.filter(|current| !current.is_deleting) else { return Incumbent::Competes };
    if !request.may_migrate {
        return Incumbent::Stays(Because::Pinned, None);
    }
    if filter::unsuitable(request, current).is_some() {
        return Incumbent::Competes;
    }
    let unavailable = filter::unavailable(current);
    if unavailable == Some(Objection::MetricsPending) {
        return Incumbent::Stays(Because::MetricsPending, None);
    }
    if unavailable.is_some() {
        let Some(toleration) = request.toleration.over(policy.unreachable_toleration) else {
            return Incumbent::Stays(Because::Tolerated, None);
        };
        return match tolerated(current, candidates, toleration, (policy, now)) {
            Some(left) => Incumbent::Stays(Because::Tolerated, Some(left)),
            None => Incumbent::YieldsOnlyToAnother,
        };
    }
    if place.is_stuck() {
        return Incumbent::YieldsOnlyToAnother;
    }
    // Metric constraints that cease to hold move nobody sooner than a better score does: two clusters of which one is
    // always too busy, because the application is there, would be left and entered at every reading.
    match request.scheduled_at.and_then(|since| remaining(since, policy.reschedule_after, now)) {
        Some(left) => Incumbent::Stays(Because::Dwelling, Some(left)),
        None => Incumbent::Competes,
    }
}

/// How much longer an application stays at a place that is not usable; nothing once that was for too long.
///
/// While no cluster answers, it is the operator that is cut off, and nothing is known of any of them. When they come back,
/// within some seconds, the first must not take what the others still have. So nothing is given up in the first look
/// after the first of the others answered. Kubernetes' node lifecycle controller does the like: when a node is heard again
/// after none was (its full disruption), it begins to count anew. The cluster that has answered for longest says since
/// when there was always one, or a later moment, which costs only time.
fn tolerated(
    current: &Candidate,
    candidates: &[Candidate],
    toleration: Duration,
    (policy, now): (&Policy, Timestamp),
) -> Option<Duration> {
    // Absence is never a reason to act at once: an unknown beginning counts as this moment.
    let since = current.unavailable_since.unwrap_or(now);
    if current.reachable_since.is_some() {
        return remaining(since, toleration, now);
    }
    let heard = candidates.iter().filter_map(|candidate| candidate.reachable_since).min();
    let looking = policy.looking_since.max(heard);
    let first_look = looking.and_then(|since| remaining(since, toleration.min(FIRST_LOOK), now));
    remaining(since, toleration, now).max(first_look)
}

/// What is left of `span` since then; nothing once it is over. A beginning in the future counts as this moment.
pub(super) fn remaining(since: Timestamp, span: Duration, now: Timestamp) -> Option<Duration> {
    let elapsed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    span.checked_sub(elapsed).filter(|left| !left.is_zero())
}

fn best<'a>(
    request: &Request,
    current: Option<&ObjectReference>,
    assessments: &[Assessment<'a>],
) -> Option<&'a ObjectReference> {
    let fitting = || {
        assessments.iter().filter_map(|assessment| match assessment.verdict {
            Verdict::Scored(score) => Some((&assessment.candidate.place, score.total)),
            Verdict::Filtered(_) => None,
        })
    };
    let highest = fitting().map(|(_, total)| total).max_by(f64::total_cmp)?;
    let equals = || fitting().filter(|(_, total)| total.total_cmp(&highest).is_eq()).map(|(place, _)| place);
    let seed = fold(FOLD_START, request.uid.as_bytes());
    equals()
        .find(|place| current == Some(*place))
        .or_else(|| equals().max_by_key(|place| (preference(seed, place), *place)))
}

/// How much an application likes a cluster that is as good as others: always the same for this pair, and otherwise
/// arbitrary, so that applications spread over equal clusters and a new cluster moves only its share of them.
pub(super) fn preference(seed: u64, place: &ObjectReference) -> u64 {
    let namespace = place.namespace.as_deref().unwrap_or_default();
    let parts = [&place.group, &place.kind, namespace, &place.name];
    let folded = parts.iter().fold(seed, |hash, part| fold(fold(hash, &[0]), part.as_bytes()));
    // Spreads the last bytes, in which names usually differ, over all bits.
    let mixed = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

pub(super) const FOLD_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: fixed for ever, unlike the hashes of the standard library, and fast enough for every pair of a large fleet.
pub(super) fn fold(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
