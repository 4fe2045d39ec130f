//! The operator's loops. Each reads the world, decides with a pure function, acts, and reports what it did in status.
//!
//! Controllers never call each other: the object carries the baton. The scheduler writes `status.scheduledTo`, the
//! application controller acts on that and writes Placements, the placement controller applies them on the targets.
//!
//! | controller | loop over | its one decision |
//! |---|---|---|
//! | [`scheduler`] | Application | where it runs |
//! | [`cloud_scheduler`] | Cluster without a kubeconfig | on which cloud it is built |
//! | [`application`] | Application | which Placements it needs now |
//! | [`placement`] | Placement | what must change on the target |
//! | [`cluster`] | Cluster | is it reachable and healthy |
//!
//! What reads the metrics and what collects garbage are loops, too, in crates of their own (`krake-operator-metrics`,
//! `krake-operator-collector`).

pub mod application;
pub mod cloud_scheduler;
pub mod cluster;
pub mod placement;
pub mod scheduler;
