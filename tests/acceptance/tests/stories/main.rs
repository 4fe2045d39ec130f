//! User stories on one shared system: what a user of either door does on a good day, and with bad input.

mod bad_input;
mod bootstrap;
mod clouds;
mod every_kind;
mod explain;
mod finished_work;
mod functionals;
mod haste;
mod kubernetes_door;
mod metrics;
mod namespace_deletion;
mod tenants;
