//! On which cloud a cluster is built. It is chosen once.
//!
//! A cloud of the cluster's own namespace that fits is always better than a global one. Unlike a cluster, a cloud whose
//! metrics cannot be read may still be chosen (Krake, *Cluster → Cloud*): a cluster is better built somewhere than nowhere.

use krake_crds::{
    constraint::{LabelConstraint, MetricConstraint},
    kubernetes::Cluster,
    reference::ObjectReference,
};

use super::{
    Candidate, Filter, InvalidConstraint, Objection, Request, Score, filter,
    request::parse_all,
    select::{FOLD_START, fold, preference},
};

/// What a cluster asks of a cloud: as an application does of a cluster, but for custom resources.
///
/// # Errors
/// When one of the constraints cannot be read.
pub fn request(cluster: &Cluster) -> Result<Request, InvalidConstraint> {
    let constraints = &cluster.spec.constraints.cloud;
    Ok(Request {
        uid: cluster.metadata.uid.clone().unwrap_or_default(),
        labels: parse_all::<LabelConstraint>(constraints.labels.as_deref())?,
        metrics: parse_all::<MetricConstraint>(constraints.metrics.as_deref())?,
        ..Request::default()
    })
}

/// On which cloud a cluster is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// On this one.
    Cloud(&'a ObjectReference),
    /// The metrics of a cloud that might fit have not been read yet: nothing is decided before.
    MetricsPending,
    /// On none: no cloud fits.
    NothingFits,
}

/// The cloud, if one fits; the clouds of the namespace come before the global ones.
#[must_use]
pub fn choose<'a>(request: &Request, own: &'a [Candidate], global: &'a [Candidate]) -> Choice<'a> {
    for clouds in [own, global] {
        if clouds.iter().any(|cloud| is_pending(request, cloud)) {
            return Choice::MetricsPending;
        }
        if let Some(cloud) = best(request, clouds) {
            return Choice::Cloud(cloud);
        }
    }
    Choice::NothingFits
}

/// Whether it may fit, or not, once its metrics are read.
fn is_pending(request: &Request, cloud: &Candidate) -> bool {
    cloud.rating.is_pending && !cloud.is_deleting && filter::unsuitable(request, cloud).is_none()
}

/// One line about all clouds, e.g. `0 of 2 fit: 1 label, 1 metric`.
#[must_use]
pub fn summary(request: &Request, candidates: &[Candidate]) -> String {
    let objections: Vec<_> = candidates.iter().filter_map(|cloud| objection(request, cloud)).collect();
    let count = |wanted: Filter| objections.iter().filter(|found| found.filter() == wanted).count();
    let reasons = [Filter::Deleting, Filter::Label, Filter::Metric].map(|filter| (filter, count(filter)));
    let reasons: Vec<_> =
        reasons.iter().filter(|(_, count)| *count > 0).map(|(filter, count)| format!("{count} {filter}")).collect();
    let (all, fitting) = (candidates.len(), candidates.len() - objections.len());
    let verb = if fitting == 1 { "fits" } else { "fit" };
    match (all, reasons.is_empty()) {
        (0, _) => "there is no cloud".into(),
        (_, true) => format!("{fitting} of {all} {verb}"),
        (_, false) => format!("{fitting} of {all} {verb}: {}", reasons.join(", ")),
    }
}

fn objection<'a>(request: &'a Request, cloud: &'a Candidate) -> Option<Objection<'a>> {
    let deleting = cloud.is_deleting.then_some(Objection::Deleting);
    deleting.or_else(|| filter::unsuitable(request, cloud)).or_else(|| filter::unrated(request, cloud))
}

fn best<'a>(request: &Request, candidates: &'a [Candidate]) -> Option<&'a ObjectReference> {
    let fitting: Vec<_> = candidates.iter().filter(|cloud| objection(request, cloud).is_none()).collect();
    let rated: Vec<_> = fitting.iter().copied().filter(|cloud| cloud.rating.is_complete()).collect();
    // Without any that is rated all are equal.
    let competing = if rated.is_empty() { fitting } else { rated };
    let seed = fold(FOLD_START, request.uid.as_bytes());
    // Terms of a rating that is not complete do not count.
    let score = |cloud: &Candidate| if cloud.rating.is_complete() { Score::of(cloud, 0.0).total } else { 0.0 };
    let better = |one: &&Candidate, other: &&Candidate| {
        let tie = || (preference(seed, &one.place), &one.place).cmp(&(preference(seed, &other.place), &other.place));
        score(one).total_cmp(&score(other)).then_with(tie)
    };
    competing.into_iter().max_by(better).map(|cloud| &cloud.place)
}

#[cfg(test)]
mod tests;
