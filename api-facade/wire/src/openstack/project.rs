//! OpenStack projects: where Magnum clusters can be created.

use indexmap::IndexMap;

use crate::schema::{container, enumeration, opaque_debug, optional, record, required};
use crate::{Metadata, MetricRef, Reason};

record! {
    /// A project of an OpenStack.
    #[derive(Debug)]
    pub struct Project in "openstack" as "Project" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: ProjectSpec = required(),
        /// How it is.
        pub status: ProjectStatus = required().subresource(ProjectStatus::default),
    }
}

record! {
    /// How to reach a project.
    #[derive(Debug)]
    pub struct ProjectSpec {
        /// The URL of the identity service; nobody checks that it is one.
        pub url: String = required(),
        /// How to get in.
        pub auth: ProjectAuth = required(),
        /// The ID of the template to create clusters from.
        pub template: String = required(),
        /// The metrics that say how good it is.
        pub metrics: Vec<MetricRef> = optional(),
    }
}

container! {
    /// How to get into a project.
    #[derive(Debug)]
    pub enum ProjectAuth {
        /// With a user's password.
        Password(ProjectPassword) = "password",
        /// With a credential made for applications.
        ApplicationCredential(ApplicationCredential) = "application_credential",
    }
}

record! {
    /// Who gets into which project.
    #[derive(Debug, Eq)]
    pub struct ProjectPassword {
        /// Who gets in.
        pub user: ProjectUser = required(),
        /// Where to.
        pub project: ProjectReference = required(),
    }
}

record! {
    /// A user of an OpenStack.
    #[derive(Eq)]
    pub struct ProjectUser {
        /// The ID, not the name.
        pub id: String = required(),
        /// The password.
        pub password: String = required(),
        /// For people.
        pub comment: Option<String> = optional(),
    }
}

record! {
    /// Names a project in its OpenStack.
    #[derive(Debug, Eq)]
    pub struct ProjectReference {
        /// The ID, not the name.
        pub id: String = required(),
        /// For people.
        pub comment: Option<String> = optional(),
    }
}

record! {
    /// A credential made for applications; it belongs to one user and one project.
    #[derive(Eq)]
    pub struct ApplicationCredential {
        /// The ID, not the name.
        pub id: String = required(),
        /// What proves that it may be used.
        pub secret: String = required(),
    }
}

record! {
    /// How a project is.
    #[derive(Debug, Default)]
    pub struct ProjectStatus {
        /// Where it stands.
        pub state: ProjectState = optional(),
        /// Why metrics cannot be read, by metric.
        pub metrics_reasons: IndexMap<String, Reason> = optional(),
    }
}

enumeration! {
    /// Where a project stands.
    #[derive(Default)]
    pub enum ProjectState {
        /// All is well.
        #[default]
        Online = "ONLINE",
        /// Some metric cannot be read.
        FailingMetrics = "FAILING_METRICS",
    }
}

opaque_debug!(ProjectUser, ApplicationCredential);
