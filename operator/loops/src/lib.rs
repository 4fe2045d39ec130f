//! What every loop of the operator is made of: what the loops share during a term of leadership, how one is driven, how it
//! reads and writes, and the safety envelope that every destructive step goes through. Knows what a loop is, but no loop.
//!
//! | question | module |
//! |---|---|
//! | what do all loops share | [`context`] |
//! | how does a loop run, and what may a reconcile answer | [`drive`], [`outcome`] |
//! | how is a part of a status written, or a finalizer | [`status`], [`finalizers`] |
//! | what may be moved or removed now, and how is a move told from a deletion | [`safety`], [`moved_away`] |
//! | what are metrics worth, and what does the scheduler see of clusters | [`readings`], [`market`] |

pub mod changes;
pub mod context;
pub mod drive;
pub mod finalizers;
pub mod labels;
pub mod market;
pub mod moved_away;
pub mod outcome;
pub mod parent;
pub mod readings;
pub mod safety;
pub mod status;
mod superseded;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use context::{Context, Given, Settings, Shared};
pub use outcome::Instruments;
