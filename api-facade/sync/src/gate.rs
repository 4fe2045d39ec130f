//! Holds all loops back until the first list of every watch is in: before that, nobody knows which names are taken.

use tokio::sync::watch;

/// How many lists are still missing.
#[derive(Clone, Debug)]
pub(crate) struct Gates {
    missing: watch::Sender<usize>,
}

/// One list that is still missing.
#[derive(Debug)]
pub(crate) struct Gate {
    missing: watch::Sender<usize>,
}

impl Gates {
    pub(crate) fn new() -> Self {
        Self { missing: watch::Sender::new(0) }
    }

    /// Adds a list to wait for.
    pub(crate) fn gate(&self) -> Gate {
        self.missing.send_modify(|missing| *missing += 1);
        Gate { missing: self.missing.clone() }
    }

    /// Waits until all lists are in.
    pub(crate) async fn opened(&self) {
        // The sender lives in `self`, so this only ends when the condition holds.
        let _ = self.missing.subscribe().wait_for(|missing| *missing == 0).await;
    }
}

impl Gate {
    /// The list is in.
    pub(crate) fn pass(self) {
        self.missing.send_modify(|missing| *missing = missing.saturating_sub(1));
    }
}
