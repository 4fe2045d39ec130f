//! References to metrics.

use crate::schema::{optional, record, required};

record! {
    /// Names a metric and says how much it counts.
    #[derive(Debug)]
    pub struct MetricRef {
        /// The metric's name.
        pub name: String = required(),
        /// Its weight among the metrics of the object.
        pub weight: f64 = required(),
        /// Whether it is a metric of the object's own namespace; otherwise a global one.
        pub namespaced: bool = optional(),
    }
}
