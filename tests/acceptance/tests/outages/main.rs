//! User stories in which something is stopped. Each has a system of its own, because it harms it; they run one after
//! the other, because a system takes over a gigabyte.

mod alone;
mod compaction;
mod etcd_away;
mod facade_away;
mod fan_out;
mod idle;
mod target_frozen;

use tokio::sync::Mutex;

/// Held by the story that runs.
static TURN: Mutex<()> = Mutex::const_new(());
