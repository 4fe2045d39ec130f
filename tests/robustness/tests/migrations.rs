//! A migration comes to its end, or back to its beginning, wherever it is interrupted.

use krake_robustness::{fault::Victim, migrations::run, run::Options};
use krake_testbed::{Testbed, fleet::FleetOptions};

#[tokio::test]
async fn the_operator_may_be_killed_at_any_point_of_a_migration() -> anyhow::Result<()> {
    let options = Options::from_env(10, &[Victim::Operator])?;
    let Some(testbed) = Testbed::own(FleetOptions::default()).await? else { return Ok(()) };
    if let Err(error) = run(&testbed, &options).await {
        // A panic, unlike an error, leaves the logs behind.
        panic!("{error:#}");
    }
    Ok(())
}
