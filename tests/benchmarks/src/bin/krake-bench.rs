//! `krake-bench`: the benchmarks. `./dev bench` builds and runs it.

use std::{io::Write, num::NonZeroUsize, process::ExitCode, time::Duration};

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use krake_benchmarks::{
    figure::Sheet,
    fleet::{self, Comparison, Scale},
    score::{self, Size},
};
use url::Url;

/// Krake's benchmarks. Every figure is one line on standard output, with its bar and what it is compared with.
#[derive(Debug, Parser)]
#[command(name = "krake-bench", bin_name = "./dev bench", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    Fleet(FleetOptions),
    Score(ScoreOptions),
}

/// The operator with many hollow target clusters and applications, and a real management cluster.
///
/// Prints how long it takes to place all applications, what the operator uses when it has nothing to do, how long it
/// takes until a changed metric has moved every application that it concerns, and what a restart costs.
#[derive(Debug, Args)]
struct FleetOptions {
    /// How many target clusters [default: 1000, or 20 with --quick].
    #[arg(long, value_name = "N")]
    clusters: Option<usize>,

    /// How many applications [default: 10000, or 200 with --quick].
    #[arg(long, value_name = "N")]
    applications: Option<usize>,

    /// By how many metrics clusters are rated, one each; at most 1024 [default: 100, or 10 with --quick].
    #[arg(long, value_name = "N")]
    metrics: Option<usize>,

    /// Over how many namespaces clusters and applications are spread.
    #[arg(long, value_name = "N", default_value_t = 1)]
    namespaces: usize,

    /// How many seconds the idle operator is watched [default: 60, or 10 with --quick].
    #[arg(long, value_name = "N")]
    idle: Option<u64>,

    /// A small fleet, to see that everything works; its figures say little.
    #[arg(long)]
    quick: bool,

    /// Afterwards, also schedule through REST, and beside it with the original Krake whose REST API is here,
    /// e.g. `http://127.0.0.1:8080`.
    ///
    /// The original is started by hand: an etcd of its own, its API (`python -m krake.api`, with `authorization:
    /// always-allow` and static authentication, without TLS) and its scheduler (`python -m krake.controller.scheduler`),
    /// and no other controller. With a `debounce` of 0 the scheduler shows what it can: with the default it waits for a
    /// second first. There must be no applications. What the benchmark makes, all of it in the namespace
    /// krake-bench-comparison, is removed again, also when something fails or is interrupted by Ctrl-C, and by the next
    /// run when this one was killed. Look then whether the scheduler still runs: it ends when what it works on is gone.
    ///
    /// Ours works as a whole meanwhile: it also deploys, and it has the whole fleet to look after.
    #[arg(long, value_name = "URL")]
    compare: Option<Url>,

    /// How many decisions are counted for the comparison, by each of the two.
    #[arg(long, value_name = "N", default_value = "200", requires = "compare")]
    compare_applications: NonZeroUsize,
}

impl FleetOptions {
    fn scale(&self) -> Result<Scale> {
        let default = if self.quick { Scale::QUICK } else { Scale::FULL };
        let scale = Scale {
            clusters: self.clusters.unwrap_or(default.clusters),
            applications: self.applications.unwrap_or(default.applications),
            metrics: self.metrics.unwrap_or(default.metrics),
            namespaces: self.namespaces,
            idle: self.idle.map_or(default.idle, Duration::from_secs),
        };
        let is_positive = [scale.clusters, scale.applications, scale.metrics].iter().all(|count| *count > 0);
        ensure!(is_positive, "there must be at least one cluster, application and metric");
        ensure!(scale.metrics <= 1024, "a static provider has at most 1024 metrics");
        ensure!((1..=scale.clusters).contains(&scale.namespaces), "every namespace needs a cluster");
        ensure!(scale.idle >= Duration::from_secs(1), "--idle must be at least 1");
        Ok(scale)
    }

    fn comparison(&self) -> Option<Comparison> {
        self.compare.clone().map(|url| Comparison { url, applications: self.compare_applications })
    }
}

/// The scheduler's decisions alone, on one core, without any process or network.
///
/// Prints how long it takes to decide every application anew against every cluster, as when a metric changed, and what
/// it would take with everything that was found written out in words each time.
#[derive(Debug, Args)]
struct ScoreOptions {
    /// How many clusters.
    #[arg(long, value_name = "N", default_value = "1000")]
    clusters: NonZeroUsize,

    /// How many applications.
    #[arg(long, value_name = "N", default_value = "10000")]
    applications: NonZeroUsize,

    /// How many metrics.
    #[arg(long, value_name = "N", default_value = "100")]
    metrics: NonZeroUsize,
}

impl ScoreOptions {
    fn size(&self) -> Size {
        let [clusters, applications, metrics] = [self.clusters, self.applications, self.metrics].map(usize::from);
        Size { clusters, applications, metrics }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // The first who wants to speak TLS decides how; a second installation is refused, rightly.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut sheet = Sheet::default();
    if cfg!(debug_assertions) {
        sheet.progress().say("built for debugging: the figures say nothing about speed");
    }
    let outcome = match Arguments::parse().benchmark {
        Benchmark::Fleet(options) => run_fleet(&options, &mut sheet).await,
        Benchmark::Score(options) => score::run(options.size(), &sheet),
    };
    match outcome {
        Ok(()) if sheet.failures() == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run_fleet(options: &FleetOptions, sheet: &mut Sheet) -> Result<()> {
    Box::pin(fleet::run(&options.scale()?, options.comparison().as_ref(), sheet)).await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_namespace_has_a_cluster() {
        let options = |args: &[&str]| match Arguments::try_parse_from([&["x", "fleet"], args].concat()).unwrap() {
            Arguments { benchmark: Benchmark::Fleet(options) } => options.scale(),
            Arguments { benchmark: Benchmark::Score(_) } => unreachable!("it was asked for a fleet"),
        };
        assert_eq!(options(&[]).unwrap(), Scale::FULL);
        assert_eq!(options(&["--quick"]).unwrap(), Scale::QUICK);
        assert!(options(&["--clusters", "2", "--namespaces", "3"]).is_err());
        assert!(options(&["--metrics", "0"]).is_err());
    }
}
