//! Who may come in: authentication and authorization through the front door, with real identity providers.

mod certificates;
mod door;
mod keycloak;
mod keystone;
mod permissions;
mod provider;
mod service_accounts;
mod tokens;
