//! The operator's decisions: pure functions over plain data.
//!
//! Nothing here has a runtime, a client, a clock or randomness of its own: what time it is and what was observed come in
//! as arguments. The controllers call these functions from their `decide` rooms.
//!
//! | question | module |
//! |---|---|
//! | where does an application go | [`scheduling`] |
//! | why, and what would happen if | [`scheduling::explanation`], [`scheduling::plan`] |
//! | what is a metric worth | [`metric`] |
//! | when is something tried again | [`backoff`] |
//! | what must change on a target | [`manifest`] |
//! | how are the workloads and the nodes | [`health`] |
//! | under which address is a Service reached | [`service`] |
//! | which one word sums it up | [`lifecycle`] |
//! | what must be deleted before what | [`ownership`] |

pub mod backoff;
pub mod health;
pub mod lifecycle;
pub mod manifest;
pub mod metric;
pub mod ownership;
pub mod scheduling;
pub mod service;
