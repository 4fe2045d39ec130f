//! Roles: what those who have them may do.

use crate::Metadata;
use crate::schema::{enumeration, record, required};

record! {
    /// A role.
    #[derive(Debug)]
    pub struct Role in "core" as "Role" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// What the role allows, each rule by itself.
        pub rules: Vec<RoleRule> = required(),
    }
}

record! {
    /// Allows each of the verbs for each of the resources in each of the namespaces.
    #[derive(Debug, Eq)]
    pub struct RoleRule {
        /// The API of the resources; if empty, any.
        pub api: String = required(),
        /// Names of collections, or of their subresources such as `clusters/status`; an empty one stands for any.
        pub resources: Vec<String> = required(),
        /// Namespaces; an empty one stands for any.
        pub namespaces: Vec<String> = required(),
        /// What may be done.
        pub verbs: Vec<RoleVerb> = required(),
    }
}

enumeration! {
    /// What can be done with a resource.
    pub enum RoleVerb {
        /// Create objects.
        Create = "create",
        /// List or watch the objects of a collection.
        List = "list",
        /// Accepted, but no route asks for it: lists across all namespaces ask for `list`.
        ListAll = "list_all",
        /// Read one object.
        Get = "get",
        /// Change an object.
        Update = "update",
        /// Delete an object.
        Delete = "delete",
    }
}
