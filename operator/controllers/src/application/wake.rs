//! Which applications must be looked at when something else changes.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use krake_crds::{kubernetes::Application, reference::ObjectReference};
use krake_operator_loops::{changes::Changes, context::Context, safety};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::observe::Target;

/// The application of every Placement that changes or vanishes.
pub(super) fn by_placements(context: &Context) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    context
        .placements
        .touched()
        .map(|placement| ObjectRef::new(&placement.spec.application).within(&placement.namespace().unwrap_or_default()))
}

/// The applications that were scheduled to a cluster, when it begins or ends to take Placements.
pub(super) fn by_clusters(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    let mut seen = Changes::default();
    let context = context.clone();
    context.clusters.touched().flat_map(move |cluster| {
        let (namespace, name) = (cluster.namespace().unwrap_or_default(), cluster.name_any());
        let target = context.clusters.find(&namespace, &name).map(|cluster| Target::of(Some(&cluster)));
        let reference = ObjectReference::cluster(&namespace, &name);
        let changed = seen.notes((namespace, name), target);
        let scheduled_here = |application: &Application| {
            changed
                && application.status.as_ref().is_some_and(|status| status.scheduled_to.as_ref() == Some(&reference))
        };
        let woken = context.applications.store.state_filter(scheduled_here);
        stream::iter(woken.into_iter().map(|application| ObjectRef::from_obj(&*application)))
    })
}

/// The applications that a safety policy has kept from something, whenever one changes.
pub(super) fn by_policies(context: &Arc<Context>) -> impl Stream<Item = ObjectRef<Application>> + Send + use<> {
    safety::withheld(
        context,
        |context| &context.applications,
        |one| one.status.as_ref().map(|status| &*status.conditions).unwrap_or_default(),
    )
}
