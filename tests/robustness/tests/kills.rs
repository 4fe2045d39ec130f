//! The end is the same, whoever is killed and when.

use krake_robustness::{
    fault::Victim,
    run::{Options, run},
};
use krake_testbed::{Testbed, fleet::FleetOptions};

#[tokio::test]
async fn operator_and_facade_may_be_killed_at_any_moment() -> anyhow::Result<()> {
    let options = Options::from_env(20, &[Victim::Operator, Victim::Facade, Victim::Both])?;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    if let Err(error) = run(&testbed, &options).await {
        // A panic, unlike an error, leaves the logs behind.
        panic!("{error:#}");
    }
    Ok(())
}
