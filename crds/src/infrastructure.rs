//! Group `infrastructure.krake.dev`: the clouds on which clusters may be built, and what builds them.

pub mod cloud;
pub mod infrastructure_provider;

pub use cloud::{Cloud, CloudSpec, CloudState, CloudStatus, GlobalCloud, GlobalCloudSpec};
pub use infrastructure_provider::{
    GlobalInfrastructureProvider, GlobalInfrastructureProviderSpec, InfrastructureProvider, InfrastructureProviderSpec,
    InfrastructureProviderStatus,
};
