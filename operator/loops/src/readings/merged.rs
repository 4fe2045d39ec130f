//! What was read together with what is still to be read, made once per change and shared by everybody who asks.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, StreamExt, stream::BoxStream};
use krake_operator_domain::metric::Readings;

/// The readings of all metrics, those that were not read yet included. Empty until somebody asks.
#[derive(Default)]
pub(super) struct Merged(Mutex<Option<Known>>);

struct Known {
    /// Tells when there are other metrics.
    changes: BoxStream<'static, ()>,
    read: Arc<Readings>,
    all: Arc<Readings>,
}

impl Merged {
    /// As it is now. `read` gives what was read, `changes` tells when `merge` would make something else of the same.
    pub(super) fn now(
        &self,
        read: impl FnOnce() -> Arc<Readings>,
        changes: impl FnOnce() -> BoxStream<'static, ()>,
        merge: impl FnOnce(&Arc<Readings>) -> Arc<Readings>,
    ) -> Arc<Readings> {
        // Made under the lock, so that nothing older can take the place of something newer.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read();
        let is_current = known.as_mut().is_some_and(|known| !has_changed(&mut known.changes) && is_same(known, &read));
        if let Some(known) = known.as_ref().filter(|_| is_current) {
            return known.all.clone();
        }
        let mut changes = known.take().map_or_else(changes, |known| known.changes);
        // What is known about so far is in what is made now.
        has_changed(&mut changes);
        let all = merge(&read);
        *known = Some(Known { changes, read, all: all.clone() });
        all
    }
}

impl fmt::Debug for Merged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Merged").finish_non_exhaustive()
    }
}

fn is_same(known: &Known, read: &Arc<Readings>) -> bool {
    Arc::ptr_eq(&known.read, read)
}

/// Takes all changes so far. Not constrained: a task that has used up its turn would see none.
fn has_changed(changes: &mut BoxStream<'static, ()>) -> bool {
    let mut next = || tokio::task::unconstrained(changes.next()).now_or_never().flatten().is_some();
    let has_changed = next();
    while next() {}
    has_changed
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::broadcast;
    use tokio_stream::wrappers::BroadcastStream;

    use super::*;

    #[test]
    fn it_is_made_once_per_change() {
        let (merged, made) = (Merged::default(), Cell::new(0));
        let (sender, changes) = broadcast::channel(4);
        let first = Arc::new(Readings::new());
        let now = |read: &Arc<Readings>| {
            let stream = || BroadcastStream::new(changes.resubscribe()).map(drop).boxed();
            merged.now(
                || read.clone(),
                stream,
                |read| {
                    made.set(made.get() + 1);
                    read.clone()
                },
            )
        };
        now(&first);
        now(&first);
        assert_eq!(made.get(), 1);
        sender.send(()).unwrap();
        sender.send(()).unwrap();
        now(&first);
        now(&first);
        assert_eq!(made.get(), 2, "there are other metrics");
        let second = Arc::new(Readings::new());
        assert!(Arc::ptr_eq(&now(&second), &second), "they were read again");
        assert_eq!(made.get(), 3);
    }
}
