//! Applications: manifests that are to run on some cluster.

use krake_constraint::{LabelConstraint, MetricConstraint};

use crate::json::Object;
use crate::schema::{enumeration, opaque_debug, optional, or, record, required};
use crate::{Invalid, Metadata, Reason, ResourceRef, Timestamp, Tosca, Verbatim, manifest, observer_schema, tosca};

record! {
    /// An application.
    #[derive(Debug)]
    pub struct Application in "kubernetes" as "Application" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What is asked for.
        pub spec: ApplicationSpec = required(),
        /// What became of it.
        pub status: ApplicationStatus = required().subresource(ApplicationStatus::default),
    }
}

record! {
    /// What is asked for.
    pub struct ApplicationSpec {
        /// The Kubernetes objects to create.
        pub manifest: Vec<Object> = required().check(|manifest: &Vec<Object>| manifest::check(manifest)),
        /// A template to get the manifest from.
        pub tosca: Tosca = optional().check(tosca::check),
        /// The URL of an archive with such a template.
        pub csar: Option<String> = optional()
            .check(|csar: &Option<String>| csar.as_deref().map_or(Ok(()), tosca::check_archive_url)),
        /// Which fields of the created objects are watched, `null` in the place of each.
        pub observer_schema: Vec<Object> = optional(),
        /// Where the application may run.
        pub constraints: ApplicationConstraints = required(),
        /// What the application is told or tells at the ends of its life; `complete` and `shutdown` mean something.
        pub hooks: Vec<String> = optional(),
        /// How many seconds the application has to shut down.
        pub shutdown_grace_time: Option<i64> = optional(),
        /// What happens if it does not; `give_up` and `delete` mean something.
        pub shutdown_failure_strategy: Option<String> = optional(),
        /// How often it is asked again.
        pub shutdown_retry_count: Option<i64> = optional(),
        /// By what the delay grows from one failed attempt to the next.
        pub backoff: i64 = or(|| 1),
        /// The first delay after a failed attempt, in seconds.
        pub backoff_delay: i64 = or(|| 1),
        /// How many attempts there are; without limit if negative.
        pub backoff_limit: i64 = or(|| -1),
        /// How storage moves with the application.
        pub storage_migration: String = or(|| "none".to_owned()),
        /// Whether a cluster is created if none fits.
        pub auto_cluster_create: bool = optional(),
    }
    rule check_spec;
}

record! {
    /// Where an application may run.
    #[derive(Debug)]
    pub struct ApplicationConstraints {
        /// What its cluster must be like.
        pub cluster: ClusterConstraints = required(),
        /// Whether it may move to another cluster later.
        pub migration: bool = or(|| true),
    }
}

record! {
    /// What a cluster must be like.
    #[derive(Debug, Default)]
    pub struct ClusterConstraints {
        /// What its labels must say.
        pub labels: Option<Vec<Verbatim<LabelConstraint>>> = optional(),
        /// Which custom resources it must support.
        pub custom_resources: Vec<String> = optional(),
        /// What its metrics must say.
        pub metrics: Option<Vec<Verbatim<MetricConstraint>>> = optional(),
    }
}

