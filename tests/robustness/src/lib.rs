//! What must hold whatever is killed, and when.
//!
//! ```text
//! scenario ──▶ traffic ──▶ REST, kubectl        users, who keep trying until they are answered
//! fault    ──▶ kill -9, a while of nothing, restart          at moments drawn from a seed
//! witness  ──▶ looks all the time for what may never be      ┐
//! validate ──▶ compares the end with what the users asked    ┴▶ the broken guarantee, with the history
//! ```
//!
//! [`migrations`] is a play of its own: applications that move all the time, kills that hit them on the way, and a witness
//! who is told of every change.
//!
//! The seed decides what the users choose and what is killed when; the machine decides what it meets. So a seed makes a
//! failure likely to come again, not certain.
//!
//! | variable | effect on the tests |
//! |---|---|
//! | `KRAKE_SEED` | the choices of an earlier run |
//! | `KRAKE_KILLS` | so many faults |
//! | `KRAKE_HISTORY` | what was done is shown although all went well |

pub mod eyes;
pub mod fault;
pub mod history;
pub mod migrations;
pub mod run;
pub mod scenario;
pub mod thing;
pub mod traffic;
pub mod validate;
pub mod witness;
