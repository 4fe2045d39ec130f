//! The watch of a kind that has no other cache. A kind that the management cluster does not know has no objects; its
//! definition may come later.

use std::time::Duration;

use futures::{Stream, StreamExt, stream, stream::BoxStream};
use kube::{
    Api, Client,
    api::ApiResource,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};

use super::kinds::{self, Outline};

/// How soon to ask again for a kind that is not known. kube would ask about once a second.
const UNKNOWN: Duration = Duration::from_secs(30);

/// What happens to the objects of this kind.
pub(super) fn events(
    client: Client,
    kind: &ApiResource,
) -> impl Stream<Item = watcher::Result<Event<Outline>>> + Send + use<> {
    let objects = Api::all_with(client.clone(), kind);
    let events = watcher::watcher(objects, watcher::Config::default().page_size(250)).default_backoff().boxed();
    let watch = Watch { events, client, kind: kind.clone(), was_unknown: false };
    stream::unfold(watch, Watch::next).modify(|object| object.metadata = kinds::kept(&object.metadata))
}

struct Watch {
    events: BoxStream<'static, watcher::Result<Event<Outline>>>,
    client: Client,
    kind: ApiResource,
    was_unknown: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(watcher::Result<Event<Outline>>, Self)> {
        let next = self.events.next().await?;
        if !is_not_found(&next) || !is_unknown(&self.client, &self.kind).await {
            return Some((next, self));
        }
        if self.was_unknown {
            tokio::time::sleep(UNKNOWN).await;
        } else {
            tracing::warn!(kind = self.kind.kind, "kind not known to the management cluster: install its definition");
        }
        Some((Ok(Event::InitDone), Self { was_unknown: true, ..self }))
    }
}

fn is_not_found(next: &watcher::Result<Event<Outline>>) -> bool {
    matches!(next, Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404)
}

/// A 404 may come from anything on the way. Only the API server can say, in a list of what it serves, that the kind is
/// not there.
async fn is_unknown(client: &Client, kind: &ApiResource) -> bool {
    let Ok(served) = client.list_api_groups().await else { return false };
    let group = served.groups.iter().find(|group| group.name == kind.group);
    if !group.is_some_and(|group| group.versions.iter().any(|version| version.version == kind.version)) {
        return !served.groups.is_empty();
    }
    let served = client.list_api_group_resources(&kind.api_version).await;
    let names = served.map(|served| served.resources.into_iter().map(|resource| resource.name).collect::<Vec<_>>());
    names.is_ok_and(|names| !names.is_empty() && !names.contains(&kind.plural))
}
