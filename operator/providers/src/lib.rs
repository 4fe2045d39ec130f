//! The only crate of the operator that calls outside systems: metrics providers.
//!
//! Everything that is read from outside is bounded in size and time, and nothing of ours is shown to it: each provider
//! has an HTTP client of its own, without client certificates and without redirects.

pub mod metrics;
