//! Users of Keystone.

use anyhow::Result;
use krake_testbed::{alone::Alone, configuration::Configuration, keystone::Keystone, lane::Lane};

use crate::{
    door::{facade, problem, who_am_i},
    provider::Provider,
    tokens,
};

#[tokio::test]
async fn a_keystone_token_opens_the_door_until_it_is_revoked() -> Result<()> {
    let Some(keystone) = Provider::keystone().await? else { return Ok(()) };
    tokens::good_ones_open_until_they_are_revoked(keystone).await
}

#[tokio::test]
async fn a_bad_keystone_token_makes_nobody_anonymous() -> Result<()> {
    let Some(keystone) = Provider::keystone().await? else { return Ok(()) };
    tokens::only_callers_without_one_are_anonymous(keystone).await
}

#[tokio::test]
async fn users_of_keystone_may_do_what_roles_say() -> Result<()> {
    let Some(keystone) = Provider::keystone().await? else { return Ok(()) };
    tokens::their_users_may_do_what_roles_say(keystone).await
}

#[tokio::test]
async fn a_keystone_that_is_cut_off_lets_nobody_in_and_nobody_hang() -> Result<()> {
    let Some(keystone) = Provider::keystone().await? else { return Ok(()) };
    tokens::are_not_believed_while_nobody_can_be_asked(keystone).await
}

#[tokio::test]
async fn a_keystone_that_was_killed_is_believed_again_when_it_is_back() -> Result<()> {
    if Lane::Keystone.skipped().is_some() {
        return Ok(());
    }
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let keystone = Keystone::start(&alone.dir().join("keystone"), &["alice"]).await?;
    let configuration = Configuration::new("always-allow").with_keystone(&keystone.endpoint());
    let door = facade(&alone, configuration).await?;
    let alice = door.rest()?.authorized(&keystone.token("alice").await?);
    assert_eq!(who_am_i(&alice).await?, "alice");

    keystone.process.kill();
    problem(alice.get("/me").await?, 503)?;

    keystone.process.start_again()?;
    keystone.ready().await?;
    assert_eq!(who_am_i(&alice).await?, "alice");
    Ok(())
}
