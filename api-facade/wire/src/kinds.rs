//! What a kind is, for code that serves all of them, and the list of kinds.

use crate::core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider, Role, RoleBinding};
use crate::infrastructure::{Cloud, GlobalCloud, GlobalInfrastructureProvider, InfrastructureProvider};
use crate::kubernetes::{Application, ApplicationComplete, ApplicationShutdown, CloudBinding, Cluster, ClusterBinding};
use crate::openstack::{MagnumCluster, MagnumClusterBinding, Project};
use crate::schema::{Enveloped, Mode, Value};
use crate::{ImmutableField, Invalid, Json, Metadata, json};

/// A kind of persistent objects.
///
/// The equality of two objects (`==`) is that of the "no update" rule: all fields count, also those that requests
/// cannot change; timestamps as instants, constraints by meaning, free-form content as [`Json`] says.
pub trait Kind: Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// The API, the first segment of its routes.
    const API: &'static str;
    /// The name of the kind.
    const KIND: &'static str;
    /// The name of its collections in routes and keys.
    const PLURAL: &'static str;
    /// Whether its objects live in namespaces.
    const NAMESPACED: bool;
    /// Whether its objects have a status, which is a subresource.
    const HAS_STATUS: bool = false;
    /// Whether a PUT that changes nothing succeeds, and still changes nothing; for all other kinds it is refused.
    const IDENTICAL_PUT_IS_FINE: bool = false;

    /// The object's metadata.
    fn metadata(&self) -> &Metadata;

    /// The object's metadata, to change.
    fn metadata_mut(&mut self) -> &mut Metadata;

    /// Reads the body of a creation request. What the server decides has placeholder values, the status its defaults,
    /// whatever the body says: the caller sets namespace, uid and times.
    ///
    /// # Errors
    /// All that is wrong with the body.
    fn decode_new(body: &Json) -> Result<Self, Invalid>;

    /// Reads the body of any other request: a complete object.
    ///
    /// # Errors
    /// All that is wrong with the body.
    fn decode(body: &Json) -> Result<Self, Invalid>;

    /// Reads a value from the database. It may be of another version: missing fields get their defaults where they have
    /// one, rules about content do not count, and fields that nobody knows are dropped.
    ///
    /// # Errors
    /// [`StoredError`]; the value should be kept aside.
    fn decode_stored(value: &[u8]) -> Result<Self, StoredError>;

    /// Appends the wire form, which is also the form in the database.
    fn encode(&self, out: &mut Vec<u8>);

    /// Makes the stored object what a PUT of `new` makes of it: read-only metadata and the status stay.
    ///
    /// # Errors
    /// `new` changes a field that never changes. The object is then partly merged and must be dropped.
    fn replace(&mut self, new: Self) -> Result<(), ImmutableField>;

    /// Takes over the status of `from`, and nothing else. Kinds without a status stay as they are.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    fn replace_status(&mut self, _from: Self) -> Result<(), ImmutableField> {
        Ok(())
    }

    /// Whether the two are equal for the "no update" rule.
    fn same(&self, other: &Self) -> bool {
        self == other
    }

    /// The wire form.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// The body of a request to a subresource, which is no object itself.
pub trait Body: Sized {
    /// Reads the body.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn decode(body: &Json) -> Result<Self, Invalid>;
}

/// A value in the database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It is not JSON.
    #[error("the stored value is not JSON")]
    Syntax(#[source] json::SyntaxError),
    /// It is not an object of the kind.
    #[error("the stored value does not fit its kind")]
    Schema(#[source] Invalid),
}

/// `kind!(Type, "plural", namespaced: bool)`; kinds that have a status add its field: `, status`; what else is special
/// about a kind follows in braces.
macro_rules! kind {
    ($type:ty, $plural:literal, namespaced: $namespaced:literal $(, $status:ident)? $(, { $($special:item)* })?) => {
        impl Kind for $type {
            const API: &'static str = <$type as Enveloped>::ENVELOPE_API;
            const KIND: &'static str = <$type as Enveloped>::ENVELOPE_KIND;
            const PLURAL: &'static str = $plural;
            const NAMESPACED: bool = $namespaced;
            $($($special)*)?

            fn metadata(&self) -> &Metadata {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut Metadata {
                &mut self.metadata
            }

            fn decode_new(body: &Json) -> Result<Self, Invalid> {
                Value::read(body, Mode::Creation)
            }

            fn decode(body: &Json) -> Result<Self, Invalid> {
                Value::read(body, Mode::Full)
            }

            fn decode_stored(value: &[u8]) -> Result<Self, StoredError> {
                let json = json::parse(value).map_err(StoredError::Syntax)?;
                Value::read(&json, Mode::Stored).map_err(StoredError::Schema)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                Value::write(self, out);
            }

            fn replace(&mut self, new: Self) -> Result<(), ImmutableField> {
                Value::merge(self, new)
            }

            $(const HAS_STATUS: bool = true;

            fn replace_status(&mut self, from: Self) -> Result<(), ImmutableField> {
                self.$status.merge(from.$status)
            })?
        }
    };
}

/// `body!(Type, …)`
macro_rules! body {
    ($($type:ty),* $(,)?) => {
        $(impl Body for $type {
            fn decode(body: &Json) -> Result<Self, Invalid> {
                Value::read(body, Mode::Full)
            }
        })*
    };
}

kind!(Role, "roles", namespaced: false);
kind!(RoleBinding, "rolebindings", namespaced: false);
kind!(GlobalMetric, "globalmetrics", namespaced: false);
kind!(Metric, "metrics", namespaced: true);
// Source: the REST contract's chapter on updates; the original's command line relies on it.
kind!(GlobalMetricsProvider, "globalmetricsproviders", namespaced: false, { const IDENTICAL_PUT_IS_FINE: bool = true; });
kind!(MetricsProvider, "metricsproviders", namespaced: true);
kind!(Application, "applications", namespaced: true, status);
kind!(Cluster, "clusters", namespaced: true, status);
kind!(GlobalInfrastructureProvider, "globalinfrastructureproviders", namespaced: false);
kind!(InfrastructureProvider, "infrastructureproviders", namespaced: true);
kind!(GlobalCloud, "globalclouds", namespaced: false, status);
kind!(Cloud, "clouds", namespaced: true, status);
kind!(Project, "projects", namespaced: true, status);
kind!(MagnumCluster, "magnumclusters", namespaced: true, status);

body!(ClusterBinding, ApplicationComplete, ApplicationShutdown, CloudBinding, MagnumClusterBinding);

#[cfg(test)]
mod tests;
