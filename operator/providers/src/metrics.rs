//! Where the values of metrics are read.

use std::collections::BTreeMap;

/// What a provider says about a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One value, for whoever refers to the metric.
    One(f64),
    /// A value for each of these clusters, by `namespace/name` or `name`.
    PerCluster(BTreeMap<String, f64>),
}
