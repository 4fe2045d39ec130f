//! Real servers for development and tests: etcd, Kubernetes clusters, identity providers, Prometheus, the operator and
//! the facade, all of them child processes on loopback ports that are gone when this process is gone.
//!
//! ```text
//! assets ──▶ fleet (etcd, management cluster, target clusters) ──▶ testbed (+ operator, facade)
//!                                                                      │
//!            krake-dev, the tests ◀── rest, kubectl, clients, faults ──┘
//! ```
//!
//! Used by `tests/dev` (`./dev`), by the tests in `tests/acceptance` and `tests/robustness`, and by `tests/benchmarks`.

pub mod access;
pub mod alone;
pub mod assets;
pub mod binaries;
mod cache;
pub mod certificates;
pub mod cluster;
mod command;
pub mod configuration;
mod debian;
pub mod etcd;
mod eventually;
pub mod facade;
pub mod fleet;
pub mod gate;
mod http;
pub mod keycloak;
pub mod keystone;
pub mod kubeconfig;
pub mod kubectl;
pub mod lane;
pub mod objects;
pub mod operator;
pub mod port;
pub mod process;
pub mod progress;
pub mod project;
pub mod prometheus;
pub mod proxy;
pub mod replicas;
pub mod rest;
pub mod scratch;
mod testbed;

pub use eventually::{eventually, throughout};
pub use testbed::{Testbed, unique};
