//! How the REST API is served: flags, keys of the file and defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args as ClapArgs;

use super::tls::Tls;
use super::value;
use crate::config::{Findings, Section};
use crate::settings;

/// The original listens on both addresses of `localhost`; one is enough, because clients try both.
pub(super) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const PORT: u16 = 8080;
pub(super) const CORS_ORIGIN: &str = "*";
pub(super) const PROBLEM_BASE_URL: &str = "https://rak-n-rok.readthedocs.io/projects/krake/en/latest/user/problem.html";

/// How the REST API is served.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "REST API")]
pub(crate) struct Api {
    /// Address, with port, of the REST API. Port 0 takes a free one.
    ///
    /// Default: 127.0.0.1:8080. In the file: `host` and `port`.
    #[arg(long, env = "KRAKE_LISTEN", value_name = "ADDRESS:PORT", conflicts_with_all = ["host", "port"])]
    listen: Option<SocketAddr>,
    /// Address of the REST API, as the original calls it.
    #[arg(long, hide = true, value_parser = value::host)]
    host: Option<IpAddr>,
    /// Port of the REST API, as the original calls it.
    #[arg(long, hide = true)]
    port: Option<u16>,
    /// Origin of the web pages that may call the API from a browser, such as `https://example.com`; `*` for all.
    ///
    /// Default: *. In the file: `authentication.cors_origin`.
    #[arg(long, env = "KRAKE_CORS_ORIGIN", value_name = "ORIGIN", alias = "authentication-cors-origin")]
    pub(super) cors_origin: Option<String>,
    /// The page that explains problems by name, named in error answers; empty for none.
    ///
    /// Default: `https://rak-n-rok.readthedocs.io/projects/krake/en/latest/user/problem.html`. In the file:
    /// `docs.problem_base_url`.
    #[arg(long, env = "KRAKE_PROBLEM_BASE_URL", value_name = "URL", alias = "docs-problem-base-url")]
    problem_base_url: Option<String>,
}

impl Api {
    /// Takes from the top of the file what the command line left open.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        let mut host = self.host;
        let mut port = self.port;
        file.string("host", &mut host, value::host);
        file.parse("port", &mut port, |text| value::number(text, 0..=65535));
        if self.listen.is_none() {
            (self.host, self.port) = (host, port);
        }
        file.section("docs", |docs| docs.text("problem_base_url", &mut self.problem_base_url));
    }

    /// What is left open has its default.
    pub(super) fn resolve(self, tls: Tls, findings: &mut Findings) -> settings::Api {
        let Self { listen, host, port, cors_origin, problem_base_url } = self;
        settings::Api {
            listen: listen.unwrap_or_else(|| SocketAddr::new(host.unwrap_or(HOST), port.unwrap_or(PORT))),
            tls: tls.resolve(findings),
            cors_origin: cors_origin.unwrap_or_else(|| CORS_ORIGIN.to_owned()),
            problem_base_url: problem_base_url.unwrap_or_else(|| PROBLEM_BASE_URL.to_owned()),
        }
    }
}
