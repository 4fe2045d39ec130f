//! The only crate that talks to etcd: keys, transactions, watches, and the fan-out of one watch to many readers.
//!
//! Values are the JSON of the REST contract, byte for byte (see `codec`); keys are those of the original Krake, so
//! that its database can be taken over as it is. What belongs to us alone lives under `/krake.dev/`.
//!
//! ```text
//! handlers ── get, list, create, replace, remove ─▶ Store ──▶ etcd
//! handlers ◀─ Subscription ◀─ Hub ◀─ Watcher ◀───────────────  etcd     one watch per kind and process
//! sync     ── pair, commit, bases, Watcher ───────▶ Store
//! ```

mod census;
mod codec;
mod error;
mod fan;
mod hub;
mod keyspace;
mod memory;
mod pair;
mod store;
mod tombstone;
mod watch;

pub use census::Census;
pub use codec::read;
pub use error::Error;
pub use fan::{Event, Subscription};
pub use hub::Hub;
pub use keyspace::{Collection, Key};
pub use pair::{Commit, Expect, Pair, Write};
pub use store::{Config, Listing, Record, Store};
pub use tombstone::{Removed, Tombstone};
pub use watch::{Change, Watcher};
