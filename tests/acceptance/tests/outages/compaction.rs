//! etcd forgets events before the facade has seen them: open watches tell what can still be known, each once.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use krake_acceptance::SOON;
use krake_testbed::{alone::Alone, rest::Rest};
use serde_json::Value;

use crate::alone::{Reader, distant_facade, facade, remove, write};

/// What a list shows.
async fn listed(rest: &Rest) -> Result<BTreeMap<String, Value>> {
    let list = rest.get("/kubernetes/applications").await?.expect(200)?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    Ok(items.into_iter().map(|item| (item["metadata"]["name"].as_str().unwrap_or_default().to_owned(), item)).collect())
}

#[tokio::test]
async fn a_cut_off_watch_tells_the_differences_after_a_compaction() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let (near, (far, line)) = (facade(&alone, "near").await?, distant_facade(&alone, "far").await?);
    let (near, far) = (near.rest()?, far.rest()?);
    for name in ["changed", "kept", "renewed", "removed"] {
        write(&near, name, 0).await?;
    }
    let mut reader = Reader::open(&far).await?;
    for name in ["changed", "kept", "renewed", "removed"] {
        write(&near, name, 1).await?;
        reader.seen.insert(name.to_owned(), Value::Null);
    }
    reader.until("removed", 1, SOON).await?;

    line.set(|faults| faults.refuse = true);
    line.cut();
    for at in 2..5 {
        write(&near, "changed", at).await?;
    }
    remove(&near, "removed").await?;
    remove(&near, "renewed").await?;
    write(&near, "renewed", 0).await?;
    write(&near, "created", 0).await?;
    remove(&near, "created").await?;
    write(&near, "created", 0).await?;
    alone.etcd.compact(alone.etcd.revision().await?).await?;
    // What was not forgotten is told as it happened.
    write(&near, "changed", 5).await?;
    write(&near, "changed", 6).await?;
    line.heal();

    reader.until("changed", 6, SOON).await?;
    ensure!(reader.seen == listed(&near).await?, "{:?}", reader.seen);
    let counts: Vec<_> = reader.counts.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    ensure!(counts == [("changed", 4), ("created", 1), ("kept", 1), ("removed", 2), ("renewed", 1)], "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn a_paused_watch_ends_up_with_what_there_is_whatever_etcd_forgot() -> Result<()> {
    /// More than etcd keeps for a watcher that takes nothing, which it then tells from its history.
    const WRITES: usize = 1200;
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let (near, (far, line)) = (facade(&alone, "near").await?, distant_facade(&alone, "far").await?);
    let (near, far) = (near.rest()?, far.rest()?);
    let mut reader = Reader::open(&far).await?;
    for name in ["removed", "shop"] {
        write(&near, name, 0).await?;
        reader.until(name, 0, SOON).await?;
    }

    line.set(|faults| faults.stall = true);
    for at in 1..=WRITES {
        write(&near, "shop", at).await?;
        if at == WRITES / 2 {
            remove(&near, "removed").await?;
            alone.etcd.compact(alone.etcd.revision().await?).await?;
        }
    }
    line.heal();
    reader.until("shop", WRITES, SOON).await?;
    ensure!(reader.seen == listed(&near).await?, "{:?}", reader.seen.keys());
    Ok(())
}
