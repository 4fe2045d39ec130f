//! HTTPS: flags and keys of the file. The names are those of the original.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::value;
use crate::config::{Findings, Section};
use krake_facade_transport::tls;

/// HTTPS.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "HTTPS")]
pub(crate) struct Tls {
    /// Whether the REST API is served by HTTPS, and by HTTPS only.
    ///
    /// Default: false. In the file: `tls.enabled`.
    #[arg(long = "tls-enabled", env = "KRAKE_TLS_ENABLED", value_name = "BOOL", value_parser = value::switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enabled: Option<bool>,
    /// PEM file with the server's certificate and its intermediates. Needed for HTTPS.
    ///
    /// In the file: `tls.cert`.
    #[arg(long = "tls-cert", env = "KRAKE_TLS_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file with the private key of the certificate. Needed for HTTPS.
    ///
    /// In the file: `tls.key`.
    #[arg(long = "tls-key", env = "KRAKE_TLS_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// PEM file with the authorities for client certificates: a client that shows a certificate of theirs is the user
    /// that its common name says. Empty: clients are not asked for certificates.
    ///
    /// Default: empty. In the file: `tls.client_ca`.
    #[arg(long = "tls-client-ca", env = "KRAKE_TLS_CLIENT_CA", value_name = "FILE")]
    client_ca: Option<String>,
}

impl Tls {
    /// Takes from the section `tls` what the command line left open. Paths matter only if HTTPS is enabled.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        file.parse("enabled", &mut self.enabled, value::switch);
        if self.enabled == Some(true) {
            file.string("cert", &mut self.cert, value::path);
            file.string("key", &mut self.key, value::path);
            file.text("client_ca", &mut self.client_ca);
        } else {
            for unused in ["cert", "key", "client_ca"] {
                file.text(unused, &mut None);
            }
        }
    }

    /// HTTPS, if it is enabled and complete.
    pub(super) fn resolve(self, findings: &mut Findings) -> Option<tls::Settings> {
        let Self { enabled, cert, key, client_ca } = self;
        if enabled != Some(true) {
            return None;
        }
        for (key, flag, value) in [("tls.cert", "--tls-cert", &cert), ("tls.key", "--tls-key", &key)] {
            if value.is_none() {
                findings.missing(key, &format!("HTTPS needs it, as this key or as {flag}"));
            }
        }
        let client_ca = client_ca.filter(|path| !path.is_empty()).map(PathBuf::from);
        Some(tls::Settings { certificate: cert?, key: key?, client_ca })
    }
}
