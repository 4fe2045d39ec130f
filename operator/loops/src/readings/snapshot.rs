//! What the metrics are worth now, for everybody.

use std::{collections::BTreeMap, sync::Arc};

use futures::stream::BoxStream;
use krake_operator_domain::metric::{MetricKey, Reading, Readings};
use tokio::sync::watch;

use super::merged::Merged;

/// What the metrics are worth now. Cheap to read; those who wait are woken when a worth changes, not when it was merely
/// read again.
#[derive(Debug)]
pub struct Snapshot {
    readings: watch::Sender<Arc<Readings>>,
    /// With those that were not read yet.
    merged: Merged,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self { readings: watch::Sender::new(Arc::default()), merged: Merged::default() }
    }
}

impl Snapshot {
    /// What is known now.
    #[must_use]
    pub fn now(&self) -> Arc<Readings> {
        self.readings.borrow().clone()
    }

    /// What `merge` makes of what is known now; made again when that, or by `changes` something else, has changed.
    pub(super) fn merged(
        &self,
        changes: impl FnOnce() -> BoxStream<'static, ()>,
        merge: impl FnOnce(&Arc<Readings>) -> Arc<Readings>,
    ) -> Arc<Readings> {
        self.merged.now(|| self.now(), changes, merge)
    }

    /// What is known, whenever a worth has changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Arc<Readings>> {
        self.readings.subscribe()
    }

    /// Replaces what is known.
    pub fn publish(&self, readings: Readings) {
        self.readings.send_if_modified(|known| {
            let changed = !are_worth_the_same(known, &readings);
            *known = Arc::new(readings);
            changed
        });
    }
}

fn are_worth_the_same(one: &BTreeMap<MetricKey, Reading>, other: &BTreeMap<MetricKey, Reading>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, reading), (other_key, other_reading))| {
            key == other_key && reading.worth == other_reading.worth && reading.source == other_reading.source
        })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use krake_operator_domain::metric::Worth;

    use super::*;

    fn readings(value: f64, second: i64) -> Readings {
        let at = Timestamp::from_second(second).unwrap();
        let reading = Reading { worth: Worth::One(value), at, source: "MetricsProvider p".into() };
        [(MetricKey { namespace: None, name: "heat".into() }, reading)].into()
    }

    #[test]
    fn a_value_that_was_read_again_wakes_nobody_and_is_known_to_be_fresh() {
        let snapshot = Snapshot::default();
        snapshot.publish(readings(0.5, 1));
        let changes = snapshot.changes();
        snapshot.publish(readings(0.5, 2));
        assert!(!changes.has_changed().unwrap());
        assert_eq!(*snapshot.now(), readings(0.5, 2));
        snapshot.publish(readings(0.6, 3));
        assert!(changes.has_changed().unwrap());
        assert_eq!(*snapshot.now(), readings(0.6, 3));
    }
}
