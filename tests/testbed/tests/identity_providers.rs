//! The identity providers are real, and leave nothing behind.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_testbed::{eventually, keycloak::Keycloak, keystone::Keystone, lane::Lane, scratch::Scratch};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(15);

#[tokio::test]
async fn a_keystone_gives_tokens_to_its_users_only() -> Result<()> {
    if Lane::Keystone.skipped().is_some() {
        return Ok(());
    }
    let scratch = Scratch::new()?;
    let keystone = Keystone::start(scratch.path(), &["alice"]).await?;
    let token = keystone.token("alice").await?;
    assert!(keystone.token("mallory").await.is_err());
    keystone.revoke(&token).await?;
    assert!(keystone.revoke(&token).await.is_err());
    keystone.process.kill();
    keystone.process.start_again()?;
    keystone.ready().await?;
    keystone.token("alice").await?;
    Ok(())
}

#[tokio::test]
async fn a_keycloak_gives_tokens_to_its_users_only_and_leaves_nothing_behind() -> Result<()> {
    if Lane::Keycloak.skipped().is_some() {
        return Ok(());
    }
    let scratch = Scratch::new()?;
    let keycloak = Keycloak::start(scratch.path(), &["alice"]).await?;
    let token = keycloak.token("alice").await?;
    assert!(keycloak.token("mallory").await.is_err());
    keycloak.revoke(&token).await?;
    let address = keycloak.address();
    drop(keycloak);
    // The kernel takes a moment: the server is a grandchild, for which nobody can wait.
    eventually("nobody listens", SOON, async || {
        ensure!(TcpStream::connect(address).await.is_err(), "somebody does");
        Ok(())
    })
    .await
}
