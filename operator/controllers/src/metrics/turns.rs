//! Whose turn it is to be read. Pure.

use super::{lookup::Provider, record::Record};

/// How many metrics are read at the same time.
const AT_ONCE: usize = 128;

/// How many of these may be of one provider: one that is slow keeps only its own metrics waiting.
const OF_ONE_PROVIDER: usize = 8;

/// The metrics that may be read as soon as they are due, in the order in which they are; `under_way` are being read.
/// There is no room for the others: each answer makes some.
pub(super) fn turns<'a>(records: impl Iterator<Item = &'a Record>, under_way: usize) -> Vec<&'a Record> {
    let mut busy = Busy::default();
    let (reading, mut waiting): (Vec<_>, Vec<_>) = records.partition(|record| record.is_under_way);
    for record in reading {
        busy.takes(record);
    }
    waiting.sort_by_key(|record| record.due);
    waiting.into_iter().filter(|record| busy.takes(record)).take(AT_ONCE.saturating_sub(under_way)).collect()
}

/// How many metrics of each provider are read.
#[derive(Default)]
struct Busy<'a>(Vec<(Option<&'a Provider>, usize)>);

impl<'a> Busy<'a> {
    /// Whether one more may be read; then it is counted.
    fn takes(&mut self, record: &'a Record) -> bool {
        let provider = record.wanted.provider.as_ref();
        let Some((_, count)) = self.0.iter_mut().find(|(known, _)| *known == provider) else {
            self.0.push((provider, 1));
            return true;
        };
        *count += 1;
        *count <= OF_ONE_PROVIDER
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use krake_crds::core::{MetricSpec, MetricsProviderSpec};
    use krake_operator_domain::metric::MetricKey;

    use super::*;
    use crate::metrics::lookup::Wanted;

    fn record(provider: &str, index: usize, due: i64, is_under_way: bool) -> Record {
        let provider = Provider { spec: MetricsProviderSpec::default(), secrets: provider.into() };
        let key = MetricKey { namespace: None, name: index.to_string() };
        let wanted = Wanted { key, spec: MetricSpec::default(), provider: Some(provider) };
        let mut record = Record::new(wanted, Timestamp::from_second(due).unwrap());
        record.is_under_way = is_under_way;
        record
    }

    fn names(records: &[Record], under_way: usize) -> Vec<&str> {
        turns(records.iter(), under_way).into_iter().map(|record| record.wanted.key.name.as_str()).collect()
    }

    #[test]
    fn a_slow_provider_leaves_room_for_the_others() {
        let mut records: Vec<_> = (0..100).map(|index| record("slow", index, 0, index < OF_ONE_PROVIDER)).collect();
        records.push(record("quick", 100, 5, false));
        assert_eq!(names(&records, OF_ONE_PROVIDER), ["100"]);
    }

    #[test]
    fn what_has_waited_for_longest_comes_first() {
        let records: Vec<_> =
            (0..20).map(|index| record("slow", index, 20 - i64::try_from(index).unwrap(), false)).collect();
        assert_eq!(names(&records, 0), ["19", "18", "17", "16", "15", "14", "13", "12"]);
    }

    #[test]
    fn there_is_an_end_to_what_is_read_at_once() {
        let records: Vec<_> = (0..200).map(|index| record(&index.to_string(), index, 0, false)).collect();
        assert_eq!(names(&records, AT_ONCE - 2).len(), 2);
        assert_eq!(names(&records, AT_ONCE), [""; 0]);
    }
}
