//! The command line and the environment, and for each of its options: the key in the file, the default, the rules.
//!
//! ```text
//! flags, environment ──▶ Options ──fill (file)──▶ Options ──resolve (defaults, rules)──▶ Settings
//! ```
//!
//! There is one module per concern; a new setting is a field in one of them. Options that the original has as well keep
//! its names, also where ours has a better one. Source: the REST contract's chapter on configuration.

mod api;
mod authentication;
mod etcd;
mod management;
mod process;
mod tls;
mod value;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::authn::Strategy;
use crate::authz::Authorization;
use crate::config::{Findings, Section};
use crate::settings::Settings;

/// Serves Krake's REST API from etcd, and keeps it in step with the custom resources of the management cluster.
///
/// Any number of copies may run on one etcd: all of them serve, and the one that holds the Lease
/// `krake-api-facade-sync` runs the sync.
///
/// A setting is taken from its flag, else from its environment variable, else from the file that `--config` names, else
/// it has its default. The file is the original Krake's `api.yaml` as it is, or any part of it, in YAML or JSON, with
/// keys added for what the original does not know. Hyphens and underscores in keys are the same; a key that nobody knows
/// is a mistake. The original's flags (`--host`, `--etcd-host`, …) work as well.
#[derive(Parser, Clone, Debug)]
#[command(name = "krake-api-facade", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Configuration file. Default: none is read.
    #[arg(long, env = "KRAKE_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What to do instead of serving.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Take the facade's finalizer off every custom resource, before the facade is removed for good; stop all copies
    /// first. Needs --kubeconfig or the service account of the pod.
    Detach,
    /// Write resources straight to etcd, before anybody can use the API: roles, role bindings, metrics and metrics
    /// providers. All of them are written, or none.
    Bootstrap(Bootstrap),
}

/// What is written to etcd.
#[derive(ClapArgs, Clone, Debug)]
pub(crate) struct Bootstrap {
    /// Files of YAML documents, each a resource as the API shows it; `-` for standard input.
    #[arg(value_name = "FILE", required_unless_present_any = ["default_roles", "print_default_roles"])]
    pub(crate) files: Vec<PathBuf>,
    /// Replace resources that exist already. The new ones are others, with uids of their own.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Also write the roles and role bindings of Krake's own components and of its administrator, `system:admin`.
    #[arg(long)]
    pub(crate) default_roles: bool,
    /// Print those roles, and do nothing.
    #[arg(long, exclusive = true)]
    pub(crate) print_default_roles: bool,
}

/// All that can also stand in the file. What is `None` was not given.
#[derive(ClapArgs, Clone, Debug, Default)]
pub(crate) struct Options {
    #[command(flatten)]
    api: api::Api,
    #[command(flatten)]
    tls: tls::Tls,
    #[command(flatten)]
    authentication: authentication::Authentication,
    #[command(flatten)]
    etcd: etcd::Etcd,
    #[command(flatten)]
    management: management::Management,
    #[command(flatten)]
    process: process::Process,
}

impl Options {
    /// Takes from the file what was not given.
    pub(crate) fn fill(&mut self, file: &mut Section<'_>) {
        let Self { api, tls, authentication, etcd, management, process } = self;
        api.fill(file);
        file.section("tls", |file| tls.fill(file));
        file.section("authentication", |file| {
            file.text("cors_origin", &mut api.cors_origin);
            authentication.fill(file);
        });
        authentication.fill_authorization(file);
        file.section("etcd", |file| etcd.fill(file));
        file.section("management", |file| management.fill(file));
        process.fill(file);
        for unused in ["default_roles", "default_role_bindings"] {
            if file.take(unused).is_some() {
                file.remark(format!(
                    "`{unused}` is not used, as in the original; the subcommand bootstrap writes roles"
                ));
            }
        }
    }

    /// Gives what is still open its default, and applies the rules that concern several settings.
    pub(crate) fn resolve(self, findings: &mut Findings) -> Settings {
        let api = self.api.resolve(self.tls, findings);
        let client_certificates = api.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let (authentication, authorization) = self.authentication.resolve(client_certificates, findings);
        let (health_address, log) = self.process.resolve();
        let (etcd, management) = (self.etcd.resolve(), self.management.resolve());
        let is_open = authorization.authorization == Authorization::AlwaysAllow
            && (authentication.allow_anonymous || matches!(authentication.strategy, Strategy::Fixed { .. }));
        if is_open && !api.listen.ip().is_loopback() {
            findings.remark(format!("whoever reaches {} may do everything: see --authorization", api.listen));
        }
        Settings { api, authentication, authorization, etcd, management, health_address, log }
    }
}

#[cfg(test)]
mod tests;
