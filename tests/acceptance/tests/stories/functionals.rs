//! What the original's own functional tests promise, entry by entry, each through both doors.
//!
//! | Entry | Story |
//! |---|---|
//! | E1, E2 | [`deploying`] |
//! | E3, E9, E10 | [`constraints`] |
//! | E4 to E8, E13 to E16 | [`metrics`] |
//! | E11, E12 | [`moving`] |
//! | E17 to E19 | [`drift`] |
//! | E20 to E23, E28 | [`updating`] |
//! | E29, E30 | [`registering`] |
//! | E33, E34 | [`deleting`] |
//!
//! E24 to E26 (hooks), E27 (TOSCA and CSAR) and E31 and E32 (clusters that are built) belong to parts that are not there
//! yet.

use anyhow::{Result, ensure};
use krake_acceptance::{
    SOON, Stage,
    door::{Door, apply},
};
use krake_testbed::{
    eventually,
    objects::{Object, Spec},
};
use serde_json::Value;

/// Plays each of these stories, functions of a testbed and a door, through REST and through kubectl.
macro_rules! through_both_doors {
    ($($story:ident),+ $(,)?) => {$(
        mod $story {
            use krake_acceptance::door::Door;
            use krake_testbed::Testbed;

            async fn through(door: Door) -> anyhow::Result<()> {
                let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
                super::$story(testbed, door).await
            }

            #[tokio::test]
            async fn through_rest() -> anyhow::Result<()> {
                through(Door::Rest).await
            }

            #[tokio::test]
            async fn through_kubectl() -> anyhow::Result<()> {
                through(Door::Kubectl).await
            }
        }
    )+};
}

mod constraints;
mod deleting;
mod deploying;
mod drift;
mod metrics;
mod moving;
mod registering;
mod updating;

/// The condition of this type of what kubectl shows; `null` if there is none.
fn condition<'a>(shown: &'a Value, kind: &str) -> &'a Value {
    let conditions = shown["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

/// Makes sure that the door answers that nothing is new when an object is said again, and that nothing is written.
async fn nothing_is_new(stage: &Stage<'_>, door: Door, object: &Object<impl Spec>) -> Result<()> {
    // A controller may write a status in between, but not for ever.
    eventually("an update without a change changes nothing", SOON, async || {
        let version = async || {
            let shown = Door::Kubectl.shown(stage, object).await?;
            let metadata = &shown["metadata"];
            anyhow::Ok([metadata["resourceVersion"].clone(), metadata["generation"].clone()])
        };
        let before = version().await?;
        match door {
            Door::Rest => {
                let shown = door.shown(stage, object).await?;
                let answer = stage.rest.put(&object.path(), &shown).await?.expect(400)?;
                ensure!(answer["title"] == "UPDATE_ERROR", "{answer}");
            }
            Door::Kubectl => {
                let said = apply(stage, object).await?;
                ensure!(said.trim().ends_with("unchanged"), "{said}");
            }
        }
        let after = version().await?;
        ensure!(before == after, "{before:?} became {after:?}");
        Ok(())
    })
    .await
}
