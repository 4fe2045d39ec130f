//! kubeconfig files as Krake wants them: one context, one user, one cluster, all credentials inline.

use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig as Parsed},
};
use serde_json::{Value, json};

/// A kubeconfig with one context, one user and one cluster, and nothing that lies in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig(Value);

impl Kubeconfig {
    /// For a server with its own certificate authority and a user with a bearer token.
    #[must_use]
    pub fn with_token(name: &str, server: &str, authority_pem: &str, token: &str) -> Self {
        let cluster = json!({ "server": server, "certificate-authority-data": STANDARD.encode(authority_pem) });
        Self::from_parts(name, &cluster, token)
    }

    /// For the same server, and another user.
    ///
    /// # Errors
    /// Never, if this one was read or made here.
    pub fn for_user(&self, user: &str, token: &str) -> Result<Self> {
        let cluster = self.0.pointer("/clusters/0/cluster").context("find the cluster of a kubeconfig")?;
        Ok(Self::from_parts(user, cluster, token))
    }

    fn from_parts(name: &str, cluster: &Value, token: &str) -> Self {
        Self(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": name, "cluster": cluster }],
            "users": [{ "name": name, "user": { "token": token } }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
            "current-context": name,
        }))
    }

    /// Takes over a kubeconfig that was flattened and minified (`kubectl config view --flatten --minify -o json`).
    ///
    /// # Errors
    /// When it has more than one context, user or cluster.
    pub fn from_minified(config: Value) -> Result<Self> {
        for list in ["contexts", "users", "clusters"] {
            let found = config.get(list).and_then(Value::as_array).map_or(0, Vec::len);
            ensure!(found == 1, "a kubeconfig needs exactly one entry in {list}, this one has {found}");
        }
        Ok(Self(config))
    }

    /// The document, e.g. for `spec.kubeconfig` of a Cluster.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        self.0.pointer("/clusters/0/cluster/server").and_then(Value::as_str).unwrap_or_default()
    }

    /// The same cluster and user behind another address, e.g. that of a [`Proxy`](crate::proxy::Proxy).
    #[must_use]
    pub fn with_server(&self, server: &str) -> Self {
        let mut config = self.0.clone();
        if let Some(slot) = config.pointer_mut("/clusters/0/cluster/server") {
            *slot = server.into();
        }
        Self(config)
    }

    /// The same, with a namespace for objects that name none.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        let mut config = self.0.clone();
        if let Some(Value::Object(context)) = config.pointer_mut("/contexts/0/context") {
            context.insert("namespace".into(), namespace.into());
        }
        Self(config)
    }

    /// Writes it to a file that only the owner may read. It is JSON, which every reader of YAML understands.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let context = || format!("write {}", path.display());
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path).with_context(context)?;
        file.write_all(format!("{:#}\n", self.0).as_bytes()).with_context(context)
    }

    /// A client with connections of its own, so that it works in whichever runtime it is used.
    ///
    /// # Errors
    /// When the certificate authority cannot be used.
    pub async fn client(&self) -> Result<Client> {
        let parsed: Parsed = serde_json::from_value(self.0.clone()).context("read a kubeconfig")?;
        let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await?;
        config.proxy_url = None;
        Client::try_from(config).context("build a client from a kubeconfig")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sample() -> Kubeconfig {
        Kubeconfig::with_token("edge-1", "https://127.0.0.1:6443", "PEM", "secret")
    }

    #[test]
    fn has_one_context_one_user_and_one_cluster_with_everything_inline() {
        let config = sample();
        assert_eq!(Kubeconfig::from_minified(config.value().clone()).unwrap(), config);
        assert_eq!(config.value().pointer("/clusters/0/cluster/certificate-authority-data").unwrap(), "UEVN");
        assert_eq!(config.value().pointer("/users/0/user").unwrap(), &json!({ "token": "secret" }));
    }

    #[test]
    fn a_second_user_is_refused() {
        let mut config = sample().value().clone();
        config["users"].as_array_mut().unwrap().push(json!({ "name": "b", "user": {} }));
        assert!(Kubeconfig::from_minified(config).is_err());
    }

    #[test]
    fn another_user_keeps_the_cluster() {
        let config = sample().for_user("operator", "other").unwrap();
        assert_eq!(config.server(), "https://127.0.0.1:6443");
        assert_eq!(config.value().pointer("/users/0/user/token").unwrap(), "other");
    }

    #[test]
    fn a_written_file_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig");
        sample().write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(&read, sample().value());
    }
}
