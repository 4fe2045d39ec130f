//! Lanes: groups of tests that need something a machine may not have.

/// When this environment variable is set, to a reason, tests that need real clusters pass without running. `./dev
/// test` sets it when the programs of Kubernetes can neither be found nor built, and says so in its summary.
pub const SKIP_CLUSTERS: &str = "KRAKE_SKIP_CLUSTERS";

pub(crate) fn clusters_are_skipped() -> bool {
    std::env::var_os(SKIP_CLUSTERS).is_some()
}
