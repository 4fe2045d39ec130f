//! The finalizers on our objects. Each has exactly one component that adds and removes it.
//!
//! Krake's own finalizers are unqualified strings with underscores; Kubernetes wants a domain and no underscores. The
//! sync maps one to the other.

/// Held by the facade's sync on every object that has a stored twin, so that a deletion in Kubernetes is first seen as
/// a mark and never only as an absence.
pub const MIRROR: &str = "krake.dev/mirror";

/// Held while other objects depend on this one; removed by the garbage collector once they are gone.
/// Krake: `cascade_deletion`.
pub const CASCADE: &str = "krake.dev/cascade-deletion";

/// Held on an Application while a Placement of it exists; removed by the application controller.
/// Krake: `kubernetes_resources_deletion`.
pub const KUBERNETES_RESOURCES: &str = "krake.dev/kubernetes-resources-deletion";

/// Held on a Placement until nothing of it is left on its target; removed by the placement controller.
pub const PLACEMENT: &str = "krake.dev/placement-cleanup";

/// Annotation, not a finalizer: a client of the REST API has removed the object by force. With the value `"true"`, nobody
/// waits any more: what holds the object still is let go at once. Written by the facade's sync.
pub const FORCED: &str = "krake.dev/forced";
