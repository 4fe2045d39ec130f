//! Watches what we applied on a target, one watch per kind in use, metadata only. Every change of an object, its status
//! included, changes its resource version and so wakes its Placement; what changed is read by whoever looks.

use std::{ops::ControlFlow, sync::Arc};

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
    let on_event = |event| {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                if let Some(wake) = placement_of(&object) {
                    connection.wake(wake);
                }
            }
            // A list tells what is there, never what has vanished since the one before.
            Ok(Event::InitDone) if was_listed => connection.wake(Wake::Everything(connection.address.key.clone())),
            Ok(Event::InitDone) => was_listed = true,
            Ok(Event::Init) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(kind = resource.kind, error, "watch interrupted");
            }
        }
        ControlFlow::Continue(())
    };
    connection.follow(api, ours, on_event).await;
}

/// Whom to wake: the Placement that the object names.
fn placement_of(object: &PartialObjectMeta<DynamicObject>) -> Option<Wake> {
    let (namespace, name) = object.annotations().get(PLACEMENT_KEY)?.split_once('/')?;
    Some(Wake::Placement { namespace: namespace.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
