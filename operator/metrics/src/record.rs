//! What is known about one metric: what was read last, what still counts, and when it is read again. Pure.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use krake_crds::{
    core::MetricSpec,
    reason::{Reason, ReasonCode},
};
use krake_operator_domain::metric::{Reading, Worth, normalise};
use krake_operator_providers::metrics::{Error, InvalidMetric, Values};
use tokio::time::Instant;

use super::lookup::{Wanted, source};

/// A moment, twice: somebody may set the clocks of the world, so what is decided depends on the other kind alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Never goes back and never jumps: for ages.
    pub(super) steady: Instant,
    /// What the clocks show: for people.
    pub(super) shown: Timestamp,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), shown: Timestamp::now() }
    }
}

/// What came of an attempt to read a metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attempt {
    /// The provider gave these values.
    Read(Values),
    /// The provider did not answer; values that were read before count for a while.
    Silent(Reason),
    /// There is no value, and older ones do not count any more.
    Failed(Reason),
}

impl Attempt {
    /// What an error of a provider means.
    pub(super) fn of(error: &Error) -> Self {
        let reason = Reason::new(error.code(), error.sentence());
        match error {
            Error::Provider(_) => Self::Silent(reason),
            Error::Metric(_) => Self::Failed(reason),
        }
    }
}

/// A provider that could not be asked.
pub(super) fn silent(message: String) -> Attempt {
    Attempt::Silent(Reason::new(ReasonCode::UnreachableMetricsProvider, message))
}

/// What is known about one metric.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// What is read, and where.
    pub(super) wanted: Wanted,
    /// When it is to be read next.
    pub(super) due: Instant,
    /// Whether it is being read.
    pub(super) is_under_way: bool,
    /// The last values, and when they were read.
    values: Option<(Values, Moment)>,
    /// Whether these are of a source that was replaced: they count until the new one was asked.
    is_outdated: bool,
    /// Why there are none that count.
    failure: Option<(Reason, Timestamp)>,
}

impl Record {
    /// A metric of which nothing is known yet; it is due now.
    pub(super) fn new(wanted: Wanted, now: Instant) -> Self {
        Self { wanted, due: now, is_under_way: false, values: None, is_outdated: false, failure: None }
    }

    /// Follows a change of the metric or of its provider. What was read before counts until a new source has been asked; a
    /// changed range applies to it at once.
    pub(super) fn follow(&mut self, wanted: Wanted, now: Instant) {
        if wanted == self.wanted {
            return;
        }
        let is_same_source =
            wanted.provider == self.wanted.provider && wanted.spec.provider == self.wanted.spec.provider;
        if !is_same_source {
            self.is_outdated = true;
            self.is_under_way = false;
            self.due = now;
        }
        self.wanted = wanted;
    }

    /// Takes what an attempt has brought. Of a source that is not the record's any more nothing counts.
    pub(super) fn take(&mut self, asked: &Wanted, attempt: Attempt, now: Moment, max_age: Duration) {
        if asked.provider != self.wanted.provider || asked.spec.provider != self.wanted.spec.provider {
            return;
        }
        self.is_under_way = false;
        let is_outdated = std::mem::take(&mut self.is_outdated);
        let is_young = |at: &Moment| now.steady.duration_since(at.steady) < max_age;
        match attempt {
            Attempt::Read(values) => {
                self.values = Some((values, now));
                self.failure = None;
            }
            Attempt::Silent(_) if !is_outdated && self.values.as_ref().is_some_and(|(_, at)| is_young(at)) => {}
            Attempt::Silent(reason) | Attempt::Failed(reason) => {
                self.values = None;
                self.failure = Some((reason, now.shown));
            }
        }
    }

    /// Another metric has found out that the provider does not answer. Nobody waits any longer for one that was never read.
    pub(super) fn take_over(&mut self, asked: &Wanted, reason: &Reason, now: Timestamp) {
        if asked.provider == self.wanted.provider && self.values.is_none() && self.failure.is_none() {
            self.failure = Some((reason.clone(), now));
        }
    }

    /// When the values stop to count unless they are read again; nothing if there are none that count. `limit` is the
    /// greatest age.
    pub(super) fn expires(&self, limit: Duration) -> Option<Instant> {
        let (_, at) = self.values.as_ref().filter(|_| self.failure.is_none())?;
        at.steady.checked_add(limit)
    }

