//! Lanes: groups of tests that need something a machine may not have.

use anyhow::Result;

use crate::{assets::Assets, keycloak::Keycloak, keystone::Keystone, progress::Progress, prometheus::Prometheus};

/// What a group of tests needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The programs of Kubernetes, etcd among them.
    Clusters,
    /// Keystone.
    Keystone,
    /// Keycloak.
    Keycloak,
    /// Prometheus.
    Prometheus,
}

impl Lane {
    /// All of them, in the order in which they are prepared.
    pub const ALL: [Self; 4] = [Self::Clusters, Self::Keystone, Self::Keycloak, Self::Prometheus];

    /// How the summary of a test run names it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Clusters => "real clusters (acceptance, robustness)",
            Self::Keystone => "real Keystone (acceptance: identity)",
            Self::Keycloak => "real Keycloak (acceptance: identity)",
            Self::Prometheus => "real Prometheus (acceptance: metrics)",
        }
    }

    /// The environment variable that makes the tests of this lane pass without running, and holds the reason. A person
    /// sets it, or `./dev test` on a machine where the lane cannot run; its summary tells.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Clusters => "KRAKE_SKIP_CLUSTERS",
            Self::Keystone => "KRAKE_SKIP_KEYSTONE",
            Self::Keycloak => "KRAKE_SKIP_KEYCLOAK",
            Self::Prometheus => "KRAKE_SKIP_PROMETHEUS",
        }
    }

    /// Why it is skipped, if it is.
    #[must_use]
    pub fn skipped(self) -> Option<String> {
        std::env::var(self.variable()).ok()
    }

    /// Finds what it needs, or gets it.
    ///
    /// # Errors
    /// When this machine cannot run it.
    pub async fn prepare(self, progress: Progress) -> Result<()> {
        match self {
            Self::Clusters => Assets::find_or_build(progress).await.map(drop),
            Self::Keystone => Keystone::find_or_install(progress).await,
            Self::Keycloak => Keycloak::find_or_install(progress).await,
            Self::Prometheus => Prometheus::find_or_install(progress).await,
        }
    }
}
