//! Krake's constraint languages and the syntax of label keys and values.
//!
//! Both contracts need them, the REST one (`krake-facade-wire`) and the custom resources (`krake-crds`), and neither may
//! import the other: hence a crate of its own.

pub mod schema;