    /// What everybody may know. Values older than `limit` do not count, even if nobody has found out yet that they cannot be
    /// read again.
    pub(super) fn reading(&self, now: Instant, limit: Duration) -> Reading {
        let Wanted { key, spec, .. } = &self.wanted;
        let source = source(key.namespace.as_deref(), &spec.provider.name);
        if let Some((reason, at)) = &self.failure {
            return Reading { worth: Worth::Unknown(reason.clone()), at: *at, source };
        }
        let is_expired = self.expires(limit).is_some_and(|expires| expires <= now);
        match &self.values {
            Some((_, at)) if is_expired => {
                let message = format!("the metric {} has not been read for a while", key.name);
                let reason = Reason::new(ReasonCode::UnreachableMetricsProvider, message);
                Reading { worth: Worth::Unknown(reason), at: at.shown, source }
            }
            Some((values, at)) => Reading { worth: worth(&key.name, spec, values), at: at.shown, source },
            None => Reading { worth: Worth::Unread, at: Timestamp::UNIX_EPOCH, source },
        }
    }
}

fn worth(name: &str, spec: &MetricSpec, values: &Values) -> Worth {
    let normalised = |value: f64| {
        normalise(spec, value)
            .map_err(|invalid| Reason::new(invalid.code(), format!("the metric {name} does not count: {invalid}")))
    };
    match values {
        Values::One(value) => normalised(*value).map_or_else(Worth::Unknown, Worth::One),
        Values::PerCluster(values) => {
            let each = |value: &Result<f64, InvalidMetric>| {
                let invalid = |invalid: InvalidMetric| Reason::new(ReasonCode::InvalidMetric, invalid.to_string());
                value.clone().map_err(invalid).and_then(normalised)
            };
            let each: BTreeMap<_, _> = values.iter().map(|(name, value)| (name.clone(), each(value))).collect();
            Worth::PerCluster(each)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use krake_crds::core::metric::MetricSource;
    use krake_operator_domain::metric::MetricKey;

    use super::*;

    const MAX_AGE: Duration = Duration::from_mins(1);
    const LIMIT: Duration = Duration::from_secs(70);

    fn wanted(provider: &str, max: f64) -> Wanted {
        let provider = MetricSource { name: provider.into(), metric: "heat".into() };
        Wanted {
            key: MetricKey { namespace: None, name: "heat".into() },
            spec: MetricSpec { min: 0.0, max, provider, ..MetricSpec::default() },
            provider: None,
        }
    }

    fn shown(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// That many seconds after the beginning, by clocks that are right.
    fn at(second: u64) -> Moment {
        Moment { steady: steady(second), shown: shown(i64::try_from(second).unwrap()) }
    }

    /// Of all tests the same.
    fn steady(second: u64) -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        *START + Duration::from_secs(second)
    }

    fn silence() -> Attempt {
        Attempt::Silent(Reason::new(ReasonCode::UnreachableMetricsProvider, "no answer"))
    }

    fn read(value: f64) -> Attempt {
        Attempt::Read(Values::One(value))
    }

    fn known(record: &Record) -> Option<Result<f64, ReasonCode>> {
        match record.reading(steady(60), LIMIT).worth {
            Worth::Unread => None,
            Worth::One(value) => Some(Ok(value)),
            Worth::Unknown(reason) => Some(Err(reason.code)),
            Worth::PerCluster(_) => panic!("not asked for"),
        }
    }

    /// A record after these attempts, one every ten seconds.
    fn after(attempts: &[Attempt]) -> Record {
        let mut record = Record::new(wanted("p", 5.0), steady(0));
        for (second, attempt) in (0..).step_by(10).zip(attempts) {
            record.take(&wanted("p", 5.0), attempt.clone(), at(second), MAX_AGE);
        }
        record
    }

    #[test]
    fn silence_is_forgiven_for_a_while() {
        assert_eq!(known(&after(&[])), None);
        assert_eq!(known(&after(&[silence()])), Some(Err(ReasonCode::UnreachableMetricsProvider)));
        let mut attempts = vec![read(2.0)];
        attempts.extend(vec![silence(); 5]);
        assert_eq!(known(&after(&attempts)), Some(Ok(0.4)));
        assert_eq!(after(&attempts).reading(steady(60), LIMIT).at, shown(0));
        attempts.push(silence());
        assert_eq!(known(&after(&attempts)), Some(Err(ReasonCode::UnreachableMetricsProvider)));
        attempts.push(read(3.0));
        assert_eq!(known(&after(&attempts)), Some(Ok(0.6)));
    }

    #[test]
    fn what_counts_does_not_depend_on_what_the_clocks_are_set_to() {
        const HOUR: i64 = 3600;
        for step in [-HOUR, HOUR] {
            let set = |second| Moment { shown: shown(i64::try_from(second).unwrap() + step), ..at(second) };
            let mut record = after(&[read(2.0)]);
            record.take(&wanted("p", 5.0), silence(), set(59), MAX_AGE);
            assert_eq!(record.expires(LIMIT), Some(steady(70)), "{step}");
            assert_eq!(record.reading(set(69).steady, LIMIT).worth, Worth::One(0.4), "{step}");
            assert_ne!(record.reading(set(70).steady, LIMIT).worth, Worth::One(0.4), "{step}");
            record.take(&wanted("p", 5.0), silence(), set(60), MAX_AGE);
            assert_eq!(known(&record), Some(Err(ReasonCode::UnreachableMetricsProvider)), "{step}");
            record.take(&wanted("p", 5.0), read(3.0), set(61), MAX_AGE);
            let reading = record.reading(set(61).steady, LIMIT);
            assert_eq!((reading.worth, reading.at), (Worth::One(0.6), set(61).shown), "{step}");
        }
    }

    #[test]
    fn values_do_not_count_for_ever_while_an_attempt_has_no_end() {
        let mut record = after(&[read(2.0)]);
        record.is_under_way = true;
        assert_eq!(record.expires(LIMIT), Some(steady(70)));
        assert_eq!(record.reading(steady(69), LIMIT).worth, Worth::One(0.4));
        let reading = record.reading(steady(70), LIMIT);
        let Worth::Unknown(reason) = reading.worth else { panic!("it counts") };
        assert_eq!((reason.code, reading.at), (ReasonCode::UnreachableMetricsProvider, shown(0)));
        assert_eq!(reason.message, "the metric heat has not been read for a while");
        record.take(&wanted("p", 5.0), read(2.0), at(71), MAX_AGE);
        assert_eq!(record.reading(steady(71), LIMIT).worth, Worth::One(0.4));
        assert_eq!((after(&[]).expires(LIMIT), after(&[silence()]).expires(LIMIT)), (None, None));
    }

    #[test]
    fn a_metric_that_was_never_read_shares_the_silence_of_its_provider() {
        let Attempt::Silent(reason) = silence() else { panic!("it is one") };
        let mut unread = after(&[]);
        unread.take_over(&wanted("p", 5.0), &reason, shown(1));
        assert_eq!(known(&unread), Some(Err(ReasonCode::UnreachableMetricsProvider)));
        unread.take(&wanted("p", 5.0), read(2.0), at(2), MAX_AGE);
        unread.take_over(&wanted("p", 5.0), &reason, shown(3));
        assert_eq!(known(&unread), Some(Ok(0.4)));
    }

    #[test]
    fn nonsense_is_not_forgiven() {
        let failed = Attempt::Failed(Reason::new(ReasonCode::InvalidMetric, "no value"));
        assert_eq!(known(&after(&[read(2.0), failed])), Some(Err(ReasonCode::InvalidMetric)));
        let record = after(&[read(2.0), read(f64::NAN)]);
        let Worth::Unknown(reason) = record.reading(steady(60), LIMIT).worth else { panic!("it counts") };
        assert_eq!(reason.message, "the metric heat does not count: its value is not between 0 and 5");
    }

    #[test]
    fn a_new_range_applies_to_what_is_known_and_a_new_source_begins_anew() {
        let mut record = after(&[read(2.0)]);
        record.due = steady(100);
        record.follow(wanted("p", 10.0), steady(50));
        assert_eq!((known(&record), record.due), (Some(Ok(0.2)), steady(100)));
        record.follow(wanted("other", 10.0), steady(50));
        assert_eq!((known(&record), record.due), (Some(Ok(0.2)), steady(50)));
        record.take(&wanted("p", 10.0), read(9.0), at(51), MAX_AGE);
        assert_eq!(known(&record), Some(Ok(0.2)), "an answer of the old source came late");
        record.take(&wanted("other", 10.0), silence(), at(52), MAX_AGE);
        assert_eq!(known(&record), Some(Err(ReasonCode::UnreachableMetricsProvider)));
    }

    #[test]
    fn each_cluster_has_its_own_worth() {
        let none = Err(InvalidMetric::NotNumber);
        let values = [("edge".into(), Ok(1.0)), ("core".into(), Ok(9.0)), ("far".into(), none)];
        let values = Values::PerCluster(values.into());
        let record = after(&[Attempt::Read(values)]);
        let Worth::PerCluster(worth) = record.reading(steady(60), LIMIT).worth else { panic!("the same for all") };
        assert_eq!(worth["edge"], Ok(0.2));
        for cluster in ["core", "far"] {
            assert_eq!(worth[cluster].as_ref().unwrap_err().code, ReasonCode::InvalidMetric, "{cluster}");
        }
    }
}
