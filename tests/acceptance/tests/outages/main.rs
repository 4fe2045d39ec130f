//! User stories in which something is stopped. Each has a system of its own, because it harms it, but for those that are
//! played together in [`harmless`]; they run one after the other, because a system takes over a gigabyte.

mod alone;
mod bad_move;
mod blackout;
mod compaction;
mod etcd_away;
mod facade_away;
mod fan_out;
mod foreign_controllers;
mod gauges;
mod harmless;
mod idle;
mod line;
mod provider_away;
mod stopped;
mod target_cut;
mod target_frozen;
mod target_lost;
mod unlisted;

use tokio::sync::Mutex;

/// Held by the story that runs.
static TURN: Mutex<()> = Mutex::const_new(());
