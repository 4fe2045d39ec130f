//! What users make: named the same on both sides.

use std::fmt::{Display, Formatter, Result};

use kube::core::ApiResource;

/// A kind that users make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An application.
    Application,
    /// A cluster.
    Cluster,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Application, Self::Cluster];

    /// Its collection in REST paths.
    #[must_use]
    pub fn collection(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Cluster => "clusters",
        }
    }

    /// Its custom resource.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        match self {
            Self::Application => ApiResource::erase::<krake_crds::kubernetes::Application>(&()),
            Self::Cluster => ApiResource::erase::<krake_crds::kubernetes::Cluster>(&()),
        }
    }
}

/// One thing that users make, whichever side is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub namespace: String,
    /// What it is called.
    pub name: String,
}

impl Thing {
    /// The application of this name.
    #[must_use]
    pub fn application(namespace: &str, name: &str) -> Self {
        Self { kind: Kind::Application, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The cluster of this name.
    #[must_use]
    pub fn cluster(namespace: &str, name: &str) -> Self {
        Self { kind: Kind::Cluster, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Its collection in REST.
    #[must_use]
    pub fn collection(&self) -> String {
        format!("/kubernetes/namespaces/{}/{}", self.namespace, self.kind.collection())
    }

    /// Its path in REST.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// The resource as kubectl names it in full, because other operators have applications and clusters too.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{}.kubernetes.krake.dev", self.kind.collection())
    }
}

impl Display for Thing {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "{} {}/{}", self.kind.collection(), self.namespace, self.name)
    }
}
