//! Values that are given in the provider itself, in Krake's words `static`.

use std::collections::BTreeMap;

use krake_crds::core::metrics_provider::Static;

use super::InvalidMetric;

#[derive(Debug)]
pub(super) struct Fixed(BTreeMap<String, f64>);

impl Fixed {
    pub(super) fn new(spec: &Static) -> Self {
        Self(spec.metrics.clone())
    }

    pub(super) fn read(&self, metric: &str) -> Result<f64, InvalidMetric> {
        self.0.get(metric).copied().ok_or(InvalidMetric::NoValue)
    }
}
