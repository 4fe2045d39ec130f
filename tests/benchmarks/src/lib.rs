//! What we claim about speed, measured against a named comparison in the same run.
//!
//! ```text
//! krake-bench fleet ──▶ etcd, management cluster, operator: real processes
//!       └────────────▶ hollow: one server that plays all target clusters
//! krake-bench score ──▶ the scheduler's pure functions, in this process
//! ```
//!
//! `./dev bench` builds and runs it. Figures of a build for debugging, and of a machine that does other things, are
//! good for nothing but to see that a benchmark works.

pub mod figure;
pub mod fleet;
pub mod hollow;
pub mod score;
