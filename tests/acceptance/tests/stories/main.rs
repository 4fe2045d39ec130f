//! User stories on one shared system: what a user of either door does on a good day, and with bad input.

mod bad_input;
mod bootstrap;
mod clouds;
mod every_kind;
mod explain;
mod haste;
mod krakes_list;
mod kubernetes_door;
mod metrics;
mod migration;
mod namespace_deletion;
mod rest_door;
