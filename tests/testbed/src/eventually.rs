//! Waiting for a level, with a deadline.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use tokio::time::{Instant, timeout_at};

use crate::process::POLL;

/// Looks again and again until `look` succeeds, and gives what it found.
///
/// `look` reads the state of the world and says with an error what it saw instead of what is wanted:
///
/// ```no_run
/// # use {anyhow::ensure, krake_testbed::{eventually, rest::Rest}, serde_json::Value, std::time::Duration};
/// # async fn runs(rest: Rest, path: &str) -> anyhow::Result<Value> {
/// eventually("shop runs", Duration::from_secs(10), async || {
///     let shop = rest.get(path).await?.expect(200)?;
///     ensure!(shop["status"]["state"] == "RUNNING", "{}", shop["status"]);
///     Ok(shop)
/// })
/// .await
/// # }
/// ```
///
/// # Errors
/// When the deadline passes; the error holds the last thing that was seen.
pub async fn eventually<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut last: Option<Error> = None;
    loop {
        match timeout_at(deadline, look()).await {
            Ok(Ok(seen)) => return Ok(seen),
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(last.take().unwrap_or_else(|| anyhow!("no answer"))),
        }
        if Instant::now() + POLL >= deadline {
            let last = last.unwrap_or_else(|| anyhow!("nothing was seen"));
            return Err(last.context(format!("not within {within:?}: {what}; last seen")));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Looks again and again for as long as `during`, and fails as soon as `look` does: for what must *not* happen.
///
/// # Errors
/// With what was seen.
pub async fn throughout(what: &str, during: Duration, mut look: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    let end = Instant::now() + during;
    while Instant::now() < end {
        look().await.map_err(|error| error.context(format!("not throughout {during:?}: {what}; seen")))?;
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::{bail, ensure};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_success_ends_the_wait() {
        let mut looks = 0;
        let seen = eventually("three looks", Duration::from_secs(1), async || {
            looks += 1;
            ensure!(looks == 3, "{looks} looks");
            Ok(looks)
        });
        assert_eq!(seen.await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_says_what_was_seen_last() {
        let wait = eventually("rain", Duration::from_secs(1), async || -> Result<()> { bail!("sunshine") });
        let text = format!("{:#}", wait.await.unwrap_err());
        assert!(text.contains("rain") && text.contains("sunshine"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_does_not_outlast_the_deadline() {
        let wait =
            eventually("an answer", Duration::from_secs(1), async || -> Result<()> { std::future::pending().await });
        assert!(wait.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_hold_throughout_fails_at_the_first_exception() {
        let mut looks = 0;
        let watch = throughout("calm", Duration::from_secs(5), async || {
            looks += 1;
            ensure!(looks < 3, "a storm");
            Ok(())
        });
        assert!(watch.await.is_err());
    }
}
