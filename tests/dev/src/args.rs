//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Krake's development stack: real Kubernetes clusters, etcd, the operator and the facade as processes on this
/// machine, without containers and without root.
#[derive(Debug, Parser)]
#[command(name = "./dev", bin_name = "./dev", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const ENV_HELP: &str = "\
Lines of .krake-dev/env, which exists while the stack runs:
  KRAKE_URL                                  root of the REST API
  ETCD_ENDPOINTS                             etcd of the REST API
  MANAGEMENT_KUBECONFIG                      cluster with the custom resources
  TARGET_1_KUBECONFIG, TARGET_2_KUBECONFIG   target clusters
  KUBECTL                                    a kubectl of the same version
  KUBEBUILDER_ASSETS                         folder with the programs of Kubernetes
  FACADE_HEALTH_URL, OPERATOR_HEALTH_URL     /healthz, /readyz and /metrics are below
  KRAKE_DATA                                 folder with data and logs";

const BENCH_HELP: &str = "\
Benchmarks (`./dev bench BENCHMARK --help` says more):
  fleet   the operator with 10,000 applications on 1,000 hollow target clusters and a real management cluster: time to
          place them, idle memory, processor time and writes, time from a changed metric to the last new place, restart;
          `--quick` is a small one of some two minutes
  score   the scheduler alone, on one core: 10,000 applications against 1,000 clusters";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(UpOptions),
    Kubectl(KubectlOptions),
    /// Show what of the stack runs, and what Krake knows.
    Status,
    /// Stop the stack that runs in another terminal, and whatever was left of an earlier one.
    Down,
    Stop(SwitchOptions),
    Start(SwitchOptions),
    Test(TestOptions),
    Bench(BenchOptions),
    Golden(GoldenOptions),
}

/// Start the whole system, and keep it running until Ctrl-C.
///
/// Prints the REST URL and the kubeconfig files, and writes them for scripts to .krake-dev/env. The logs of all
/// processes lie in the data folder.
#[derive(Debug, clap::Args)]
#[command(after_long_help = ENV_HELP)]
pub(crate) struct UpOptions {
    /// How many target clusters to start [default: 2, or 0 with --target-kubeconfig].
    #[arg(long, value_name = "N")]
    pub(crate) targets: Option<usize>,

    /// Keep the data of all servers in this folder, and continue with what is there. Without it, every start begins
    /// empty, in .krake-dev/data.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The port of the REST API on 127.0.0.1.
    #[arg(long, value_name = "P", default_value_t = 8080)]
    pub(crate) port: u16,

    /// Register the targets and run an application that may only run in Germany, step by step.
    #[arg(long)]
    pub(crate) demo: bool,

    /// End after the demo, with status 0 if it went well and 1 if not.
    #[arg(long, requires = "demo")]
    pub(crate) exit: bool,

    /// Use this etcd instead of starting one: URLs, separated by commas.
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(crate) etcd_endpoints: Vec<String>,

    /// Use this cluster to hold the custom resources instead of starting one. The user of the file must be allowed
    /// to install custom resource definitions and cluster roles.
    #[arg(long, value_name = "FILE")]
    pub(crate) management_kubeconfig: Option<PathBuf>,

    /// Use this cluster as a target instead of starting one; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) target_kubeconfig: Vec<PathBuf>,

    /// Start etcd and the clusters only, neither the operator nor the facade.
    #[arg(long, conflicts_with = "demo")]
    pub(crate) clusters_only: bool,
}

/// Run kubectl on the management cluster, or on a target with --target.
#[derive(Debug, clap::Args)]
pub(crate) struct KubectlOptions {
    /// The target, by name (target-1) or number (1).
    #[arg(long, value_name = "NAME|N")]
    pub(crate) target: Option<String>,

    /// What kubectl is to do.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// Stop, or start again, the operator or the facade of the stack that runs in another terminal.
///
/// One that ends without being stopped is started again at once.
#[derive(Debug, clap::Args)]
pub(crate) struct SwitchOptions {
    /// Which one.
    #[arg(value_enum)]
    pub(crate) part: Part,
}

/// What can be stopped and started by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The operator.
    Operator,
    /// The REST facade.
    Facade,
}

/// Run all tests: brings the programs up to date, then `cargo test` on all packages.
#[derive(Debug, clap::Args)]
pub(crate) struct TestOptions {
    /// Passed on to `cargo test`: with `-p PACKAGE` only the tests of that package run.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

/// Run a benchmark on real processes, built for speed, and print what it measures.
///
/// Each figure is one line on standard output: `name: value unit (bar: …; compared with …: ratio)`. The bar is what we
/// promise at full size on 4 cores; the comparison is measured in the same run. What goes on meanwhile is told on
/// standard error. Nothing else should run on the machine.
#[derive(Debug, clap::Args)]
#[command(after_help = BENCH_HELP, arg_required_else_help = true)]
pub(crate) struct BenchOptions {
    /// Use the build for debugging: only to see that a benchmark works.
    #[arg(long)]
    pub(crate) debug_build: bool,

    /// The benchmark and its options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "BENCHMARK")]
    pub(crate) args: Vec<String>,
}

/// Replay recorded REST traffic of the original Krake against etcd and the facade, without any controller.
///
/// One facade is started for each server role that the replay knows, all on one etcd, configured with files in the
/// format of the original. The last line counts what passed and failed. Data, configuration files and logs stay in
/// .krake-dev/golden until the next run.
#[derive(Debug, clap::Args)]
pub(crate) struct GoldenOptions {
    /// How many facades play each role; with more than one, each new connection goes to the next of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) replicas: u8,

    /// Keep a management cluster in step, without an operator; one of all facades does it.
    #[arg(long)]
    pub(crate) sync: bool,

    /// Options of the replay, after ours: `--golden DIR` for other recordings than those in ../shared/krake/golden,
    /// `--only REGEX`, `--require-all`, `-v`, ….
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub(crate) options: Vec<String>,
}
