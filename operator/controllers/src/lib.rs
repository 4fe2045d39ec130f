//! The operator's loops. Each reads the world, decides with a pure function, acts, and reports what it did in status.
//!
//! Controllers never call each other: the object carries the baton. The scheduler writes `status.scheduledTo`, the
//! application controller acts on that and writes Placements, the placement controller applies them on the targets.
//!
//! | controller | loop over | its one decision |
//! |---|---|---|
//! | [`scheduler`] | Application | where it runs |
//! | [`application`] | Application | which Placements it needs now |
//! | [`placement`] | Placement | what must change on the target |
//! | [`cluster`] | Cluster | is it reachable and healthy |
//! | [`metrics`] | metrics, their providers, and what refers to them | can each metric be read, and what is it worth now |
//! | [`safety`] | `SafetyPolicy` | is a budget used up |
//! | [`garbage_collector`] | every kind but Placement | which dependents go before it |

#[cfg(test)]
mod api_server;
pub mod application;
mod changes;
pub mod cluster;
pub mod context;
pub mod drive;
pub mod finalizers;
pub mod garbage_collector;
mod labels;
pub mod metrics;
pub mod outcome;
mod parent;
pub mod placement;
pub mod safety;
pub mod scheduler;
pub mod status;

pub use context::{Context, Given, Settings, Shared};
pub use outcome::Instruments;
