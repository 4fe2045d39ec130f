//! Writes drafts one after the other, and takes everything back if one of them cannot be written.

use std::time::Duration;

use krake_facade_store::{Commit, Error, Record, Store, Write};
use krake_facade_wire::json;
use tokio::time::Instant;

use super::draft::Draft;
use super::report::Report;
use crate::wording::in_full;

/// How long taking back is tried when etcd is away. An election of its leader takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// An object to write.
#[derive(Debug)]
pub(super) struct Change {
    /// The number of its file.
    pub(super) file: usize,
    pub(super) draft: Draft,
    /// The object that it replaces.
    pub(super) previous: Option<Record>,
}

/// Writes all objects, or none.
pub(super) async fn all(changes: &[Change], store: &Store, report: &mut Report) {
    for (done, change) in changes.iter().enumerate() {
        match change.write(store).await {
            Ok(()) => report.add(&change.draft.reference),
            Err(error) => {
                report.fail(change.file, &change.draft.reference, &in_full(&error));
                // The failed one as well: whether it was written is not always known.
                return roll_back(changes.iter().take(done + 1), store, report).await;
            }
        }
    }
}

async fn roll_back(changes: impl Iterator<Item = &Change>, store: &Store, report: &mut Report) {
    let deadline = Instant::now() + PATIENCE;
    for change in changes {
        let reference = &change.draft.reference;
        let sentence = match change.take_back_until(deadline, store).await {
            Ok(Taken::Nothing) => continue,
            Ok(Taken::Removed) => format!("Resource {reference} added has been removed."),
            Ok(Taken::Restored) => format!("Resource {reference} has been restored to previous state."),
            Ok(Taken::Foreign) => format!("Resource {reference} was changed by somebody else, and is left as it is."),
            Err(error) => format!("Resource {reference} could not be rolled back: {}", in_full(&error)),
        };
        report.roll_back(sentence);
    }
}

/// What was to be taken back.
enum Taken {
    /// Nothing: it was not written.
    Nothing,
    /// A new object.
    Removed,
    /// A replaced object.
    Restored,
    /// Neither: somebody else has written it since.
    Foreign,
}

impl Change {
    /// Writes the object. One that it replaces is removed first, so that everybody sees another object and not a change.
    async fn write(&self, store: &Store) -> Result<(), Error> {
        let Self { draft, previous, .. } = self;
        if let Some(previous) = previous {
            store.remove(&draft.key, previous.revision, &uid(previous)).await?;
        }
        store.create(&draft.key, draft.bytes.clone()).await.map(drop)
    }

    async fn take_back_until(&self, deadline: Instant, store: &Store) -> Result<Taken, Error> {
        loop {
            match self.take_back(store).await {
                Err(_) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                taken => return taken,
            }
        }
    }

    async fn take_back(&self, store: &Store) -> Result<Taken, Error> {
        let Self { draft, previous, .. } = self;
        let pair = store.pair(&draft.key).await?;
        let is_ours = |now: &Record| now.value == draft.bytes;
        match (&pair.stored, previous) {
            (None, None) => Ok(Taken::Nothing),
            (Some(now), None) if is_ours(now) => {
                store.remove(&draft.key, now.revision, &draft.uid).await?;
                Ok(Taken::Removed)
            }
            (Some(now), Some(previous)) if now.revision == previous.revision => Ok(Taken::Nothing),
            (now, Some(previous)) if now.as_ref().is_none_or(is_ours) => {
                let commit = Commit {
                    key: draft.key.clone(),
                    stored: Write::Put(previous.value.to_vec()),
                    base: Write::Keep,
                    // It says that the object was removed, which is not so any more.
                    tombstone: if pair.tombstone.is_some() { Write::Delete } else { Write::Keep },
                    expect: pair.expect(),
                };
                store.commit(commit).await?;
                Ok(Taken::Restored)
            }
            (Some(_) | None, _) => Ok(Taken::Foreign),
        }
    }
}

/// The uid in a stored object, whatever else it holds.
fn uid(record: &Record) -> String {
    let object = json::parse(&record.value).unwrap_or_default();
    object.get("metadata").and_then(|metadata| metadata.get("uid")?.as_str()).unwrap_or_default().to_owned()
}
