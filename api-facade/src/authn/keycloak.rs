//! Users of a provider of `OpenID Connect`, by its access tokens.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use krake_facade_wire::Json;
use reqwest::Client;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::User;
use super::identity_service::{Service, ask, below};
use crate::problem::Failure;

/// A realm of a Keycloak.
#[derive(Debug)]
pub(super) struct Keycloak {
    client: Client,
    userinfo: Url,
}

impl Keycloak {
    pub(super) fn new(client: Client, endpoint: &Url, realm: &str) -> Self {
        let path = ["auth", "realms", realm, "protocol", "openid-connect", "userinfo"];
        Self { client, userinfo: below(endpoint, path) }
    }

    /// The user that has the token.
    pub(super) async fn identify(&self, token: &HeaderValue) -> Result<User, Failure> {
        let form = format!("access_token={}", byte_serialize(token.as_bytes()).collect::<String>());
        let question = self.client.post(self.userinfo.clone());
        let question = question.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        ask(Service::Keycloak, question, name).await
    }
}

fn name(answer: &Json) -> Option<&str> {
    answer.get("preferred_username")?.as_str()
}
