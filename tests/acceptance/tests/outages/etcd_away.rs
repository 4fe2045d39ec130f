//! etcd goes away and comes back: requests say so meanwhile, and open watches do not even notice.

use std::time::Duration;

use anyhow::{Result, ensure};
use krake_acceptance::SOON;
use krake_testbed::{alone::Alone, eventually, facade::Facade, rest::Rest};

use crate::alone::{Reader, application, facade, remove, write};

/// What a request may take while etcd is away.
const PROMPTLY: Duration = Duration::from_secs(10);

async fn readiness(facade: &Facade) -> Result<u16> {
    Ok(Rest::new(facade.health_url())?.get("/readyz").await?.status)
}

async fn until_ready(facade: &Facade, status: u16) -> Result<()> {
    eventually(&format!("/readyz answers {status}"), SOON, async || {
        let seen = readiness(facade).await?;
        ensure!(seen == status, "{seen}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn requests_fail_with_a_reason_and_watches_stay_while_etcd_is_away() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    let rest = facade.rest()?;
    let mut reader = Reader::open(&rest).await?;
    write(&rest, "shop", 0).await?;
    reader.until("shop", 0, SOON).await?;
    let shop = application("shop", 0).path();
    let object = rest.get(&shop).await?.expect(200)?;

    alone.etcd.process.stop(SOON).await?;
    until_ready(&facade, 503).await?;
    let requests =
        [("/kubernetes/applications", None), ("/kubernetes/applications?watch", None), (&shop, Some(object))];
    for (path, body) in requests {
        let asked = tokio::time::timeout(PROMPTLY, async {
            match body {
                None => rest.get(path).await,
                Some(body) => rest.put(path, &body).await,
            }
        });
        let problem = asked.await??.expect(503)?;
        ensure!(problem["type"] == "about:blank" && problem["status"] == 503, "{problem}");
        ensure!(problem["detail"].as_str().is_some_and(|detail| detail.contains("database")), "{problem}");
    }

    alone.etcd.process.start_again()?;
    until_ready(&facade, 200).await?;
    write(&rest, "shop", 1).await?;
    reader.until("shop", 1, SOON).await?;
    remove(&rest, "shop").await?;
    reader.read(SOON, |reader| reader.seen.is_empty()).await?;
    ensure!(reader.counts["shop"] == 3, "{:?}", reader.counts);
    Ok(())
}

#[tokio::test]
async fn a_write_that_etcd_does_not_answer_is_said_to_be_unknown() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    let rest = facade.rest()?;
    let shop = application("shop", 0);

    alone.etcd.process.pause()?;
    until_ready(&facade, 503).await?;
    let problem = rest.post(&shop.collection(), &shop.rest()).await?.expect(503)?;
    ensure!(problem["detail"].as_str().is_some_and(|detail| detail.contains("unknown")), "{problem}");

    alone.etcd.process.resume()?;
    until_ready(&facade, 200).await?;
    // Whichever it was, the facade can tell now.
    let status = rest.get(&shop.path()).await?.status;
    rest.post(&shop.collection(), &shop.rest()).await?.expect(if status == 200 { 409 } else { 200 })?;
    Ok(())
}

#[tokio::test]
async fn a_watch_tells_every_write_once_while_etcd_is_killed_again_and_again() -> Result<()> {
    const KILLS: usize = 4;
    const PEACE: Duration = Duration::from_millis(700);
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    let rest = facade.rest()?;
    let mut reader = Reader::open(&rest).await?;
    write(&rest, "shop", 0).await?;

    let (done, mut is_done) = tokio::sync::watch::channel(false);
    let killing = async {
        for _ in 0..KILLS {
            tokio::time::sleep(PEACE).await;
            alone.etcd.restart().await?;
        }
        done.send_replace(true);
        anyhow::Ok(())
    };
    // A write that fails may have happened; the next turn is another one all the same.
    let writing = async {
        let mut at = 0;
        while !*is_done.borrow_and_update() {
            at += 1;
            drop(write(&rest, "shop", at).await);
        }
        at += 1;
        write(&rest, "shop", at).await?;
        anyhow::Ok(at)
    };
    let ((), last) = tokio::try_join!(killing, writing)?;

    reader.until("shop", last, SOON).await?;
    let key = "/kubernetes/applications/default/shop";
    let (told, written) = (reader.counts["shop"], alone.etcd.version(key).await?);
    ensure!(i64::try_from(told)? == written, "{told} events for {written} writes");
    Ok(())
}

#[tokio::test]
async fn a_watch_tells_what_is_gone_when_etcd_comes_back_empty() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    let rest = facade.rest()?;
    let mut reader = Reader::open(&rest).await?;
    for name in ["kiosk", "shop"] {
        write(&rest, name, 0).await?;
        write(&rest, name, 1).await?;
    }
    reader.until("shop", 1, SOON).await?;

    alone.etcd.wipe().await?;
    reader.read(SOON, |reader| reader.seen.is_empty()).await?;
    // The revisions of the new history are less than those that the watch began with.
    write(&rest, "shop", 0).await?;
    reader.until("shop", 0, SOON).await
}
