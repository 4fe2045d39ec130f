//! Wake-ups: "look again at this", without saying what happened.

use std::fmt;

use krake_crds::reference::ObjectReference;

/// Names a Cluster of the management cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    /// Namespace of the Cluster.
    pub namespace: String,
    /// Name of the Cluster.
    pub name: String,
}

impl ClusterKey {
    /// Names a Cluster.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The Cluster that `reference` means when it stands in an object of `namespace`.
    #[must_use]
    pub fn of(reference: &ObjectReference, namespace: &str) -> Self {
        Self::new(reference.namespace.as_deref().unwrap_or(namespace), &reference.name)
    }
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Makes a loop look again. Carries no data: what is true is read when it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// Something of this Placement changed on its target.
    Placement {
        /// Namespace of the Placement.
        namespace: String,
        /// Name of the Placement.
        name: String,
    },
    /// Reachability, version, nodes or custom resources of this cluster changed.
    Cluster(ClusterKey),
    /// Changes on this cluster may have been missed: look at everything that is placed there.
    Everything(ClusterKey),
}
