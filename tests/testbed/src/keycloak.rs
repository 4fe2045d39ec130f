//! A real Keycloak, an identity provider for `OpenID` Connect, on a loopback port.

mod installation;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    http, port,
    process::{Process, ProcessGroup, Program},
    progress::Progress,
};

/// About ten seconds on two idle cores, and several times that beside a build.
const READY_WITHIN: Duration = Duration::from_mins(4);

const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// The realm that holds the users.
pub const REALM: &str = "krake";

/// The client that asks for tokens, and its secret.
const CLIENT: (&str, &str) = ("krake-testbed", "krake-testbed");

/// A Keycloak that runs as a child process, with its data in memory.
#[derive(Debug)]
pub struct Keycloak {
    address: SocketAddr,
    process: Process,
    // The server is a child of the script that is the process above; the group goes with both.
    _group: Arc<ProcessGroup>,
}

impl Keycloak {
    /// Finds the program, and fetches and builds it with Maven and Java where it is missing. Later calls find it at
    /// once.
    ///
    /// # Errors
    /// When there is no Java 17 or newer, no Maven, or no network.
    pub async fn find_or_install(progress: Progress) -> Result<()> {
        installation::find_or_install(progress).await.map(drop)
    }

    /// Starts a Keycloak with these users in [`REALM`]; each user's password is their name. Its log is in `dir`.
    ///
    /// # Errors
    /// When it cannot be installed or does not answer in time.
    pub async fn start(dir: &Path, users: &[&str]) -> Result<Self> {
        let home = installation::find_or_install(Progress::Shown).await?;
        lay_out(dir, &home, users)?;
        port::retry_on_collision(async || {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
            let group = ProcessGroup::start()?;
            let process = Process::start(program(&home, dir, address), &group, dir)?;
            let keycloak = Self { address, process, _group: group };
            keycloak.ready().await?;
            Ok(keycloak)
        })
        .await
    }

    /// Where it listens; its realms are below `/auth/realms`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    async fn ready(&self) -> Result<()> {
        let client = http::client()?;
        self.process
            .ready(READY_WITHIN, async || {
                let realm = format!("http://{}/auth/realms/{REALM}", self.address);
                client.get(realm).send().await?.error_for_status()?;
                Ok(())
            })
            .await
    }

    /// A new token of a user.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn token(&self, user: &str) -> Result<String> {
        let form = [("grant_type", "password"), ("scope", "openid"), ("username", user), ("password", user)];
        let answer: Value = self.post("token", &form).await?.json().await.context("read Keycloak's answer")?;
        let token = answer["access_token"].as_str().context("find the token in the answer")?;
        Ok(token.to_owned())
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// When it is rubbish.
    pub async fn revoke(&self, token: &str) -> Result<()> {
        self.post("revoke", &[("token", token)]).await.map(drop)
    }

    /// Calls one of the endpoints of the protocol, in the name of our client.
    async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<Response> {
        let url = format!("http://{}/auth/realms/{REALM}/protocol/openid-connect/{endpoint}", self.address);
        let (id, secret) = CLIENT;
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs([("client_id", id), ("client_secret", secret)]).extend_pairs(form).finish();
        let request = http::client()?.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        let answer = request.timeout(ANSWERED_WITHIN).send().await.context("ask Keycloak")?;
        ensure!(answer.status().is_success(), "Keycloak answered {} to {endpoint}", answer.status());
        Ok(answer)
    }
}

/// Makes a home of its own for one server: the built program as a link, and the realm.
fn lay_out(dir: &Path, home: &Path, users: &[&str]) -> Result<()> {
    let import = dir.join("data/import");
    std::fs::create_dir_all(&import).with_context(|| format!("create {}", import.display()))?;
    std::os::unix::fs::symlink(home.join("lib"), dir.join("lib")).context("link Keycloak's libraries")?;
    let file = import.join(format!("{REALM}-realm.json"));
    std::fs::write(&file, realm(users).to_string()).with_context(|| format!("write {}", file.display()))
}

/// The names and the address are there because a user without them has to fill in a form first.
fn realm(users: &[&str]) -> Value {
    let (id, secret) = CLIENT;
    let users = users.iter().map(|name| {
        json!({
            "username": name,
            "enabled": true,
            "firstName": name,
            "lastName": name,
            "email": format!("{name}@example.com"),
            "emailVerified": true,
            "credentials": [{ "type": "password", "value": name }],
        })
    });
    json!({
        "realm": REALM,
        "enabled": true,
        "clients": [{
            "clientId": id,
            "secret": secret,
            "enabled": true,
            "directAccessGrantsEnabled": true,
            "standardFlowEnabled": false,
        }],
        "users": users.collect::<Vec<_>>(),
    })
}

fn program(home: &Path, dir: &Path, address: SocketAddr) -> Program {
    Program::new("keycloak", home.join("bin/kc.sh"))
        .args(["start", "--optimized", "--import-realm", "--cache=local"])
        .args(["--http-enabled=true", "--http-host=127.0.0.1"])
        .flag("http-port", address.port())
        // Its tokens are good under whichever address they are shown.
        .flag("hostname", format_args!("http://{address}/auth"))
        .args([format!("-Dkc.home.dir={}", dir.display())])
        .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx384m")
        // It lives for a minute: quick machine code is better than good machine code.
        .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
}
