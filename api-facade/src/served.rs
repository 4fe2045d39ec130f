//! What is special about single kinds, as far as the generic handlers need to know.

use krake_facade_sync::translate::Pairing;
use krake_facade_wire::core::{GlobalMetric, GlobalMetricsProvider, Metric, MetricsProvider, Role, RoleBinding};
use krake_facade_wire::infrastructure::{Cloud, GlobalCloud, GlobalInfrastructureProvider, InfrastructureProvider};
use krake_facade_wire::kubernetes::{Application, ApplicationState, Cluster, ClusterState};
use krake_facade_wire::openstack::{MagnumCluster, Project};

/// A kind that is served.
pub(crate) trait Served: Pairing {
    /// Whether `?force=True` removes its objects at once.
    const FORCIBLE: bool = false;

    /// What a deletion changes besides metadata.
    fn request_deletion(&mut self) {}

    /// What `?blocking=` can wait for under this name, in upper case.
    #[must_use]
    fn find_state(_name: &str) -> Option<&'static str> {
        None
    }

    /// The state the object is in, by name.
    fn state(&self) -> Option<&'static str> {
        None
    }

    /// Makes the object look as if it were gone, if the kind has a state for that.
    fn show_deleted(&mut self) {}
}

impl Served for Role {}
impl Served for RoleBinding {}
impl Served for GlobalMetric {}
impl Served for Metric {}
impl Served for GlobalMetricsProvider {}
impl Served for MetricsProvider {}
impl Served for GlobalInfrastructureProvider {}
impl Served for InfrastructureProvider {}
impl Served for GlobalCloud {}
impl Served for Cloud {}
impl Served for Project {}
impl Served for MagnumCluster {}

impl Served for Application {
    const FORCIBLE: bool = true;

    /// An application with the hook is asked to shut down before anything of it is removed.
    fn request_deletion(&mut self) {
        if self.spec.hooks.iter().any(|hook| hook == "shutdown") {
            self.status.state = ApplicationState::WaitingForCleaning;
        }
    }

    fn find_state(name: &str) -> Option<&'static str> {
        ApplicationState::find(name).map(ApplicationState::as_str)
    }

    fn state(&self) -> Option<&'static str> {
        Some(self.status.state.as_str())
    }

    fn show_deleted(&mut self) {
        self.status.state = ApplicationState::Deleted;
    }
}

impl Served for Cluster {
    const FORCIBLE: bool = true;

    fn find_state(name: &str) -> Option<&'static str> {
        ClusterState::find(name).map(ClusterState::as_str)
    }

    fn state(&self) -> Option<&'static str> {
        Some(self.status.state.as_str())
    }
}
