//! References from one object to another.

use crate::schema::{optional, record, required};

record! {
    /// Names an object, which need not exist.
    #[derive(Debug, Eq, Hash)]
    pub struct ResourceRef {
        /// The API of the kind, such as `kubernetes`.
        pub api: String = required(),
        /// The namespace; nothing for kinds without namespaces.
        pub namespace: Option<String> = optional(),
        /// The kind, such as `Cluster`.
        pub kind: String = required(),
        /// The name.
        pub name: String = required(),
    }
}
