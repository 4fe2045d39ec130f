//! Follows one collection through cut connections, restarts of etcd and compactions.
//!
//! ```text
//! Lost ── ask for the newest revision, emit Reset ──▶ Resuming ── open a stream ──▶ Following
//!   ▲                                                    ▲  │                          │
//!   └──────── history before `next` is gone ─────────────┼──┘ ◀── stream broke ────────┘
//! ```
//!
//! Every write after a `Reset` is told exactly once and in order, until the next `Reset`. Only that one says that
//! something may have been missed: who keeps state lists anew then.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use etcd_client::{Event, EventType, WatchOptions, WatchResponse, WatchStream};

use crate::{Collection, Error, Key, Record, Store};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Long enough to be no burden on an etcd that starts, short enough for a client that waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What happened to a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first change, and the one after a gap: a list taken from now on, and all later changes, are complete.
    Reset {
        /// Changes after this revision will follow.
        revision: i64,
    },
    /// An object was written.
    Put {
        /// The object as written.
        record: Record,
        /// Whether the write created the key.
        created: bool,
    },
    /// An object was removed.
    Delete {
        /// The key that is gone.
        key: Key,
        /// The object as last stored; `None` if etcd has already forgotten it.
        previous: Option<Bytes>,
        /// The revision of the removal.
        revision: i64,
    },
}

/// Follows one collection, for ever.
pub struct Watcher {
    store: Store,
    collection: Collection,
    state: State,
    pending: VecDeque<Change>,
    pause: Duration,
}

enum State {
    Lost,
    Resuming { next: i64 },
    Following { stream: Box<WatchStream>, next: i64 },
}

impl Watcher {
    /// A watcher that begins now. Nothing is sent before [`Watcher::next`].
    #[must_use]
    pub fn new(store: Store, collection: Collection) -> Self {
        Self { store, collection, state: State::Lost, pending: VecDeque::new(), pause: SHORTEST_PAUSE }
    }

    /// Waits for the next change. Failures are logged and retried. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Change {
        loop {
            match self.advance().await {
                Ok(Some(change)) => return change,
                Ok(None) => {}
                Err(error) => self.recover(&error).await,
            }
        }
    }

    async fn advance(&mut self) -> Result<Option<Change>, Error> {
        if !self.pending.is_empty() {
            self.complete_deletion().await?;
            return Ok(self.pending.pop_front());
        }
        match &mut self.state {
            State::Lost => {
                let revision = self.store.newest_revision().await?;
                self.state = State::Resuming { next: revision + 1 };
                self.pending.push_back(Change::Reset { revision });
            }
            State::Resuming { next } => {
                let next = *next;
                self.state = self.open(next).await?;
            }
            State::Following { stream, next } => {
                let answer = stream.message().await?.ok_or_else(ended)?;
                *next = absorb(&answer, &self.collection, *next, &mut self.pending)?;
                self.pause = SHORTEST_PAUSE;
            }
        }
        Ok(None)
    }

    async fn open(&self, next: i64) -> Result<State, Error> {
        // etcd accepts a start in the future and stays silent: an etcd restored from a backup would never tell us more.
        if self.store.newest_revision().await? + 1 < next {
            return Err(Error::Compacted);
        }
        let options =
            WatchOptions::new().with_prefix().with_start_revision(next).with_prev_key().with_progress_notify();
        let stream = self.store.watches().watch(self.collection.prefix(), Some(options)).await?;
        Ok(State::Following { stream: Box::new(stream), next })
    }

    /// etcd leaves the previous value out when it was compacted, or when it is an old one under load.
    async fn complete_deletion(&mut self) -> Result<(), Error> {
        let Some(Change::Delete { key, previous: previous @ None, revision }) = self.pending.front_mut() else {
            return Ok(());
        };
        match self.store.get_at(key, *revision - 1).await {
            Ok(record) => *previous = record.map(|record| record.value),
            Err(Error::Compacted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn recover(&mut self, error: &Error) {
        let prefix = self.collection.prefix();
        self.state = match &self.state {
            _ if matches!(error, Error::Compacted) => State::Lost,
            State::Lost => State::Lost,
            State::Resuming { next } | State::Following { next, .. } => State::Resuming { next: *next },
        };
        tracing::warn!(error = error as &dyn std::error::Error, prefix, "watch interrupted");
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }
}

fn ended() -> Error {
    Error::Unavailable("the watch stream ended".into())
}

/// Takes the changes out of one answer; gives the revision to wait for next.
fn absorb(
    answer: &WatchResponse,
    collection: &Collection,
    next: i64,
    changes: &mut VecDeque<Change>,
) -> Result<i64, Error> {
    if answer.canceled() {
        let compacted = answer.compact_revision() > 0;
        return Err(if compacted { Error::Compacted } else { Error::Unavailable(answer.cancel_reason().into()) });
    }
    changes.extend(answer.events().iter().filter_map(|event| change(event, collection)));
    let events = answer.events().iter().filter_map(Event::kv).map(etcd_client::KeyValue::mod_revision);
    let idle_at = answer.header().map(etcd_client::ResponseHeader::revision);
    Ok(position(next, events.max(), idle_at.filter(|_| !answer.created() && answer.watch_id() >= 0)))
}

/// A stream that only tells its progress moves on as well, else a quiet watcher would resume before a compaction.
/// Answers to all watches of a connection at once (`watch_id` -1) may run ahead of events in etcd 3.4; they are not
/// asked for and not trusted.
fn position(next: i64, last_event: Option<i64>, idle_at: Option<i64>) -> i64 {
    last_event.or(idle_at).map_or(next, |seen| next.max(seen + 1))
}

fn change(event: &Event, collection: &Collection) -> Option<Change> {
    let kv = event.kv()?;
    let key = collection.parse(kv.key())?;
    Some(match event.event_type() {
        EventType::Put => Change::Put { record: Record::new(key, kv.clone()), created: kv.version() == 1 },
        EventType::Delete => {
            let previous = event.prev_kv().map(|previous| Bytes::copy_from_slice(previous.value()));
            Change::Delete { key, previous, revision: kv.mod_revision() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_move_the_position_and_nothing_moves_it_back() {
        assert_eq!(position(10, Some(12), Some(20)), 13);
        assert_eq!(position(10, Some(7), None), 10);
    }

    #[test]
    fn a_progress_notice_moves_the_position_of_a_quiet_watcher() {
        assert_eq!(position(10, None, Some(40)), 41);
        assert_eq!(position(10, None, None), 10);
    }
}
