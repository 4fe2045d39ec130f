//! Users of OpenStack's identity service, by its tokens.

use http::HeaderValue;
use krake_facade_wire::Json;
use reqwest::Client;
use url::Url;

use super::User;
use super::identity_service::{Service, ask, below};
use crate::problem::Failure;

/// A Keystone.
#[derive(Debug)]
pub(super) struct Keystone {
    client: Client,
    tokens: Url,
}

impl Keystone {
    pub(super) fn new(client: Client, endpoint: &Url) -> Self {
        Self { client, tokens: below(endpoint, ["auth", "tokens"]) }
    }

    /// The user that has the token. Users may have their own tokens validated, so the token stands for both.
    pub(super) async fn identify(&self, token: &HeaderValue) -> Result<User, Failure> {
        let question = self.client.get(self.tokens.clone());
        let question = question.header("x-auth-token", token).header("x-subject-token", token);
        ask(Service::Keystone, question, name).await
    }
}

fn name(answer: &Json) -> Option<&str> {
    answer.get("token")?.get("user")?.get("name")?.as_str()
}
