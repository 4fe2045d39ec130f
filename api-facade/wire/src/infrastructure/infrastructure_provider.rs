//! Infrastructure providers: who creates clusters in clouds.

use crate::schema::{container, opaque_debug, optional, record, required};
use crate::{Invalid, Metadata};

record! {
    /// An infrastructure provider of a namespace.
    #[derive(Debug)]
    pub struct InfrastructureProvider in "infrastructure" as "InfrastructureProvider" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: InfrastructureProviderSpec = required(),
    }
}

record! {
    /// An infrastructure provider for all namespaces.
    #[derive(Debug)]
    pub struct GlobalInfrastructureProvider in "infrastructure" as "GlobalInfrastructureProvider" {
        /// What every object has.
        pub metadata: Metadata = required(),
        /// How to reach it.
        pub spec: InfrastructureProviderSpec = required(),
    }
}

container! {
    /// What an infrastructure provider is, and how to reach it.
    #[derive(Debug)]
    pub enum InfrastructureProviderSpec {
        /// An Infrastructure Manager.
        Im(ImSpec) = "im",
    }
}

record! {
    /// An Infrastructure Manager. Either a token or a user lets clients in.
    #[derive(Eq)]
    pub struct ImSpec {
        /// Its URL; nobody checks that it is one.
        pub url: String = required(),
        /// The user's name.
        pub username: Option<String> = optional(),
        /// The user's password.
        pub password: Option<String> = optional(),
        /// The token.
        pub token: Option<String> = optional(),
    }
    rule check_authentication;
}

opaque_debug!(ImSpec);

/// Empty credentials count as given.
fn check_authentication(spec: &ImSpec) -> Result<(), Invalid> {
    if spec.token.is_some() || (spec.username.is_some() && spec.password.is_some()) {
        return Ok(());
    }
    Err(Invalid::schema("At least one authentication should be defined in the IM infrastructure provider spec."))
}
