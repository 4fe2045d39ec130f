//! Role bindings: who has which roles.

use crate::Metadata;
use crate::schema::{record, required};

record! {
    /// Gives each of the users each of the roles.
    #[derive(Debug)]
    pub struct RoleBinding in "core" as "RoleBinding" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// Names of users, as authentication finds them.
        pub users: Vec<String> = required(),
        /// Names of roles, which need not exist.
        pub roles: Vec<String> = required(),
    }
}
