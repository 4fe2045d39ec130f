//! Real servers for development and tests: etcd, Kubernetes clusters, the operator and the facade, all of them child
//! processes on loopback ports that are gone when this process is gone.
//!
//! ```text
//! assets ──▶ fleet (etcd, management cluster, target clusters) ──▶ testbed (+ operator, facade)
//!                                                                      │
//!            krake-dev, the tests ◀── rest, kubectl, clients, faults ──┘
//! ```
//!
//! Used by the binary `krake-dev` (`./dev`) and by the tests in `tests/acceptance` and `tests/robustness`.

pub mod access;
pub mod assets;
pub mod binaries;
pub mod cluster;
pub mod etcd;
mod eventually;
pub mod facade;
pub mod fleet;
mod http;
pub mod kubeconfig;
pub mod kubectl;
pub mod lane;
pub mod objects;
pub mod operator;
pub mod port;
pub mod process;
pub mod progress;
pub mod project;
pub mod proxy;
pub mod rest;
mod testbed;

pub use eventually::{eventually, throughout};
pub use testbed::{Testbed, unique};
