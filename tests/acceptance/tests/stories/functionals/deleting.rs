//! What depends on something goes before it.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::{
    SOON, Stage,
    door::{Door, named},
};
use krake_testbed::{
    Testbed, eventually,
    kubectl::Kubectl,
    objects::{Application, Object, Resource, Spec, config_map, metric, resource},
    throughout,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

through_both_doors![a_cluster_stays_until_its_application_is_gone, a_chain_of_owners_goes_from_leaf_to_root,];

/// Longer than a deletion takes that nothing holds.
const A_WHILE: Duration = Duration::from_secs(2);

/// Something that takes its time on the first target: a `ConfigMap`, called like the application that it belongs to.
struct Held<'a> {
    target: &'a Kubectl,
    name: String,
}

impl<'a> Held<'a> {
    /// An application on the first target whose object takes its time to go.
    async fn run(stage: &'a Stage<'a>, door: Door) -> Result<(Application, Self)> {
        let (name, shop) = stage.application("shop");
        let shop = shop.where_label("location is DE").running([config_map(&name, "size", "small")]);
        door.create(stage, &shop).await?;
        door.until_running_on(stage, &shop, "de").await?;
        let held = Self { target: stage.testbed.target(1)?.kubectl(), name };
        held.hold(&["example.com/held"]).await?;
        Ok((shop, held))
    }

    async fn hold(&self, finalizers: &[&str]) -> Result<()> {
        let patch = json!({ "metadata": { "finalizers": finalizers } }).to_string();
        self.target.run(&["patch", "configmap", &self.name, "--type=merge", "-p", &patch]).await.map(drop)
    }

    async fn until_asked_to_go(&self) -> Result<()> {
        eventually("the object on the target is asked to go", SOON, async || {
            let object = self.target.json(&["get", "configmap", &self.name]).await?;
            ensure!(object["metadata"]["deletionTimestamp"].is_string(), "{object}");
            Ok(())
        })
        .await
    }

    async fn let_go(&self) -> Result<()> {
        self.hold(&[]).await
    }
}

/// E33.
async fn a_cluster_stays_until_its_application_is_gone(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "collect").await?;
    let cluster = stage.cluster(1)?;
    door.register(&stage, [cluster.clone()]).await?;
    let (shop, held) = Held::run(&stage, door).await?;

    door.delete(&stage, &cluster).await?;

    held.until_asked_to_go().await?;
    throughout("both are still there", A_WHILE, async || {
        door.shown(&stage, &cluster).await?;
        door.shown(&stage, &shop).await.map(drop)
    })
    .await?;
    held.let_go().await?;
    stage.until_gone(&shop, &held.name).await?;
    door.until_gone(&stage, &cluster).await
}

/// E34.
async fn a_chain_of_owners_goes_from_leaf_to_root(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "chain").await?;
    let project = project(&stage.namespace);
    let magnum = magnum_cluster(&stage.namespace).owned_by(&project.reference());
    let cluster = stage.cluster(1)?.owned_by(&magnum.reference());
    door.create(&stage, &project).await?;
    door.create(&stage, &magnum).await?;
    door.register(&stage, [cluster.clone()]).await?;
    let (shop, held) = Held::run(&stage, door).await?;
    until_guarded(&stage, &project).await?;
    until_guarded(&stage, &magnum).await?;

    door.delete(&stage, &project).await?;

    held.until_asked_to_go().await?;
    throughout("all are still there", A_WHILE, async || {
        door.shown(&stage, &project).await?;
        door.shown(&stage, &magnum).await?;
        door.shown(&stage, &cluster).await?;
        door.shown(&stage, &shop).await.map(drop)
    })
    .await?;
    let chain = [named(&project), named(&magnum), named(&cluster), named(&shop)];
    assert_eq!(left_of(&stage, &chain).await?, [true; 4]);
    held.let_go().await?;
    timeout(SOON, gone_from_leaf_to_root(&stage, &chain)).await??;
    stage.until_gone(&shop, &held.name).await?;
    door.until_gone(&stage, &project).await
}

