//! Users of Keycloak.

use anyhow::Result;

use crate::{provider::Provider, tokens};

#[tokio::test]
async fn a_keycloak_token_opens_the_door_until_it_is_revoked() -> Result<()> {
    let Some(keycloak) = Provider::keycloak().await? else { return Ok(()) };
    tokens::good_ones_open_until_they_are_revoked(keycloak).await
}

#[tokio::test]
async fn a_bad_keycloak_token_makes_nobody_anonymous() -> Result<()> {
    let Some(keycloak) = Provider::keycloak().await? else { return Ok(()) };
    tokens::only_callers_without_one_are_anonymous(keycloak).await
}

#[tokio::test]
async fn users_of_keycloak_may_do_what_roles_say() -> Result<()> {
    let Some(keycloak) = Provider::keycloak().await? else { return Ok(()) };
    tokens::their_users_may_do_what_roles_say(keycloak).await
}

#[tokio::test]
async fn a_keycloak_that_is_cut_off_lets_nobody_in_and_nobody_hang() -> Result<()> {
    let Some(keycloak) = Provider::keycloak().await? else { return Ok(()) };
    tokens::are_not_believed_while_nobody_can_be_asked(keycloak).await
}
