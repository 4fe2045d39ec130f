//! What was built or fetched once, kept outside the clone so that the next clone finds it.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    process::start_time,
    progress::{Progress, seconds},
};

/// How the folder of an unfinished entry ends, before the id of the process that makes it.
const PARTIAL: &str = "partial-";

/// The folder of the cache.
pub(crate) fn dir() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).context("find a cache folder")?;
    Ok(caches.join("krake-dev"))
}

/// The name of an entry that depends on what was hashed.
pub(crate) fn key(hash: Sha256) -> Result<String> {
    let hash = hash.finalize();
    let (key, _) = hash.split_first_chunk().context("shorten a hash")?;
    Ok(format!("{:016x}", u64::from_be_bytes(*key)))
}

/// The folder of the entry `key`. If there is none, `make` fills a folder that then takes its place in one step, so
/// that an unfinished entry is never found. `what` says what is done: "building kwok".
///
/// # Errors
/// When `make` fails, or the cache cannot be written.
pub(crate) async fn once(
    key: &str,
    what: &str,
    progress: Progress,
    make: impl AsyncFnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    // Two tasks of one process would work in the same unfinished folder.
    static MAKING: Mutex<()> = Mutex::const_new(());
    let target = dir()?.join(key);
    if target.exists() {
        return Ok(target);
    }
    let _making = MAKING.lock().await;
    if target.exists() {
        return Ok(target);
    }
    let start = Instant::now();
    let partial = dir()?.join(format!("{key}.{PARTIAL}{}", std::process::id()));
    remove_abandoned()?;
    std::fs::create_dir_all(&partial).with_context(|| format!("create {}", partial.display()))?;
    progress.say(&format!("{what} (once; then found in {})", target.display()));
    if let Err(error) = make(&partial).await {
        let _ = std::fs::remove_dir_all(&partial);
        return Err(error.context(what.to_owned()));
    }
    if std::fs::rename(&partial, &target).is_err() {
        // Another process was quicker; what it made is the same.
        let _ = std::fs::remove_dir_all(&partial);
    }
    ensure!(target.exists(), "{} could not be put into its place", target.display());
    progress.say(&format!("{what}: done in {}", seconds(start.elapsed())));
    Ok(target)
}

/// Removes what was left behind by processes that were interrupted.
fn remove_abandoned() -> Result<()> {
    for entry in std::fs::read_dir(dir()?).into_iter().flatten().flatten() {
        let path = entry.path();
        let maker = path.extension().and_then(|end| end.to_str()?.strip_prefix(PARTIAL)?.parse().ok());
        if maker.is_some_and(|id| start_time(id).is_none()) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
    Ok(())
}
