//! Krake's REST contract as plain types: envelope, kinds, list and watch framing, validation errors and problems.
//!
//! The facade decodes requests into these types and answers with their encoding; the store keeps that same encoding in
//! etcd; the sync translates it to and from the custom resources. Nothing here does I/O, reads a clock or knows HTTP.
//!
//! ```text
//! request bytes ── json::parse ──▶ Json ── Kind::decode_new / decode ──▶ Application ── Kind::encode ──▶ bytes
//!                     │ SyntaxError          │ Invalid (printed like a Python dictionary)
//! ```
//!
//! Every record is declared once, with the `record!` macro of `schema.rs`; its fields stand in the order of the wire.
//! `enumeration!` and `container!` declare the other two shapes of typed content, and one line of `kinds.rs` makes a
//! record a kind.

pub mod core;
pub mod infrastructure;
pub mod invalid;
pub mod json;
pub mod kinds;
pub mod kubernetes;
pub mod list;
pub mod metadata;
pub mod openstack;
pub mod problem;
pub mod timestamp;
pub mod verbatim;
pub mod watch;

mod kubeconfig;
mod manifest;
mod metric_ref;
mod observer_schema;
mod python;
mod reason;
mod reference;
mod schema;
mod tosca;

pub use invalid::Invalid;
pub use json::Json;
pub use kinds::{Body, Kind, StoredError};
pub use metadata::Metadata;
pub use metric_ref::MetricRef;
pub use problem::Problem;
pub use reason::{Reason, ReasonCode};
pub use reference::ResourceRef;
pub use schema::ImmutableField;
pub use timestamp::Timestamp;
pub use tosca::Tosca;
pub use verbatim::Verbatim;
