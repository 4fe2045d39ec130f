//! Watches what we applied on a target, one watch per kind in use, metadata only. Every change of an object, its status
//! included, changes its resource version and so wakes its Placement; what changed is read by whoever looks. A kubeconfig that
//! is limited to some namespaces may not watch all of them: the kinds that it is refused are remembered, so that those who
//! use them look by themselves.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, PartialObjectMeta},
    runtime::watcher::{self, Event},
};

use crate::{
    connection::{Connection, PAGE},
    ownership::{MANAGED_BY_LABEL, MANAGER, PLACEMENT_KEY},
    wake::Wake,
};

pub(crate) async fn keep_watching(connection: Arc<Connection>, resource: ApiResource) {
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(connection.client.clone(), &resource);
    let ours = watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={MANAGER}")).page_size(PAGE);
    let mut was_listed = false;
    let (group, kind) = (resource.group.clone(), resource.kind.clone());
    let on_event = |event| {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                if let Some(wake) = placement_of(&object) {
                    connection.wake(wake);
                }
            }
            // A list tells what is there, never what has vanished since the one before.
            Ok(Event::InitDone) => {
                connection.refused.forget(&group, &kind);
                if std::mem::replace(&mut was_listed, true) {
                    connection.wake(Wake::Everything(connection.address.key.clone()));
                }
            }
            Ok(Event::Init) => {}
            // Served no more: who uses its objects finds them, and has them watched, in another version. A kind that was never
            // listed may only be too new for an API server that is behind.
            Err(error) if was_listed && code(&error) == Some(404) => return ControlFlow::Break(()),
            Err(error) if is_refusal(&error) => {
                if connection.refused.add(&group, &kind) {
                    tracing::info!(kind, "not allowed to watch; those who use the kind look more often");
                    connection.wake(Wake::Everything(connection.address.key.clone()));
                }
                return ControlFlow::Break(());
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(kind, error, "watch interrupted");
            }
        }
        ControlFlow::Continue(())
    };
    connection.follow(api, ours, on_event).await;
}

/// Whether the API server does not allow to list, or to watch, a kind in all namespaces.
fn is_refusal(error: &watcher::Error) -> bool {
    matches!(code(error), Some(403 | 405))
}

/// What a list, or the beginning of a watch, was answered instead.
fn code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

/// The kinds of one cluster that may not be watched, by group and name.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    kinds: Mutex<HashSet<(String, String)>>,
}

impl Refused {
    /// Whether the kind is one of them.
    pub(crate) fn holds(&self, group: &str, kind: &str) -> bool {
        self.locked().contains(&key(group, kind))
    }

    /// Answers whether that is news.
    fn add(&self, group: &str, kind: &str) -> bool {
        self.locked().insert(key(group, kind))
    }

    fn forget(&self, group: &str, kind: &str) {
        self.locked().remove(&key(group, kind));
    }

    fn locked(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(group: &str, kind: &str) -> (String, String) {
    (group.to_owned(), kind.to_owned())
}

/// Whom to wake: the Placement that the object names.
fn placement_of(object: &PartialObjectMeta<DynamicObject>) -> Option<Wake> {
    let (namespace, name) = object.annotations().get(PLACEMENT_KEY)?.split_once('/')?;
    Some(Wake::Placement { namespace: namespace.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use http::{Request, Response};
    use kube::{Client, api::GroupVersionKind, client::Body};
    use serde_json::json;
    use tokio::{sync::broadcast, time::timeout};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{connection::Address, wake::ClusterKey};

    /// A cluster that refuses with this code to watch Deployments, and to list them unless `lists`, and how often it did.
    fn refusing(code: u16, lists: bool) -> (Arc<Connection>, broadcast::Receiver<Wake>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let answer = move |request: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch="));
            let (code, body) = if lists && !is_watch {
                (200, json!({ "metadata": { "resourceVersion": "5" }, "items": [] }))
            } else {
                (code, json!({ "kind": "Status", "status": "Failure", "reason": "some", "code": code }))
            };
            let body = Body::from(body.to_string().into_bytes());
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap()))
        };
        let address = Address {
            key: ClusterKey::new("web", "edge"),
            default_namespace: "shop".into(),
            server_host: "edge.example.org".into(),
            kubeconfig: [0; 32],
        };
        let (wakes, woken) = broadcast::channel(8);
        let client = Client::new(tower::service_fn(answer), "shop");
        let connection = Connection::new(address, client, wakes, CancellationToken::new());
        connection.gate.probed(Ok("v1.37.2".into()));
        (connection, woken, asked)
    }

    fn watch(connection: &Arc<Connection>) -> impl Future<Output = ()> + use<> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        keep_watching(connection.clone(), resource)
    }

    #[tokio::test]
    async fn a_kind_that_may_not_be_watched_is_known_and_those_who_use_it_look_again() {
        let (connection, mut woken, _) = refusing(403, false);
        let watch = watch(&connection);
        let told = tokio::select! { () = watch => None, told = woken.recv() => told.ok() };
        assert_eq!(told, Some(Wake::Everything(ClusterKey::new("web", "edge"))));
        let kinds = [("apps", "Deployment"), ("apps", "ReplicaSet"), ("", "Deployment")];
        assert_eq!(kinds.map(|(group, kind)| connection.refused.holds(group, kind)), [true, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_served_no_more_is_left_alone_and_is_no_refusal() {
        let (connection, mut woken, asked) = refusing(404, true);
        timeout(Duration::from_mins(9), watch(&connection)).await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(!connection.refused.holds("apps", "Deployment") && woken.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_that_is_not_yet_served_everywhere_is_asked_for_again_soon() {
        let (connection, mut woken, asked) = refusing(404, false);
        timeout(Duration::from_mins(9), watch(&connection)).await.unwrap_err();
        assert!(asked.load(Ordering::Relaxed) > 9, "{asked:?}");
        assert!(!connection.refused.holds("apps", "Deployment") && woken.try_recv().is_err());
    }

    #[test]
    fn an_object_wakes_the_placement_that_it_names() {
        let object = |value: &str| {
            serde_json::from_value(
                json!({ "metadata": { "name": "a", "annotations": { "krake.dev/placement": value } } }),
            )
            .unwrap()
        };
        let expected = Wake::Placement { namespace: "web".into(), name: "shop-edge".into() };
        assert_eq!(placement_of(&object("web/shop-edge")), Some(expected));
        assert_eq!(placement_of(&object("garbage")), None);
    }
}
