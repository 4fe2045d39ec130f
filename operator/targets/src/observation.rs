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
    nodes,
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
    let is_watch_refused =
        matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 403);
    is_watch_refused || nodes::refusal(error).is_some()
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
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::{Client, api::GroupVersionKind, client::Body};
    use serde_json::json;
    use tokio::sync::broadcast;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{connection::Address, wake::ClusterKey};

    #[tokio::test]
    async fn a_kind_that_may_not_be_watched_is_known_and_those_who_use_it_look_again() {
        let refuse = |_: Request<Body>| async {
            let refusal = json!({ "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403 });
            let body = Body::from(refusal.to_string().into_bytes());
            Ok::<_, Infallible>(Response::builder().status(403).body(body).unwrap())
        };
        let address = Address {
            key: ClusterKey::new("web", "edge"),
            default_namespace: "shop".into(),
            server_host: "edge.example.org".into(),
            kubeconfig: [0; 32],
        };
        let (wakes, mut woken) = broadcast::channel(8);
        let client = Client::new(tower::service_fn(refuse), "shop");
        let connection = Connection::new(address, client, wakes, CancellationToken::new());
        connection.gate.probed(Ok("v1.37.2".into()));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        let watch = keep_watching(connection.clone(), resource);
        let told = tokio::select! { () = watch => None, told = woken.recv() => told.ok() };
        assert_eq!(told, Some(Wake::Everything(ClusterKey::new("web", "edge"))));
        let kinds = [("apps", "Deployment"), ("apps", "ReplicaSet"), ("", "Deployment")];
        assert_eq!(kinds.map(|(group, kind)| connection.refused.holds(group, kind)), [true, false, false]);
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
