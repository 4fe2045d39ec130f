//! Follows one collection through cut connections, restarts of etcd and compactions.
//!
//! ```text
//! Lost ──────── list, emit Reset ────────▶ Resuming ◀──────── stream broke ────────── Following
//!   ▲                                       ▲   │  ▲                                    │   ▲
//!   └─ etcd is older than what was seen ────┼───┘  └─ history was cut: list at the cut, ┘   │
//!                                           │         emit Reset                            │
//!                                           └──────────── open a stream ────────────────────┘
//! ```
//!
//! Every write after a `Reset` is told exactly once and in order, until the next `Reset`. A cut connection and a restart
//! of etcd cause none. When etcd has compacted what was not seen yet, the `Reset` shows the collection at the oldest
//! revision that etcd still has, so all that it has not forgotten is told; the states before that are known to nobody.

use std::collections::VecDeque;
use std::time::Duration;

use etcd_client::{Event, EventType, WatchOptions, WatchResponse, WatchStream};

use crate::{Collection, Error, Key, Listing, Record, Store};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Long enough to be no burden on an etcd that starts, short enough for a client that waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What happened to a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The first change, and the one after a gap: all that there is. All later changes will follow.
    Reset {
        /// The collection. Changes after its revision will follow.
        listing: Listing,
        /// Whether etcd has gone back in time, because it was emptied or restored from a copy: revisions that were told
        /// before mean nothing any more.
        rewound: bool,
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
    Lost { rewound: bool },
    Resuming { next: i64 },
    Following { stream: Box<WatchStream>, next: i64 },
}

impl Watcher {
    /// A watcher that begins now. Nothing is sent before [`Watcher::next`].
    #[must_use]
    pub fn new(store: Store, collection: Collection) -> Self {
        let state = State::Lost { rewound: false };
        Self { store, collection, state, pending: VecDeque::new(), pause: SHORTEST_PAUSE }
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
        if let Some(change) = self.pending.pop_front() {
            return Ok(Some(change));
        }
        match &mut self.state {
            State::Lost { rewound } => {
                let rewound = *rewound;
                self.reset(0, rewound).await.map(Some)
            }
            State::Resuming { next } => {
                let next = *next;
                self.state = self.open(next).await?;
                Ok(None)
            }
            State::Following { stream, next } => {
                let answer = stream.message().await?.ok_or_else(ended)?;
                if let Some(cut) = cut(&answer)? {
                    return self.skip(cut).await.map(Some);
                }
                *next = absorb(&answer, &self.collection, *next, &mut self.pending);
                self.pause = SHORTEST_PAUSE;
                Ok(None)
            }
        }
    }

    async fn open(&self, next: i64) -> Result<State, Error> {
        // etcd accepts a start in the future and stays silent: an etcd restored from a backup would never tell us more.
        if self.store.newest_revision().await? + 1 < next {
            tracing::warn!(prefix = self.collection.prefix(), "etcd has gone back in time");
            return Ok(State::Lost { rewound: true });
        }
        let options = WatchOptions::new().with_prefix().with_start_revision(next).with_progress_notify();
        let stream = self.store.watches().watch(self.collection.prefix(), Some(options)).await?;
        Ok(State::Following { stream: Box::new(stream), next })
    }

    /// Continues after what etcd has forgotten.
    async fn skip(&mut self, cut: i64) -> Result<Change, Error> {
        tracing::warn!(prefix = self.collection.prefix(), cut, "etcd has forgotten events that were not seen yet");
        // If the list fails, also because history is cut further meanwhile, etcd is asked again where the cut is.
        self.state = State::Resuming { next: self.next_revision() };
        self.reset(cut, false).await
    }

    /// Begins anew with all that there was at `revision`; 0 means now.
    async fn reset(&mut self, revision: i64, rewound: bool) -> Result<Change, Error> {
        let listing = self.store.list_at(&self.collection, revision).await?;
        self.state = State::Resuming { next: listing.revision + 1 };
        Ok(Change::Reset { listing, rewound })
    }

    fn next_revision(&self) -> i64 {
        match &self.state {
            State::Lost { .. } => 0,
            State::Resuming { next } | State::Following { next, .. } => *next,
        }
    }

    async fn recover(&mut self, error: &Error) {
        if matches!(self.state, State::Following { .. }) {
            self.state = State::Resuming { next: self.next_revision() };
        }
        let prefix = self.collection.prefix();
        tracing::warn!(error = error as &dyn std::error::Error, prefix, "watch interrupted");
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }
}

fn ended() -> Error {
    Error::Unavailable("the watch stream ended".into())
}

/// The revision at which etcd has cut off its history, if that was beyond where the stream was to begin.
fn cut(answer: &WatchResponse) -> Result<Option<i64>, Error> {
    match (answer.canceled(), answer.compact_revision()) {
        (false, _) => Ok(None),
        (true, cut @ 1..) => Ok(Some(cut)),
        (true, _) => Err(Error::Unavailable(answer.cancel_reason().into())),
    }
}

/// Takes the changes out of one answer; gives the revision to wait for next.
fn absorb(answer: &WatchResponse, collection: &Collection, next: i64, changes: &mut VecDeque<Change>) -> i64 {
    changes.extend(answer.events().iter().filter_map(|event| change(event, collection)));
    let events = answer.events().iter().filter_map(Event::kv).map(etcd_client::KeyValue::mod_revision);
    let idle_at = answer.header().map(etcd_client::ResponseHeader::revision);
    position(next, events.max(), idle_at.filter(|_| !answer.created() && answer.watch_id() >= 0))
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
        EventType::Delete => Change::Delete { key, revision: kv.mod_revision() },
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
