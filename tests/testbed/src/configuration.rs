//! Configuration files of the facade in the format of the original, with every key that the original asks for.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use url::Url;

/// What a configuration file says, but for the addresses, which [`Facade::start`](crate::facade::Facade::start) adds.
/// Unless something is added, nobody can tell who they are and nobody is let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration(Value);

impl Configuration {
    /// With this mode of authorization: `RBAC`, `always-allow` or `always-deny`.
    #[must_use]
    pub fn new(authorization: &str) -> Self {
        Self(json!({
            "docs": {
                "problem_base_url": "https://rak-n-rok.readthedocs.io/projects/krake/en/latest/user/problem.html",
            },
            "tls": { "enabled": false, "client_ca": "", "cert": "", "key": "" },
            "authentication": {
                "cors-origin": "*",
                "allow_anonymous": false,
                "strategy": {
                    "keystone": { "enabled": false, "endpoint": "http://localhost:5000/v3" },
                    "keycloak": { "enabled": false, "endpoint": "http://localhost:9080", "realm": "krake" },
                    "static": { "enabled": false, "name": "system" },
                },
            },
            "authorization": authorization,
            "log": {
                "version": 1,
                "level": "INFO",
                "formatters": { "krake": { "format": "%(asctime)s - %(message)s" } },
                "handlers": { "console": { "class": "logging.StreamHandler", "formatter": "krake" } },
                "loggers": { "krake": { "propagate": false, "handlers": ["console"] } },
            },
        }))
    }

    /// Lets requests in that nobody is known to have made.
    #[must_use]
    pub fn with_anonymous(self) -> Self {
        self.with("/authentication/allow_anonymous", json!(true))
    }

    /// Takes everybody for this user.
    #[must_use]
    pub fn with_static(self, user: &str) -> Self {
        self.with("/authentication/strategy/static", json!({ "enabled": true, "name": user }))
    }

    /// Asks the Keystone at this URL, which ends with the version of its API.
    #[must_use]
    pub fn with_keystone(self, endpoint: &str) -> Self {
        self.with("/authentication/strategy/keystone", json!({ "enabled": true, "endpoint": endpoint }))
    }

    /// Asks the Keycloak at this URL, which is followed by `/auth`.
    #[must_use]
    pub fn with_keycloak(self, endpoint: &str, realm: &str) -> Self {
        let keycloak = json!({ "enabled": true, "endpoint": endpoint, "realm": realm });
        self.with("/authentication/strategy/keycloak", keycloak)
    }

    /// Lets the pages of this origin only call the API from a browser.
    #[must_use]
    pub fn with_cors_origin(self, origin: &str) -> Self {
        self.with("/authentication/cors-origin", json!(origin))
    }

    /// Serves HTTPS with this certificate and key, and knows clients by certificates of this authority.
    #[must_use]
    pub fn with_tls(self, certificate: &Path, key: &Path, client_authority: &Path) -> Self {
        let tls = json!({ "enabled": true, "cert": certificate, "key": key, "client_ca": client_authority });
        self.with("/tls", tls)
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        if let Some(slot) = self.0.pointer_mut(pointer) {
            *slot = value;
        }
        self
    }

    /// The scheme of the URL of a facade that follows it.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.0.pointer("/tls/enabled") == Some(&json!(true)) { "https" } else { "http" }
    }

    /// The text of the file.
    pub(crate) fn file(&self, listen: SocketAddr, etcd: &str) -> Result<String> {
        let etcd = Url::parse(etcd).context("read the URL of etcd")?;
        let addresses = json!({
            "host": listen.ip(),
            "port": listen.port(),
            "etcd": { "host": etcd.host_str(), "port": etcd.port(), "retry_transactions": 1 },
        });
        let parts = [serde_yaml::to_string(&addresses), serde_yaml::to_string(&self.0)];
        let [addresses, rest] = parts.map(|part| part.context("write a configuration file"));
        Ok(addresses? + &rest?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_sections_of_the_original_and_what_was_added() {
        let configuration = Configuration::new("RBAC").with_keystone("http://127.0.0.1:1/v3").with_anonymous();
        let text = configuration.file("127.0.0.1:2".parse().unwrap(), "http://127.0.0.1:3").unwrap();
        let lines = ["host: 127.0.0.1", "port: 2", "  port: 3", "authorization: RBAC", "  allow_anonymous: true"];
        for line in lines {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("endpoint: http://127.0.0.1:1/v3"), "{text}");
    }
}
