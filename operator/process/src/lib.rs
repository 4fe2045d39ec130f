//! Furniture for both binaries: logging, shutdown, readiness, the admin server, a server for programs, the
//! management cluster's client and leader election.
//!
//! Only `main.rs` and `assemble.rs` of a binary call this crate. It knows none of our kinds, starts no
//! controller, and decides nothing about objects.
//!
//! ```text
//! telemetry::init → open_files::raise_limit → management::install_crypto → shutdown::token
//!   → management::client → admin::Admin::bind → lease::while_leading(…)
//! ```

pub mod admin;
pub mod lease;
pub mod management;
pub mod open_files;
pub mod readiness;
pub mod server;
pub mod shutdown;
pub mod telemetry;
