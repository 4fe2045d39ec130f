//! A watch: the changes after a revision, one JSON document a line, for as long as the client asked for.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    answer::View,
    asked::Collection,
    store::{Change, Store, is_selected},
};

/// How often a quiet watch says up to which revision it is complete. Kubernetes does so about once a minute, too.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// How long a watch lasts that names no time: the least that kube-apiserver grants by default.
const LASTS: Duration = Duration::from_mins(30);

struct Watch {
    store: Arc<Store>,
    newest: tokio::sync::watch::Receiver<u64>,
    collection: Collection,
    view: View,
    revision: u64,
    end: Instant,
}

/// The lines of a watch.
pub(super) fn stream(
    store: Arc<Store>,
    collection: Collection,
    view: View,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let end = Instant::now() + collection.seconds.map_or(LASTS, Duration::from_secs);
    let (newest, revision) = (store.newest(), collection.since);
    let watch = Watch { store, newest, collection, view, revision, end };
    stream::unfold(Some(watch), |watch| async {
        let (lines, watch) = watch?.next().await?;
        Some((Ok(Bytes::from(lines)), watch))
    })
}

impl Watch {
    /// The next lines, and the watch if it goes on; nothing when its time is up.
    async fn next(mut self) -> Option<(String, Option<Self>)> {
        loop {
            self.newest.mark_unchanged();
            let Ok((changes, revision)) = self.store.changes_since(self.revision) else {
                return Some((line(&expired()), None));
            };
            self.revision = revision;
            let lines: String =
                changes.iter().filter(|change| self.concerns(change)).map(|change| self.tell(change)).collect();
            if !lines.is_empty() {
                return Some((lines, Some(self)));
            }
            let pause = Instant::now() + BOOKMARK_EVERY;
            match timeout_at(pause.min(self.end), self.newest.changed()).await {
                Ok(_) => {}
                Err(_) if pause < self.end => return Some((self.bookmark(), Some(self))),
                Err(_) => return None,
            }
        }
    }

    fn concerns(&self, change: &Change) -> bool {
        let namespace = change.object.pointer("/metadata/namespace").and_then(Value::as_str);
        change.kind == self.collection.kind
            && self.collection.namespace.as_deref().is_none_or(|wanted| namespace == Some(wanted))
            && is_selected(&self.collection, &change.object)
    }

    fn tell(&self, change: &Change) -> String {
        line(&json!({ "type": change.event, "object": self.view.object(&change.object) }))
    }

    fn bookmark(&self) -> String {
        let kind = self.collection.kind;
        let object = json!({
            "kind": kind.name, "apiVersion": kind.api_version(),
            "metadata": { "resourceVersion": self.revision.to_string(), "creationTimestamp": null },
        });
        line(&json!({ "type": "BOOKMARK", "object": self.view.object(&object) }))
    }
}

fn line(event: &Value) -> String {
    format!("{event}\n")
}

fn expired() -> Value {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired",
        "message": "too old resource version", "code": 410,
    });
    json!({ "type": "ERROR", "object": status })
}
