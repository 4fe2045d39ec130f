//! How etcd is reached: flags, keys of the file and defaults.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::value;
use crate::config::Section;
use crate::settings;

pub(super) const HOST: &str = "127.0.0.1";
pub(super) const PORT: u16 = 2379;
pub(super) const TIMEOUT_SECONDS: u64 = 5;
pub(super) const RETRY_TRANSACTIONS: u32 = 1;

/// How etcd is reached.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "etcd")]
pub(crate) struct Etcd {
    /// URLs of the members of one etcd cluster, separated by commas. It may be down when the facade starts.
    ///
    /// Default: `http://127.0.0.1:2379`. In the file: `etcd.endpoints` as a list, or `etcd.host` and `etcd.port`.
    #[arg(long = "etcd-endpoints", env = "KRAKE_ETCD_ENDPOINTS", value_name = "URL,…", value_delimiter = ',')]
    #[arg(value_parser = value::Discreet(value::endpoint), conflicts_with_all = ["etcd_host", "etcd_port"], global = true)]
    endpoints: Option<Vec<String>>,
    /// Address of the only member, as the original calls it.
    #[arg(id = "etcd_host", long = "etcd-host", alias = "db-host", hide = true, value_parser = value::Discreet(member))]
    #[arg(global = true)]
    host: Option<String>,
    /// Port of the only member, as the original calls it.
    #[arg(id = "etcd_port", long = "etcd-port", alias = "db-port", hide = true, value_parser = value::port)]
    #[arg(global = true)]
    port: Option<u16>,
    /// Seconds one call to etcd may take. 1 to 60.
    ///
    /// Default: 5. In the file: `etcd.timeout_seconds`.
    #[arg(long = "etcd-timeout-seconds", env = "KRAKE_ETCD_TIMEOUT_SECONDS", value_name = "SECONDS")]
    #[arg(value_parser = timeout_seconds, global = true)]
    timeout_seconds: Option<u64>,
    /// How often a change is tried again, before the client is told, when somebody else wrote the same object at the
    /// same moment. 0 to 100.
    ///
    /// Default: 1. In the file: `etcd.retry_transactions`.
    #[arg(long, alias = "etcd-retry-transactions", env = "KRAKE_RETRY_TRANSACTIONS", value_name = "TIMES")]
    #[arg(value_parser = retry_transactions)]
    retry_transactions: Option<u32>,
}

fn member(host: &str) -> Result<String, String> {
    let is_host = value::endpoint(&endpoint(host, PORT)).is_ok();
    if is_host { Ok(host.to_owned()) } else { Err("must be a name or address".to_owned()) }
}

fn timeout_seconds(text: &str) -> Result<u64, String> {
    value::number(text, 1..=60)
}

fn retry_transactions(text: &str) -> Result<u32, String> {
    value::number(text, 0..=100)
}

impl Etcd {
    /// Takes from the section `etcd` what the command line left open.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        let (mut endpoints, mut host, mut port) = (None, None, None);
        file.list("endpoints", &mut endpoints, value::endpoint);
        file.string("host", &mut host, member);
        file.parse("port", &mut port, value::port);
        if endpoints.is_some() && (host.is_some() || port.is_some()) {
            file.fault("endpoints", "stands beside `host` or `port`; give either".to_owned());
        }
        // Either way of naming etcd on the command line replaces either way in the file.
        if self.endpoints.is_none() {
            self.endpoints = endpoints.filter(|_| self.host.is_none() && self.port.is_none());
            self.host = self.host.take().or(host);
            self.port = self.port.or(port);
        }
        file.parse("timeout_seconds", &mut self.timeout_seconds, timeout_seconds);
        file.parse("retry_transactions", &mut self.retry_transactions, retry_transactions);
    }

    /// What is left open has its default.
    pub(super) fn resolve(self) -> settings::Etcd {
        let Self { endpoints, host, port, timeout_seconds, retry_transactions } = self;
        let only = || vec![endpoint(host.as_deref().unwrap_or(HOST), port.unwrap_or(PORT))];
        settings::Etcd {
            endpoints: endpoints.unwrap_or_else(only),
            timeout: Duration::from_secs(timeout_seconds.unwrap_or(TIMEOUT_SECONDS)),
            retry_transactions: retry_transactions.unwrap_or(RETRY_TRANSACTIONS),
        }
    }
}

fn endpoint(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("http://[{host}]:{port}")
    } else {
        format!("http://{host}:{port}")
    }
}