/// Looks with kubectl, where it happens, until nothing is left of a chain, root first; nobody goes before what depends on it.
async fn gone_from_leaf_to_root(stage: &Stage<'_>, chain: &[(String, String)]) -> Result<()> {
    loop {
        // An owner is looked for before what depends on it: if it is gone, so must be what is looked for later.
        let left = left_of(stage, chain).await?;
        ensure!(left.is_sorted_by(|owner, dependent| owner >= dependent), "an owner went first: {left:?}");
        if !left.contains(&true) {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether these objects are there, looked for one after the other.
async fn left_of(stage: &Stage<'_>, objects: &[(String, String)]) -> Result<Vec<bool>> {
    let names: Vec<_> = objects.iter().map(|(resource, name)| format!("{resource}/{name}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let look = ["-n", &stage.namespace, "get", "--ignore-not-found", "-o", "name"];
    let found = stage.testbed.kubectl(&[&look[..], &names[..]].concat()).await?;
    Ok(names.iter().map(|name| found.lines().any(|line| line == *name)).collect())
}

/// Waits until the collector has put its guard on, as it does once it knows of something that depends on the object.
async fn until_guarded(stage: &Stage<'_>, object: &Object<impl Spec>) -> Result<()> {
    let is_guarded = |shown: &Value| shown["metadata"]["finalizers"].to_string().contains("krake.dev/cascade-deletion");
    Door::Kubectl.until(stage, object, is_guarded).await.map(drop)
}

fn project(namespace: &str) -> Resource {
    let known = |secret: &Value| json!({ "type": "application_credential", "application_credential": secret });
    let rest = json!({
        "url": "http://keystone:5000/v3", "template": "t", "metrics": [],
        "auth": known(&json!({ "id": "i", "secret": "s" })),
    });
    let reference = json!({
        "url": "http://keystone:5000/v3", "template": "t",
        "auth": { "type": "application_credential", "applicationCredential": { "id": "i" } },
        "authSecretRef": { "name": "{secret}", "key": "secret" },
    });
    resource("openstack", "Project", "tenant")
        .in_namespace(namespace)
        .saying(&rest, &reference)
        .hiding(&json!({ "secret": "s" }))
}

fn magnum_cluster(namespace: &str) -> Resource {
    let rest = json!({ "master_count": 1, "node_count": 2, "metrics": [], "constraints": { "project": {} } });
    let object = json!({ "masterCount": 1, "nodeCount": 2 });
    resource("openstack", "MagnumCluster", "built").in_namespace(namespace).saying(&rest, &object)
}

/// A diamond goes as a chain does; and owners in a circle are named on the objects until the circle is broken.
#[tokio::test]
async fn a_diamond_of_owners_goes_and_a_cycle_is_named_until_it_is_broken() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let door = Door::Kubectl;
    let stage = door.bare(testbed, "owners").await?;
    let owned = |name: &str, owners: &[&str]| {
        let plain = |name: &str| metric(name, 1.0, "none", name).in_namespace(&stage.namespace);
        owners.iter().fold(plain(name), |metric, owner| metric.owned_by(&plain(owner).reference()))
    };
    let diamond = [("root", &[][..]), ("left", &["root"]), ("right", &["root"]), ("leaf", &["left", "right"])];
    let [root, left, right, leaf] = diamond.map(|(name, owners)| owned(name, owners));
    for metric in [&root, &left, &right, &leaf] {
        door.create(&stage, metric).await?;
    }
    until_guarded(&stage, &root).await?;
    door.delete(&stage, &root).await?;
    for metric in [&leaf, &left, &right, &root] {
        door.until_gone(&stage, metric).await?;
    }

    let (one, two) = (owned("one", &["two"]), owned("two", &["one"]));
    door.create(&stage, &one).await?;
    door.create(&stage, &two).await?;
    until_guarded(&stage, &one).await?;
    door.delete(&stage, &one).await?;
    door.until(&stage, &one, |shown| shown["status"].to_string().contains("OwnershipCycle")).await?;
    door.update(&stage, &owned("one", &[])).await?;
    door.until_gone(&stage, &two).await?;
    door.until_gone(&stage, &one).await
}
