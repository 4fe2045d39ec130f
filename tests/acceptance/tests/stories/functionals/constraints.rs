//! Where an application may run, and what is said when there is no such place.

use anyhow::Result;
use krake_acceptance::{APPLICATION, Stage, door::Door};
use krake_testbed::{Testbed, objects};

use super::condition;

through_both_doors![
    every_spelling_of_a_label_constraint_finds_its_cluster,
    a_cluster_that_does_not_answer_is_no_place,
    clusters_of_others_are_no_place_but_one_that_comes_is,
];

/// E3.
async fn every_spelling_of_a_label_constraint_finds_its_cluster(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.set(testbed, "spellings").await?;
    let cases = [
        ("location is DE", "de"),
        ("location = DE", "de"),
        ("location=DE", "de"),
        ("location == DE", "de"),
        ("location in (DE,)", "de"),
        ("location is not DE", "it"),
        ("location != DE", "it"),
        ("location not in (DE,)", "it"),
    ];
    let mut created = Vec::new();
    for (constraint, cluster) in cases {
        let application = small(&stage, "spelled").where_label(constraint);
        door.create(&stage, &application).await?;
        created.push((application, cluster));
    }
    for (application, cluster) in created {
        door.until_running_on(&stage, &application, cluster).await?;
    }
    Ok(())
}

/// E9.
async fn a_cluster_that_does_not_answer_is_no_place(testbed: &Testbed, door: Door) -> Result<()> {
    let stage = door.bare(testbed, "dead").await?;
    // Nobody listens on the discard port.
    let nowhere = testbed.target(1)?.kubeconfig().with_server("https://127.0.0.1:9");
    let dead = stage.cluster(1)?.with_kubeconfig(nowhere.value().clone());
    door.create(&stage, &dead).await?;
    door.until_state(&stage, &dead, "OFFLINE").await?;

    let shop = small(&stage, "shop").with_retries(1);
    door.create(&stage, &shop).await?;

    let failed = door.until_state(&stage, &shop, "FAILED").await?;
    assert_eq!(failed["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");
    Ok(())
}

/// E10.
async fn clusters_of_others_are_no_place_but_one_that_comes_is(testbed: &Testbed, door: Door) -> Result<()> {
    let others = door.bare(testbed, "others").await?;
    door.register(&others, [others.cluster(1)?]).await?;
    let stage = door.bare(testbed, "nowhere").await?;
    let (name, shop) = stage.application("shop");
    let shop = shop.running([objects::config_map(&name, "size", "small")]);
    door.create(&stage, &shop).await?;

    let degraded = door.until_state(&stage, &shop, "DEGRADED").await?;
    assert_eq!(degraded["status"]["reason"]["code"], "NO_SUITABLE_RESOURCE");
    stage.until_object(APPLICATION, &name, |shown| condition(shown, "Scheduled")["status"] == "False").await?;

    door.register(&stage, [stage.cluster(2)?]).await?;
    door.until_running_on(&stage, &shop, "it").await?;
    Ok(())
}

/// An application for those who do not care what runs.
fn small(stage: &Stage<'_>, name: &str) -> objects::Application {
    let (name, application) = stage.application(name);
    application.running([objects::config_map(&name, "size", "small")])
}
