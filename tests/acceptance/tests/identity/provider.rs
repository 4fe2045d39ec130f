//! The real identity providers, one of each for all tests.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Result;
use krake_testbed::{
    configuration::Configuration,
    keycloak::{Keycloak, REALM},
    keystone::Keystone,
    lane::Lane,
    scratch::Scratch,
};
use tokio::sync::OnceCell;

/// The users that both know. What they may do is in the etcd of a test.
pub(crate) const USERS: [&str; 2] = ["alice", "bob"];

/// One that gives tokens to users, and says whose a token is. It stays for as long as the tests run.
pub(crate) enum Provider {
    Keystone(Keystone),
    Keycloak(Keycloak),
}

impl Provider {
    /// The Keystone. `None` when this machine has none and `./dev test` said so.
    pub(crate) async fn keystone() -> Result<Option<&'static Self>> {
        static SHARED: OnceCell<Provider> = OnceCell::const_new();
        if Lane::Keystone.skipped().is_some() {
            return Ok(None);
        }
        let start = async || Keystone::start(&lasting_folder()?, &USERS).await.map(Self::Keystone);
        SHARED.get_or_try_init(start).await.map(Some)
    }

    /// The Keycloak. `None` when this machine has none and `./dev test` said so.
    pub(crate) async fn keycloak() -> Result<Option<&'static Self>> {
        static SHARED: OnceCell<Provider> = OnceCell::const_new();
        if Lane::Keycloak.skipped().is_some() {
            return Ok(None);
        }
        let start = async || Keycloak::start(&lasting_folder()?, &USERS).await.map(Self::Keycloak);
        SHARED.get_or_try_init(start).await.map(Some)
    }

    /// A facade that asks this provider.
    pub(crate) fn asked_by(&self, configuration: Configuration) -> Configuration {
        self.asked_at(self.address(), configuration)
    }

    /// A facade that asks this provider, through a proxy.
    pub(crate) fn asked_at(&self, address: SocketAddr, configuration: Configuration) -> Configuration {
        match self {
            Self::Keystone(..) => configuration.with_keystone(&format!("http://{address}/v3")),
            Self::Keycloak(..) => configuration.with_keycloak(&format!("http://{address}"), REALM),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Keystone(keystone) => keystone.address(),
            Self::Keycloak(keycloak) => keycloak.address(),
        }
    }

    /// A new token of a user.
    pub(crate) async fn token(&self, user: &str) -> Result<String> {
        match self {
            Self::Keystone(keystone) => keystone.token(user).await,
            Self::Keycloak(keycloak) => keycloak.token(user).await,
        }
    }

    /// Makes a token worthless.
    pub(crate) async fn revoke(&self, token: &str) -> Result<()> {
        match self {
            Self::Keystone(keystone) => keystone.revoke(token).await,
            Self::Keycloak(keycloak) => keycloak.revoke(token).await,
        }
    }

    /// Title and detail of the problem when it refuses a token; each spells the words of the status in its own way.
    pub(crate) fn refusal(&self) -> (&'static str, &'static str) {
        match self {
            Self::Keystone(..) => ("INVALID_KEYSTONE_TOKEN", "Invalid Keystone token (HTTP 401 UNAUTHORIZED)"),
            Self::Keycloak(..) => ("INVALID_KEYCLOAK_TOKEN", "Invalid Keycloak token (HTTP 401 Unauthorized)"),
        }
    }
}

/// A folder that is removed by the next run of tests.
fn lasting_folder() -> Result<PathBuf> {
    let scratch = Scratch::new()?;
    let dir = scratch.path().to_owned();
    std::mem::forget(scratch);
    Ok(dir)
}
