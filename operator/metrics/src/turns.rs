//! Whose turn it is to be read. Pure.

use std::collections::BTreeMap;

use super::{lookup::Wanted, record::Record};

/// How many metrics are read at the same time.
const AT_ONCE: usize = 128;

/// How many of these are kept free for global metrics, which everybody depends on.
const FOR_GLOBAL: usize = 32;

/// How many may be of one namespace: a tenant with many slow providers keeps only itself waiting.
const OF_ONE_NAMESPACE: usize = 16;

/// How many may be of one provider: one that is slow keeps only its own metrics waiting.
const OF_ONE_PROVIDER: usize = 8;

/// The metrics that may be read as soon as they are due, in the order in which they are; `busy` are being read. There is no
/// room for the others: each answer makes some.
pub(super) fn turns<'a>(records: impl Iterator<Item = &'a Record>, busy: &Busy) -> Vec<&'a Record> {
    let mut busy = busy.clone();
    let mut waiting: Vec<_> = records.filter(|record| !record.is_under_way).collect();
    waiting.sort_by_key(|record| record.due);
    waiting.into_iter().filter(|record| busy.takes(&record.wanted)).collect()
}

/// How many metrics are being read: of each namespace, or of none, and of each provider there.
#[derive(Clone, Debug, Default)]
pub(super) struct Busy(BTreeMap<Option<String>, BTreeMap<String, usize>>);

impl Busy {
    /// Whether one more may be read; then it is counted.
    pub(super) fn takes(&mut self, wanted: &Wanted) -> bool {
        if !self.has_room(wanted) {
            return false;
        }
        let (namespace, provider) = place(wanted);
        *self.0.entry(namespace.clone()).or_default().entry(provider.clone()).or_default() += 1;
        true
    }

    /// One that was counted is not read any more.
    pub(super) fn frees(&mut self, wanted: &Wanted) {
        let (namespace, provider) = place(wanted);
        let Some(providers) = self.0.get_mut(namespace) else { return };
        if let Some(count) = providers.get_mut(provider) {
            *count = count.saturating_sub(1);
        }
        providers.retain(|_, count| *count > 0);
        self.0.retain(|_, providers| !providers.is_empty());
    }

    fn has_room(&self, wanted: &Wanted) -> bool {
        let (namespace, provider) = place(wanted);
        let of_provider = self.0.get(namespace).and_then(|providers| providers.get(provider)).copied();
        if of_provider.unwrap_or_default() >= OF_ONE_PROVIDER || self.count(|_| true) >= AT_ONCE {
            return false;
        }
        namespace.is_none()
            || self.count(|one| one == namespace) < OF_ONE_NAMESPACE
                && self.count(Option::is_some) < AT_ONCE - FOR_GLOBAL
    }

    fn count(&self, is_counted: impl Fn(&Option<String>) -> bool) -> usize {
        self.0.iter().filter(|(namespace, _)| is_counted(namespace)).flat_map(|(_, providers)| providers.values()).sum()
    }
}

/// The namespace of a metric, and the name of its provider there.
fn place(wanted: &Wanted) -> (&Option<String>, &String) {
    (&wanted.key.namespace, &wanted.spec.provider.name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use krake_crds::core::{MetricSpec, metric::MetricSource};
    use krake_operator_domain::metric::MetricKey;
    use tokio::time::Instant;

    use super::*;

    /// A metric that is due that many seconds after `start`.
    fn record((namespace, provider): (Option<&str>, &str), index: usize, start: Instant, due: u64) -> Record {
        let provider = MetricSource { name: provider.into(), metric: String::new() };
        let key = MetricKey { namespace: namespace.map(str::to_owned), name: index.to_string() };
        let spec = MetricSpec { provider, ..MetricSpec::default() };
        Record::new(Wanted { key, spec, provider: None }, start + Duration::from_secs(due))
    }

    /// One metric of each of this many providers.
    fn scattered(namespace: Option<&str>, count: usize) -> Vec<Record> {
        let start = Instant::now();
        (0..count).map(|index| record((namespace, &index.to_string()), index, start, 0)).collect()
    }

    /// The counts while these are read.
    fn busy<'a>(records: impl IntoIterator<Item = &'a mut Record>) -> Busy {
        let mut busy = Busy::default();
        for record in records {
            record.is_under_way = busy.takes(&record.wanted);
        }
        busy
    }

    fn names<'a>(records: &'a [Record], busy: &Busy) -> Vec<&'a str> {
        turns(records.iter(), busy).into_iter().map(|record| record.wanted.key.name.as_str()).collect()
    }

    #[test]
    fn a_slow_provider_leaves_room_for_the_others() {
        let start = Instant::now();
        let mut records: Vec<_> = (0..100).map(|index| record((None, "slow"), index, start, 0)).collect();
        records.push(record((None, "quick"), 100, start, 5));
        let mut busy = busy(records.iter_mut().take(OF_ONE_PROVIDER));
        assert_eq!(names(&records, &busy), ["100"]);
        busy.frees(&records[0].wanted);
        assert_eq!(names(&records, &busy), ["8", "100"]);
    }

    #[test]
    fn what_has_waited_for_longest_comes_first() {
        let start = Instant::now();
        let records: Vec<_> =
            (0..20).map(|index| record((None, "slow"), index, start, 20 - u64::try_from(index).unwrap())).collect();
        assert_eq!(names(&records, &Busy::default()), ["19", "18", "17", "16", "15", "14", "13", "12"]);
    }

    #[test]
    fn a_namespace_with_many_providers_leaves_room_for_the_others() {
        let mut records = scattered(Some("greedy"), 200);
        assert_eq!(names(&records, &Busy::default()).len(), OF_ONE_NAMESPACE);
        let busy = busy(&mut records);
        records.push(record((Some("modest"), "p"), 200, Instant::now(), 5));
        assert_eq!(names(&records, &busy), ["200"]);
    }

    #[test]
    fn all_namespaces_together_leave_room_for_global_metrics() {
        let mut records: Vec<_> = (0..20).flat_map(|index| scattered(Some(&format!("n{index}")), 16)).collect();
        assert_eq!(names(&records, &Busy::default()).len(), AT_ONCE - FOR_GLOBAL);
        let busy = busy(&mut records);
        assert_eq!(names(&scattered(None, 100), &busy).len(), FOR_GLOBAL);
    }

    #[test]
    fn there_is_an_end_to_what_is_read_at_once() {
        let mut records = scattered(None, 200);
        assert_eq!(names(&records, &busy(records.clone().iter_mut().take(AT_ONCE - 2))).len(), 2);
        let busy = busy(&mut records);
        assert_eq!(names(&records, &busy), [""; 0]);
    }
}
