//! Tells users what happened, beside the work: an Event costs a request, and no loop waits for it.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, Recorder};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::Announcement;

/// How many may wait to be told; more are dropped, because Events are best effort.
const WAITING: usize = 4096;

/// How many are told at the same time.
const AT_ONCE: usize = 8;

/// How long telling one may take.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// How long the last ones may take when the term ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How many Events a recorder is used for. It remembers each of them for minutes, to count repetitions, and looks through
/// all that it remembers each time: without an end, a large fleet that is placed costs it a hundred megabytes.
const REMEMBERED: usize = 1024;

/// The note of an Event holds at most 1024 bytes.
const LONGEST_NOTE: usize = 1024;

/// Takes what is to be told.
#[derive(Debug)]
pub(super) struct Announcer {
    waiting: mpsc::Sender<(ObjectReference, Event)>,
    /// How many are not told yet.
    untold: watch::Sender<usize>,
}

impl Announcer {
    /// One that tells with recorders that `recorder` makes, and the pump that does so until `stop` is cancelled. The pump
    /// must be polled.
    pub(super) fn start(
        recorder: impl Fn() -> Recorder + Send + 'static,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (waiting, taken) = mpsc::channel(WAITING);
        let announcer = Self { waiting, untold: watch::Sender::new(0) };
        let (untold, told) = (announcer.untold.clone(), announcer.told());
        let mut uses = (0..REMEMBERED).cycle();
        let mut current = recorder();
        let told_one = move |(object, event)| {
            if uses.next() == Some(0) {
                current = recorder();
            }
            let (recorder, untold) = (current.clone(), untold.clone());
            async move {
                tell(&recorder, event, object).await;
                untold.send_modify(|count| *count -= 1);
            }
        };
        let pump = async move {
            let telling = ReceiverStream::new(taken).for_each_concurrent(AT_ONCE, told_one);
            let ended = async {
                stop.cancelled().await;
                // What is not told by then stays untold.
                drop(tokio::time::timeout(LAST_WORDS, told).await);
            };
            tokio::select! {
                () = telling => {}
                () = ended => {}
            }
        };
        (announcer, pump)
    }

    /// Returns once everything was told that was announced before.
    pub(super) fn told(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut untold = self.untold.subscribe();
        async move { drop(untold.wait_for(|count| *count == 0).await) }
    }

    pub(super) fn announce(&self, object: ObjectReference, announcement: Announcement) {
        let event = Event {
            type_: announcement.severity,
            reason: announcement.reason.into(),
            note: Some(shortened(announcement.note)),
            action: announcement.action.into(),
            secondary: None,
        };
        self.untold.send_modify(|count| *count += 1);
        if self.waiting.try_send((object, event)).is_err() {
            self.untold.send_modify(|count| *count -= 1);
            tracing::debug!(reason = announcement.reason, "too many events; one is dropped");
        }
    }
}

async fn tell(recorder: &Recorder, event: Event, object: ObjectReference) {
    match tokio::time::timeout(TOLD_WITHIN, recorder.publish(&event, &object)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "event not recorded"),
        Err(_) => tracing::debug!("event not recorded in time"),
    }
}

fn shortened(mut note: String) -> String {
    note.truncate(note.floor_char_boundary(LONGEST_NOTE));
    note
}
