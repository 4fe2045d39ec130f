//! Users of the management cluster: bearer tokens of service accounts.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{authentication::v1::TokenRequest, core::v1::ServiceAccount};
use krake_testbed::{
    access::Account,
    binaries,
    configuration::Configuration,
    eventually,
    facade::{Facade, FacadeOptions},
    fleet::{Fleet, FleetOptions},
    lane::Lane,
    objects::application,
};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};

use crate::door::{SOON, let_deploy, problem, who_am_i};

const NAMESPACE: &str = "default";

/// What Kubernetes calls the account `robot`.
const ROBOT: &str = "system:serviceaccount:default:robot";

async fn make_account(accounts: &Api<ServiceAccount>, name: &str) -> Result<String> {
    let mut account = ServiceAccount::default();
    account.metadata.name = Some(name.to_owned());
    accounts.create(&PostParams::default(), &account).await?;
    let answer = accounts.create_token_request(name, &PostParams::default(), &TokenRequest::default()).await?;
    answer.status.and_then(|status| status.token).context("find the token in the answer")
}

/// A facade beside a management cluster that takes the cluster's tokens.
async fn facade(fleet: &Fleet, name: &str, configuration: Configuration) -> Result<Facade> {
    let options = FacadeOptions {
        name: name.into(),
        etcd_endpoints: vec![fleet.etcd.endpoint()],
        kubeconfig: Some(fleet.kubeconfig_of(Account::ApiFacade).to_owned()),
        configuration: Some(configuration),
        flags: vec!["--authentication-token-review".into()],
        ..FacadeOptions::default()
    };
    let ground = fleet.ground();
    Facade::start(&options, &ground.group, &ground.data).await
}

#[tokio::test]
async fn a_service_account_comes_in_with_its_token_and_may_do_what_roles_say() -> Result<()> {
    if Lane::Clusters.skipped().is_some() {
        return Ok(());
    }
    binaries::build(&[binaries::API_FACADE]).await?;
    let fleet = Box::pin(Fleet::start(FleetOptions { targets: 0, ..FleetOptions::default() })).await?;
    let client: Client = fleet.management.client().await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client, NAMESPACE);
    let bearer = format!("Bearer {}", make_account(&accounts, "robot").await?);
    let door = facade(&fleet, "door", Configuration::new("RBAC").with_anonymous()).await?;
    let administrator = facade(&fleet, "administrator", Configuration::new("always-allow").with_static("root")).await?;
    let stranger = door.rest()?;
    let robot = stranger.authorized(&bearer);
    let shop = application("shop").in_namespace("ours");

    assert_eq!(who_am_i(&robot).await?, ROBOT);
    problem(robot.post(&shop.collection(), &shop.rest()).await?, 403)?;
    let_deploy(&administrator.rest()?, ROBOT, "ours").await?;
    eventually("the robot may deploy", SOON, async || robot.post(&shop.collection(), &shop.rest()).await?.expect(200))
        .await?;
    assert_eq!(who_am_i(&stranger).await?, "system:anonymous");
    problem(stranger.authorized("Bearer rubbish").get("/me").await?, 401)?;

    accounts.delete("robot", &DeleteParams::default()).await?;
    eventually("the token of a deleted account is worthless", SOON, async || {
        let status = robot.get("/me").await?.status;
        ensure!(status == 401, "{status}");
        Ok(())
    })
    .await
}