record! {
    /// What became of an application.
    #[derive(Default)]
    pub struct ApplicationStatus {
        /// Why it failed.
        pub reason: Option<Reason> = optional(),
        /// Where it stands.
        pub state: ApplicationState = optional(),
        /// How its containers are.
        pub container_health: ContainerHealth = optional(),
        /// When the scheduler last handed it over; later than `metadata.modified` if it has seen the last change.
        pub kube_controller_triggered: Option<Timestamp> = optional(),
        /// When a cluster was last chosen.
        pub scheduled: Option<Timestamp> = optional(),
        /// The cluster that was chosen.
        pub scheduled_to: Option<ResourceRef> = optional(),
        /// The cluster it runs on.
        pub running_on: Option<ResourceRef> = optional(),
        /// How many attempts are left.
        pub retries: Option<i64> = optional(),
        /// When the next attempt is due.
        pub scheduled_retry: Option<Timestamp> = optional(),
        /// Where its services can be reached, by name.
        pub services: Object = optional(),
        /// The observer schema, completed.
        pub mangled_observer_schema: Vec<Object> = optional(),
        /// What was last seen on the cluster.
        pub last_observed_manifest: Vec<Object> = optional(),
        /// What was last asked of the cluster.
        pub last_applied_manifest: Vec<Object> = optional(),
        /// Proves that a call of the `complete` hook comes from the application.
        pub complete_token: Option<String> = optional(),
        /// The certificate for the `complete` hook.
        pub complete_cert: Option<String> = optional(),
        /// The private key of that certificate.
        pub complete_key: Option<String> = optional(),
        /// Proves that a call of the `shutdown` hook comes from the application.
        pub shutdown_token: Option<String> = optional(),
        /// The certificate for the `shutdown` hook.
        pub shutdown_cert: Option<String> = optional(),
        /// The private key of that certificate.
        pub shutdown_key: Option<String> = optional(),
        /// Until when the application may take to shut down.
        pub shutdown_grace_period: Option<Timestamp> = optional(),
        /// Since when a cluster is being created for it.
        pub auto_cluster_create_started: Option<String> = optional(),
        /// How often moving it was tried.
        pub migration_retries: i64 = optional(),
        /// How long moving it may take.
        pub migration_timeout: i64 = optional(),
    }
}

record! {
    /// How many pods are in which state.
    #[derive(Debug, Default, Copy, Eq)]
    pub struct ContainerHealth {
        /// Asked for.
        pub desired_pods: i64 = optional(),
        /// Running.
        pub running_pods: i64 = optional(),
        /// Done.
        pub completed_pods: i64 = optional(),
        /// Failed.
        pub failed_pods: i64 = optional(),
    }
}

enumeration! {
    /// Where an application stands.
    #[derive(Default)]
    pub enum ApplicationState {
        /// Nothing has happened yet.
        #[default]
        Pending = "PENDING",
        /// It is being created on its cluster.
        Creating = "CREATING",
        /// It runs.
        Running = "RUNNING",
        /// A change is being applied.
        Reconciling = "RECONCILING",
        /// Its template is being translated.
        Translating = "TRANSLATING",
        /// A failed attempt will be repeated.
        Retrying = "RETRYING",
        /// It is being restarted.
        Restarting = "RESTARTING",
        /// It was asked to shut down and has not answered.
        WaitingForCleaning = "WAITING_FOR_CLEANING",
        /// It has shut down and may be moved or deleted.
        ReadyForAction = "READY_FOR_ACTION",
        /// It is moving to another cluster.
        Migrating = "MIGRATING",
        /// A cluster is being created for it.
        WaitingForClusterCreation = "WAITING_FOR_CLUSTER_CREATION",
        /// It is being deleted.
        Deleting = "DELETING",
        /// It is gone.
        Deleted = "DELETED",
        /// It did not shut down in time.
        Degraded = "DEGRADED",
        /// It failed.
        Failed = "FAILED",
        /// It has done its work.
        Completed = "COMPLETED",
    }
}

opaque_debug!(ApplicationSpec, ApplicationStatus);

fn check_spec(spec: &ApplicationSpec) -> Result<(), Invalid> {
    let has_archive = spec.csar.as_ref().is_some_and(|url| !url.is_empty());
    if spec.manifest.is_empty() && spec.tosca.is_empty() && !has_archive {
        return Err(Invalid::schema(
            "The application should be defined by a manifest file, a TOSCA template or a CSAR file.",
        ));
    }
    observer_schema::check(&spec.observer_schema, &spec.manifest)
        .map_err(|text| Invalid::field("observer_schema", Invalid::message(text)))
}
