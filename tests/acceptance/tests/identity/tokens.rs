//! What holds for the tokens of every provider.

use anyhow::{Result, ensure};
use krake_testbed::{
    alone::Alone,
    configuration::Configuration,
    eventually,
    objects::application,
    proxy::Proxy,
    rest::{Answer, Rest},
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    door::{SOON, administrator, facade, let_deploy, problem, who_am_i},
    provider::Provider,
};

const PROBLEMS: &str = "https://rak-n-rok.readthedocs.io/projects/krake/en/latest/user/problem.html";

/// An answer that says in the provider's name that a token is no good.
fn is_refusal(provider: &Provider, answer: Answer) -> Result<()> {
    let (title, detail) = provider.refusal();
    let slug = title.to_lowercase().replace('_', "-");
    let wanted = json!({ "type": format!("{PROBLEMS}#{slug}"), "title": title, "status": 401, "detail": detail });
    assert_eq!(problem(answer, 401)?, wanted);
    Ok(())
}

/// Good, revoked, rubbish and none, where nobody is anonymous.
pub(crate) async fn good_ones_open_until_they_are_revoked(provider: &Provider) -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let door = facade(&alone, provider.asked_by(Configuration::new("always-allow"))).await?;
    let stranger = door.rest()?;
    let token = provider.token("alice").await?;
    let alice = stranger.authorized(&token);

    assert_eq!(who_am_i(&alice).await?, "alice");
    alice.get("/kubernetes/applications").await?.expect(200)?;
    let unknown = problem(stranger.get("/kubernetes/applications").await?, 401)?;
    assert_eq!(unknown["detail"], "401: No user has been authenticated.");
    is_refusal(provider, stranger.authorized("rubbish").get("/kubernetes/applications").await?)?;
    // The header is the token; there is no scheme in front of it.
    is_refusal(provider, stranger.authorized(&format!("Bearer {token}")).get("/me").await?)?;

    provider.revoke(&token).await?;
    is_refusal(provider, alice.get("/kubernetes/applications").await?)?;
    let fresh = stranger.authorized(&provider.token("alice").await?);
    assert_eq!(who_am_i(&fresh).await?, "alice");
    Ok(())
}

/// Anonymous are those without a token, not those with a bad one.
pub(crate) async fn only_callers_without_one_are_anonymous(provider: &Provider) -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let configuration = Configuration::new("always-allow").with_anonymous();
    let door = facade(&alone, provider.asked_by(configuration)).await?;
    let stranger = door.rest()?;

    assert_eq!(who_am_i(&stranger).await?, "system:anonymous");
    assert_eq!(who_am_i(&stranger.authorized("")).await?, "system:anonymous");
    assert_eq!(who_am_i(&stranger.authorized(&provider.token("bob").await?)).await?, "bob");
    is_refusal(provider, stranger.authorized("rubbish").get("/me").await?)
}

/// Roles that one facade hands out count for the users of another.
pub(crate) async fn their_users_may_do_what_roles_say(provider: &Provider) -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let administrators = administrator(&alone).await?;
    let configuration = Configuration::new("RBAC").with_anonymous();
    let door = facade(&alone, provider.asked_by(configuration)).await?;
    let stranger = door.rest()?;
    let alice = stranger.authorized(&provider.token("alice").await?);
    let bob = stranger.authorized(&provider.token("bob").await?);
    let (ours, theirs) = (application("shop").in_namespace("ours"), application("shop").in_namespace("theirs"));
    let deploy = async |rest: &Rest| rest.post(&ours.collection(), &ours.rest()).await;

    problem(deploy(&alice).await?, 403)?;
    let_deploy(&administrators.rest()?, "alice", "ours").await?;
    eventually("alice may deploy", SOON, async || deploy(&alice).await?.expect(200)).await?;

    alice.get(&ours.path()).await?.expect(200)?;
    let forbidden = problem(bob.get(&ours.path()).await?, 403)?;
    assert_eq!(forbidden["detail"], "403: Forbidden");
    assert_eq!(problem(stranger.get(&ours.path()).await?, 401)?["detail"], "401: Unauthorized");
    problem(alice.post(&theirs.collection(), &theirs.rest()).await?, 403)?;
    problem(alice.delete(&ours.path()).await?, 403)?;
    problem(alice.put(&format!("{}/status", ours.path()), &ours.rest()).await?, 403)?;
    Ok(())
}

/// A provider that is away, or silent, costs its users their way in for as long, and nobody else anything.
pub(crate) async fn are_not_believed_while_nobody_can_be_asked(provider: &Provider) -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let line = Proxy::start(provider.address()).await?;
    let configuration = Configuration::new("always-allow").with_anonymous();
    let door = facade(&alone, provider.asked_at(line.address(), configuration)).await?;
    let stranger = door.rest()?;
    let alice = stranger.authorized(&provider.token("alice").await?);
    assert_eq!(who_am_i(&alice).await?, "alice");

    line.set(|faults| faults.refuse = true);
    line.cut();
    problem(alice.get("/me").await?, 503)?;
    assert_eq!(who_am_i(&stranger).await?, "system:anonymous");
    line.heal();
    assert_eq!(who_am_i(&alice).await?, "alice");

    line.set(|faults| faults.stall = true);
    problem(timeout(SOON, alice.get("/me")).await??, 503)?;
    line.heal();
    eventually("alice is known again", SOON, async || {
        let user = who_am_i(&alice).await?;
        ensure!(user == "alice", "{user}");
        Ok(())
    })
    .await
}
