//! Where the values of metrics are read.
//!
//! A [`Source`] is made from the spec of a provider; it checks the spec, asks the provider, and takes the value out of
//! the answer. Whether the value is one that the metric allows is decided elsewhere.

mod address;
mod annotated_csv;
mod endpoint;
mod error;
mod fixed;
mod influx;
mod kafka;
mod number;
mod prometheus;

use std::{collections::BTreeMap, sync::Arc};

use krake_crds::core::metrics_provider::{MetricsProviderSpec, MetricsProviderType};
use secrecy::SecretString;

pub use error::{Error, InvalidMetric, Unreachable};
use fixed::Fixed;
use influx::Influx;
use kafka::Kafka;
use prometheus::Prometheus;

/// What a provider says about a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One value, for whoever refers to the metric.
    One(f64),
    /// A value for each of these clusters, by `namespace/name` or `name`, or why that cluster has none: a mistake in one
    /// says nothing about the others.
    PerCluster(BTreeMap<String, Result<f64, InvalidMetric>>),
}

/// A metrics provider that can be asked. Clones share its connections; `Debug` shows no credentials.
#[derive(Clone, Debug)]
pub struct Source(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Prometheus(Prometheus),
    Kafka(Kafka),
    Influx(Influx),
    Fixed(Fixed),
}

impl Source {
    /// Checks what is known about a provider; nothing is asked yet. Only `InfluxDB` has a token.
    ///
    /// A user and password in the URL are sent as basic authentication; a query or fragment in it is not sent.
    /// The process must have a TLS provider.
    ///
    /// # Errors
    /// [`Unreachable::Spec`] if the provider cannot be asked with this spec and token, [`Unreachable::Client`] if there
    /// can be no HTTP client. Asking again does not help before the spec, the token or the host has changed.
    pub fn new(spec: &MetricsProviderSpec, token: Option<SecretString>) -> Result<Self, Error> {
        let missing = Unreachable::Spec("its spec lacks the member that its type names");
        let kind = match spec.type_ {
            MetricsProviderType::Prometheus => {
                Kind::Prometheus(Prometheus::new(spec.prometheus.as_ref().ok_or(missing)?)?)
            }
            MetricsProviderType::Kafka => Kind::Kafka(Kafka::new(spec.kafka.as_ref().ok_or(missing)?)?),
            MetricsProviderType::Influx => Kind::Influx(Influx::new(spec.influx.as_ref().ok_or(missing)?, token)?),
            MetricsProviderType::Static => Kind::Fixed(Fixed::new(spec.static_.as_ref().ok_or(missing)?)),
        };
        Ok(Self(Arc::new(kind)))
    }

    /// The value of a metric now, by the name that `spec.provider.metric` of the Metric gives it. It may be infinite or
    /// no number (`NaN`). Takes 20 s at most.
    ///
    /// # Errors
    /// [`Error::Metric`] if the provider answers and has no usable value, [`Error::Provider`] if it does not answer.
    pub async fn read(&self, metric: &str) -> Result<Values, Error> {
        match &*self.0 {
            Kind::Prometheus(prometheus) => prometheus.read(metric).await,
            Kind::Kafka(kafka) => kafka.read(metric).await.map(Values::One),
            Kind::Influx(influx) => influx.read(metric).await.map(Values::One),
            Kind::Fixed(fixed) => Ok(Values::One(fixed.read(metric)?)),
        }
    }
}

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
