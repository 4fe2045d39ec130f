//! A real Keystone, `OpenStack`'s identity service, on a loopback port.

mod installation;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::{
    http, port,
    process::{Process, ProcessGroup, Program},
    progress::Progress,
    project,
};

/// It prepares its database first, and importing it takes seconds.
const READY_WITHIN: Duration = Duration::from_mins(2);

const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// The user who makes the others. As everybody's here, their password is their name.
const ADMINISTRATOR: &str = "admin";

/// A Keystone that runs as a child process, with its own database.
#[derive(Debug)]
pub struct Keystone {
    /// The process, for faults.
    pub process: Process,
    address: SocketAddr,
    _group: Arc<ProcessGroup>,
}

impl Keystone {
    /// Finds the program, and installs it from the package index of Python where it is missing. Later calls find it
    /// at once.
    ///
    /// # Errors
    /// When there is no Python 3.11 or newer, or no network.
    pub async fn find_or_install(progress: Progress) -> Result<()> {
        installation::find_or_install(progress).await.map(drop)
    }

    /// Starts a Keystone with its data and its log in `dir`, and makes these users.
    ///
    /// # Errors
    /// When it cannot be installed or does not answer in time.
    pub async fn start(dir: &Path, users: &[&str]) -> Result<Self> {
        let python = installation::find_or_install(Progress::Shown).await?;
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let keystone = port::retry_on_collision(async || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
            let program = Program::new("keystone", &python)
                .args(["-I".into(), project::root().join("tests/testbed/keystone/serve.py")])
                .args([address.port().to_string(), dir.display().to_string(), endpoint(address)]);
            let group = ProcessGroup::start()?;
            let process = Process::start(program, &group, dir)?;
            let keystone = Self { process, address, _group: group };
            keystone.ready().await?;
            Ok(keystone)
        })
        .await?;
        keystone.make(users).await?;
        Ok(keystone)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its API, e.g. `http://127.0.0.1:15000/v3`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint(self.address)
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        let client = http::client()?;
        self.process
            .ready(READY_WITHIN, async || {
                client.get(self.endpoint()).send().await?.error_for_status()?;
                Ok(())
            })
            .await
    }

    /// A new token of a user.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn token(&self, user: &str) -> Result<String> {
        self.log_in(user, &json!("unscoped")).await
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// When it is already.
    pub async fn revoke(&self, token: &str) -> Result<()> {
        let request = self.request(Method::DELETE, "auth/tokens", token)?.header("X-Subject-Token", token);
        expect(request, StatusCode::NO_CONTENT).await.map(drop)
    }

    async fn make(&self, users: &[&str]) -> Result<()> {
        let token = self.log_in(ADMINISTRATOR, &json!({ "system": { "all": true } })).await?;
        // One after the other: of the first requests, those that come while Keystone still loads its policies are
        // forbidden.
        for user in users {
            let body = json!({ "user": { "name": user, "password": user, "domain_id": "default" } });
            expect(self.request(Method::POST, "users", &token)?.json(&body), StatusCode::CREATED).await?;
        }
        Ok(())
    }

    /// A token of a user that is good for what `scope` says.
    async fn log_in(&self, user: &str, scope: &Value) -> Result<String> {
        let password = json!({ "user": { "name": user, "domain": { "id": "default" }, "password": user } });
        let identity = json!({ "methods": ["password"], "password": password });
        let body = json!({ "auth": { "identity": identity, "scope": scope } });
        let request = http::client()?.post(format!("{}/auth/tokens", self.endpoint())).json(&body);
        let answer = expect(request, StatusCode::CREATED).await?;
        let token = answer.headers().get("X-Subject-Token").context("find the token in the answer")?;
        Ok(token.to_str().context("read the token")?.to_owned())
    }

    fn request(&self, method: Method, path: &str, token: &str) -> Result<RequestBuilder> {
        let url = format!("{}/{path}", self.endpoint());
        Ok(http::client()?.request(method, url).header("X-Auth-Token", token))
    }
}

fn endpoint(address: SocketAddr) -> String {
    format!("http://{address}/v3")
}

async fn expect(request: RequestBuilder, status: StatusCode) -> Result<reqwest::Response> {
    let answer = request.timeout(ANSWERED_WITHIN).send().await.context("ask Keystone")?;
    ensure!(answer.status() == status, "Keystone answered {} instead of {status}", answer.status());
    Ok(answer)
}
