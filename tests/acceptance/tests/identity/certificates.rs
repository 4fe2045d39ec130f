//! Users with client certificates, over HTTPS.

use anyhow::Result;
use krake_testbed::{
    alone::Alone,
    certificates::{Authority, Identity},
    configuration::Configuration,
    eventually,
    facade::Facade,
    objects::application,
    rest::Rest,
};

use crate::door::{SOON, administrator, facade, let_deploy, problem, who_am_i};

/// A facade that serves HTTPS and knows the users of `clients`, and who vouches for the server.
async fn secured(alone: &Alone, configuration: Configuration, clients: &Authority) -> Result<(Facade, Authority)> {
    let servers = Authority::new("servers")?;
    let [certificate, key] = servers.server()?.write(alone.dir(), "server")?;
    let authority = alone.dir().join("clients.crt");
    std::fs::write(&authority, clients.pem())?;
    let door = facade(alone, configuration.with_tls(&certificate, &key, &authority)).await?;
    Ok((door, servers))
}

#[tokio::test]
async fn a_client_certificate_says_who_calls() -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let clients = Authority::new("clients")?;
    let (door, servers) = secured(&alone, Configuration::new("always-allow"), &clients).await?;
    let with = |identity: Option<Identity>| Rest::over_tls(door.url(), &servers, identity.as_ref());

    assert_eq!(who_am_i(&with(Some(clients.client("alice")?))?).await?, "alice");
    // Pods call with certificates that an authority in between has signed.
    let hooks = clients.intermediate("hooks")?;
    assert_eq!(who_am_i(&with(Some(hooks.client("system:complete-hook")?))?).await?, "system:complete-hook");

    let unknown = problem(with(None)?.get("/me").await?, 401)?;
    assert_eq!(unknown["detail"], "401: No user has been authenticated.");
    let impostor = Authority::new("clients")?.client("alice")?;
    assert!(with(Some(impostor))?.get("/me").await.is_err(), "another authority of the same name is believed");
    let plain = Rest::new(&door.url().replace("https", "http"))?;
    assert!(plain.get("/me").await.is_err(), "plain HTTP is answered");
    Ok(())
}

#[tokio::test]
async fn users_with_certificates_may_do_what_roles_say_and_others_are_anonymous() -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let clients = Authority::new("clients")?;
    let (door, servers) = secured(&alone, Configuration::new("RBAC").with_anonymous(), &clients).await?;
    let with = |identity: Option<Identity>| Rest::over_tls(door.url(), &servers, identity.as_ref());
    let (alice, bob) = (with(Some(clients.client("alice")?))?, with(Some(clients.client("bob")?))?);
    let shop = application("shop").in_namespace("ours");

    let_deploy(&administrator(&alone).await?.rest()?, "alice", "ours").await?;
    eventually("alice may deploy", SOON, async || alice.post(&shop.collection(), &shop.rest()).await?.expect(200))
        .await?;
    problem(bob.get(&shop.path()).await?, 403)?;
    assert_eq!(who_am_i(&with(None)?).await?, "system:anonymous");
    problem(with(None)?.get(&shop.path()).await?, 401)?;
    Ok(())
}
