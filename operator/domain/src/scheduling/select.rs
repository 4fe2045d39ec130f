//! Which of the candidates it is.

use std::time::Duration;

use jiff::Timestamp;
use krake_crds::{kubernetes::cluster::ClusterState, reference::ObjectReference};

use super::{Assessment, Because, Candidate, Decision, Policy, Request, Score, Verdict, filter};

/// Decides where the application goes.
///
/// Depends on nothing but its arguments, and not on the order of the candidates.
#[must_use]
pub fn decide(request: &Request, candidates: &[Candidate], policy: &Policy, now: Timestamp) -> Decision {
    let assessments: Vec<_> = candidates.iter().map(|candidate| assess(request, candidate, policy)).collect();
    let best = best(request, &assessments);
    let (chosen, because, reconsider_after) = match incumbent(request, candidates, policy, now) {
        Incumbent::Stays(because, after) => (request.current.clone(), because, after),
        Incumbent::YieldsOnlyToAnother if best.is_none() => (request.current.clone(), Because::NoAlternative, None),
        Incumbent::YieldsOnlyToAnother | Incumbent::Competes => {
            let because = if best.is_some() { Because::Best } else { Because::NothingFits };
            (best, because, None)
        }
    };
    Decision { chosen, because, assessments, reconsider_after }
}

fn assess(request: &Request, candidate: &Candidate, policy: &Policy) -> Assessment {
    let is_current = request.current.as_ref() == Some(&candidate.cluster);
    let verdict = match filter::objection(request, candidate) {
        Some((by, sentence)) => Verdict::Filtered { by, sentence },
        None => Verdict::Scored(Score::of(Vec::new(), is_current.then_some(policy.stickiness))),
    };
    Assessment { cluster: candidate.cluster.clone(), verdict }
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
    let found = candidates.iter().find(|candidate| request.current.as_ref() == Some(&candidate.cluster));
    let Some(current) = found.filter(|current| !current.is_deleting) else { return Incumbent::Competes };
    if !request.may_migrate {
        return Incumbent::Stays(Because::Pinned, None);
    }
    if filter::mismatch(request, current).is_some() {
        return Incumbent::Competes;
    }
    if current.state != ClusterState::Online {
        // Absence is never a reason to act at once: an unknown beginning counts as this moment.
        let since = current.unavailable_since.unwrap_or(now);
        return match remaining(since, policy.unreachable_toleration, now) {
            Some(left) => Incumbent::Stays(Because::Tolerated, Some(left)),
            None => Incumbent::YieldsOnlyToAnother,
        };
    }
    match request.scheduled_at.and_then(|since| remaining(since, policy.reschedule_after, now)) {
        Some(left) => Incumbent::Stays(Because::Dwelling, Some(left)),
        None => Incumbent::Competes,
    }
}

/// What is left of `span` since then; nothing once it is over. A beginning in the future counts as this moment.
fn remaining(since: Timestamp, span: Duration, now: Timestamp) -> Option<Duration> {
    let elapsed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    span.checked_sub(elapsed).filter(|left| !left.is_zero())
}

fn best(request: &Request, assessments: &[Assessment]) -> Option<ObjectReference> {
    let fitting = || {
        assessments.iter().filter_map(|assessment| match &assessment.verdict {
            Verdict::Scored(score) => Some((&assessment.cluster, score.total)),
            Verdict::Filtered { .. } => None,
        })
    };
    let highest = fitting().map(|(_, total)| total).max_by(f64::total_cmp)?;
    let equals = || fitting().filter(|(_, total)| total.total_cmp(&highest).is_eq()).map(|(cluster, _)| cluster);
    let seed = fold(FOLD_START, request.uid.as_bytes());
    equals()
        .find(|cluster| request.current.as_ref() == Some(cluster))
        .or_else(|| equals().max_by_key(|cluster| (preference(seed, cluster), *cluster)))
        .cloned()
}

/// How much an application likes a cluster that is as good as others: always the same for this pair, and otherwise
/// arbitrary, so that applications spread over equal clusters and a new cluster moves only its share of them.
fn preference(seed: u64, cluster: &ObjectReference) -> u64 {
    let namespace = cluster.namespace.as_deref().unwrap_or_default();
    let parts = [&cluster.group, &cluster.kind, namespace, &cluster.name];
    let folded = parts.iter().fold(seed, |hash, part| fold(fold(hash, &[0]), part.as_bytes()));
    // Spreads the last bytes, in which names usually differ, over all bits.
    let mixed = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

const FOLD_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: fixed for ever, unlike the hashes of the standard library, and fast enough for every pair of a large fleet.
fn fold(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
