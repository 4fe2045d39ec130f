//! Why an object is in the state it is in.

use crate::schema::{enumeration, record, required};

record! {
    /// Why something failed.
    #[derive(Debug, Eq)]
    pub struct Reason {
        /// For programs.
        pub code: ReasonCode = required(),
        /// For people.
        pub message: String = required(),
    }
}

enumeration! {
    /// The kinds of failures.
    pub enum ReasonCode {
        /// Krake itself failed.
        InternalError = "INTERNAL_ERROR",
        /// A resource of the manifest is invalid.
        InvalidResource = "INVALID_RESOURCE",
        /// A resource of the manifest is of a kind that the cluster does not know.
        UnsupportedResource = "UNSUPPORTED_RESOURCE",
        /// A custom resource definition cannot be used.
        InvalidCustomResource = "INVALID_CUSTOM_RESOURCE",
        /// The TOSCA template or archive is invalid.
        InvalidToscaManifest = "INVALID_TOSCA_MANIFEST",
        /// The target cluster does not answer.
        ClusterNotReachable = "CLUSTER_NOT_REACHABLE",
        /// No place satisfies the constraints.
        NoSuitableResource = "NO_SUITABLE_RESOURCE",
        /// The target cluster refused something.
        KubernetesError = "KUBERNETES_ERROR",
        /// Something could not be created.
        CreateFailed = "CREATE_FAILED",
        /// Something could not be reconciled.
        ReconcileFailed = "RECONCILE_FAILED",
        /// Something could not be reconfigured.
        ReconfigureFailed = "RECONFIGURE_FAILED",
        /// Something could not be deleted.
        DeleteFailed = "DELETE_FAILED",
        /// Something could not be read.
        RetrieveFailed = "RETRIEVE_FAILED",
        /// Something is gone.
        NotFound = "NOT_FOUND",
        /// OpenStack refused something.
        OpenstackError = "OPENSTACK_ERROR",
        /// The cluster template cannot be used.
        InvalidClusterTemplate = "INVALID_CLUSTER_TEMPLATE",
        /// The metric's value is not one of those allowed.
        InvalidMetric = "INVALID_METRIC",
        /// The metrics provider does not answer.
        UnreachableMetricsProvider = "UNREACHABLE_METRICS_PROVIDER",
        /// There is no such metric.
        UnknownMetric = "UNKNOWN_METRIC",
        /// There is no such metrics provider.
        UnknownMetricsProvider = "UNKNOWN_METRICS_PROVIDER",
    }
}
