//! Clouds: where clusters can be created.

use indexmap::IndexMap;

use crate::schema::{container, enumeration, opaque_debug, optional, or, record, required};
use crate::{Invalid, Metadata, MetricRef, Reason};

record! {
    /// A cloud of a namespace.
    #[derive(Debug)]
    pub struct Cloud in "infrastructure" as "Cloud" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: CloudSpec = required(),
        /// How it is.
        pub status: CloudStatus = required().subresource(CloudStatus::default),
    }
}

record! {
    /// A cloud for all namespaces; it refers to nothing that lives in one.
    #[derive(Debug)]
    pub struct GlobalCloud in "infrastructure" as "GlobalCloud" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: CloudSpec = required(),
        /// How it is.
        pub status: CloudStatus = required().subresource(CloudStatus::default),
    }
    rule check_references;
}

container! {
    /// What a cloud is, and how to reach it.
    #[derive(Debug)]
    pub enum CloudSpec {
        /// An OpenStack.
        Openstack(OpenstackSpec) = "openstack",
    }
}

record! {
    /// An OpenStack.
    #[derive(Debug)]
    pub struct OpenstackSpec {
        /// The URL of its identity service; nobody checks that it is one.
        pub url: String = required(),
        /// How to get in.
        pub auth: OpenstackAuth = required(),
        /// The metrics that say how good it is.
        pub metrics: Vec<MetricRef> = optional(),
        /// Who creates clusters in it.
        pub infrastructure_provider: InfrastructureProviderRef = required(),
    }
}

container! {
    /// How to get into an OpenStack.
    #[derive(Debug)]
    pub enum OpenstackAuth {
        /// With a user's password.
        Password(OpenstackPassword) = "password",
    }
}

record! {
    /// Who gets into which project.
    #[derive(Debug, Eq)]
    pub struct OpenstackPassword {
        /// The version of the identity service's API.
        pub version: String = or(|| "3".to_owned()),
        /// Who gets in.
        pub user: OpenstackUser = required(),
        /// Where to.
        pub project: OpenstackProject = required(),
    }
}

record! {
    /// A user of an OpenStack.
    #[derive(Eq)]
    pub struct OpenstackUser {
        /// The name, unique in the domain.
        pub username: String = required(),
        /// The password.
        pub password: String = required(),
        /// The name of the user's domain.
        pub domain_name: String = or(|| "Default".to_owned()),
        /// For people.
        pub comment: Option<String> = optional(),
    }
}

record! {
    /// A project of an OpenStack.
    #[derive(Debug, Eq)]
    pub struct OpenstackProject {
        /// The name, unique in the domain.
        pub name: String = required(),
        /// The ID, not the name, of the project's domain.
        pub domain_id: String = or(|| "default".to_owned()),
        /// For people.
        pub comment: Option<String> = optional(),
    }
}

record! {
    /// Names an infrastructure provider, which need not exist.
    #[derive(Debug, Eq)]
    pub struct InfrastructureProviderRef {
        /// The name.
        pub name: String = required(),
        /// Whether it is one of the cloud's own namespace; otherwise a global one.
        pub namespaced: bool = optional(),
    }
}

record! {
    /// How a cloud is.
    #[derive(Debug, Default)]
    pub struct CloudStatus {
        /// Where it stands.
        pub state: CloudState = optional(),
        /// Why metrics cannot be read, by metric.
        pub metrics_reasons: IndexMap<String, Reason> = optional(),
    }
}

enumeration! {
    /// Where a cloud stands.
    #[derive(Default)]
    pub enum CloudState {
        /// All is well.
        #[default]
        Online = "ONLINE",
        /// Some metric cannot be read.
        FailingMetrics = "FAILING_METRICS",
    }
}

opaque_debug!(OpenstackUser);

fn check_references(cloud: &GlobalCloud) -> Result<(), Invalid> {
    let CloudSpec::Openstack(spec) = &cloud.spec;
    let what = if spec.infrastructure_provider.namespaced {
        "infrastructure provider"
    } else if spec.metrics.iter().any(|metric| metric.namespaced) {
        "metric"
    } else {
        return Ok(());
    };
    Err(Invalid::schema(format!(
        "A non-namespaced global cloud resource cannot reference the namespaced {what} resource."
    )))
}
