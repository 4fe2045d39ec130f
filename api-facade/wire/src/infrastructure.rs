//! The API `infrastructure`: clouds, and who creates clusters in them.

mod cloud;
mod infrastructure_provider;

pub use cloud::{
    Cloud, CloudSpec, CloudState, CloudStatus, GlobalCloud, InfrastructureProviderRef, OpenstackAuth,
    OpenstackPassword, OpenstackProject, OpenstackSpec, OpenstackUser,
};
pub use infrastructure_provider::{
    GlobalInfrastructureProvider, ImSpec, InfrastructureProvider, InfrastructureProviderSpec,
};
