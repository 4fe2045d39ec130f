//! Either store may be away for a while, or lost: etcd is rebuilt from the custom resources, and these from etcd. What
//! runs on the targets is not touched meanwhile.

use anyhow::{Result, anyhow, ensure};
use krake_robustness::{
    eyes::Eyes,
    fault::Victim,
    history::History,
    run::{Options, quiet, run},
    scenario::{Place, Scenario},
    thing::Thing,
    traffic::PATIENCE,
    validate::Wish,
    witness::{Side, Witness},
};
use krake_testbed::Testbed;
use tokio::{sync::Mutex, time::timeout};

/// Held by the test that harms the shared system at the moment.
static TURN: Mutex<()> = Mutex::const_new(());

/// What is looked at, and by whom.
struct Stage<'a> {
    testbed: &'a Testbed,
    eyes: Eyes,
    history: History,
    facade: Mutex<()>,
}

impl<'a> Stage<'a> {
    async fn set(testbed: &'a Testbed) -> Result<Self> {
        let (eyes, history, facade) = (Eyes::open(testbed).await?, History::default(), Mutex::new(()));
        Ok(Self { testbed, eyes, history, facade })
    }

    /// Two clusters and two applications, from either door, which have come to rest.
    async fn open(&self, user: &str) -> Result<(Scenario<'_>, Wish)> {
        let Self { testbed, eyes, history, facade } = self;
        let scenario = Scenario::new(user, Place { testbed, eyes, history, facade })?;
        let wish = Box::pin(scenario.open()).await?;
        quiet(eyes, scenario.namespace(), &wish).await?;
        Ok((scenario, wish))
    }

    /// Does something harmful and waits until all is as wished, before a witness who looks at these sides and at the
    /// targets.
    async fn survive(&self, sides: &[Side], harm: impl Future<Output = Result<()>>, end: (&str, &Wish)) -> Result<()> {
        let witness = Witness::new(&self.eyes, &self.history, sides);
        let harm = async {
            harm.await?;
            quiet(&self.eyes, end.0, end.1).await
        };
        let ended = tokio::select! {
            ended = witness.watch() => ended,
            ended = harm => ended,
        };
        ended.map_err(|error| anyhow!("{error:#}\n{}", self.history))
    }

    /// Makes the management cluster lose an object, whoever holds it.
    async fn lose(&self, namespace: &str, object: &str) -> Result<()> {
        let kubectl = self.testbed.management_kubectl();
        kubectl.run(&["-n", namespace, "delete", object, "--wait=false"]).await?;
        let release = r#"{"metadata":{"finalizers":null}}"#;
        let released = kubectl.run(&["-n", namespace, "patch", object, "--type=merge", "-p", release]).await;
        // What nobody held is gone already.
        let left = kubectl.run(&["-n", namespace, "get", object, "--ignore-not-found", "-o", "name"]).await?;
        ensure!(left.is_empty(), "{object} is still there: {released:?}");
        Ok(())
    }

    /// Makes the management cluster lose all of Krake in a namespace.
    async fn lose_all(&self, namespace: &str) -> Result<()> {
        for kind in ["placements", "applications", "clusters"] {
            let resource = format!("{kind}.kubernetes.krake.dev");
            let names = self.testbed.kubectl(&["-n", namespace, "get", &resource, "-o", "name"]).await?;
            for object in names.lines() {
                self.lose(namespace, object).await?;
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn etcd_may_be_killed_at_any_moment() -> Result<()> {
    let _turn = TURN.lock().await;
    let options = Options::from_env(4, &[Victim::Etcd])?;
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    run(testbed, &options).await
}

#[tokio::test]
async fn a_wiped_etcd_is_rebuilt_from_the_custom_resources() -> Result<()> {
    let _turn = TURN.lock().await;
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed).await?;
    let (scenario, wish) = stage.open("wiped").await?;
    let wipe = testbed.fleet.etcd.wipe();
    stage.survive(&[Side::Object], wipe, (scenario.namespace(), &wish)).await
}

#[tokio::test]
async fn lost_custom_resources_are_rebuilt_from_etcd() -> Result<()> {
    let _turn = TURN.lock().await;
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed).await?;
    let (scenario, wish) = stage.open("lost").await?;
    let lose = async {
        // Whoever watched would see deletions. That a store is lost is seen by nobody.
        testbed.operator.stop().await?;
        testbed.facade.stop().await?;
        stage.lose_all(scenario.namespace()).await?;
        testbed.facade.start_again().await?;
        testbed.operator.start_again().await
    };
    stage.survive(&[Side::Stored], lose, (scenario.namespace(), &wish)).await
}

#[tokio::test]
async fn an_application_whose_finalizers_were_stripped_counts_as_deleted() -> Result<()> {
    let _turn = TURN.lock().await;
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed).await?;
    let (scenario, mut wish) = stage.open("stripped").await?;
    let Thing { name, .. } = scenario.application_from_kubectl();
    stage.history.give_up(scenario.application_from_kubectl());
    wish.applications.remove(name);
    let object = format!("applications.kubernetes.krake.dev/{name}");
    let strip = stage.lose(scenario.namespace(), &object);
    stage.survive(&[Side::Stored, Side::Object], strip, (scenario.namespace(), &wish)).await
}

/// A witness who sees nothing proves nothing.
#[tokio::test]
async fn a_witness_sees_when_nobody_serves_an_application() -> Result<()> {
    let _turn = TURN.lock().await;
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed).await?;
    let (scenario, wish) = stage.open("unserved").await?;
    let Thing { name, .. } = scenario.application_from_kubectl();
    let mut witness = Witness::new(&stage.eyes, &stage.history, &[]);
    witness.look().await?;
    let harm = async {
        testbed.operator.stop().await?;
        testbed.target(2)?.kubectl().run(&["-n", "default", "delete", "deployment", name]).await
    };
    let (seen, harmed) = tokio::join!(timeout(PATIENCE, witness.watch()), harm);
    harmed?;
    ensure!(seen?.is_err_and(|error| error.to_string().contains(name.as_str())), "the gap was not seen");
    testbed.operator.start_again().await?;
    quiet(&stage.eyes, scenario.namespace(), &wish).await
}
