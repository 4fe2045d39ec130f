//! Which objects must be looked at when something that depends on them appears, changes or vanishes.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use krake_operator_loops::context::{Context, Shared};
use kube::{api::ApiResource, runtime::reflector::ObjectRef};

use super::{
    index::{Entry, Index},
    kinds::Outline,
};

/// The objects of this kind that are being deleted, or that are not guarded yet, whenever something touches what depends
/// on them.
pub(super) fn by_dependents(
    index: &Arc<Index>,
    kind: &ApiResource,
    context: &Context,
) -> impl Stream<Item = ObjectRef<Outline>> + Send + use<> {
    let touched = stream::select_all(index.caches.iter().map(Shared::touched).map(StreamExt::boxed));
    let (owning, wanted) = (index.clone(), kind.clone());
    let owners = touched.map(move |dependent| owning.owners_of(&dependent, |kind| *kind == wanted));
    let (placing, wanted) = (index.clone(), kind.clone());
    let placements = context.placements.touched();
    let clusters = placements
        .map(move |placement| placing.at(&placement.spec.cluster, |kind| *kind == wanted).into_iter().collect());
    stream::select(owners, clusters).flat_map(|owners: Vec<Entry>| {
        let concerned = owners.into_iter().filter(|owner| owner.is_leaving() || !owner.is_guarded());
        stream::iter(concerned.map(|owner| ObjectRef::from_obj_with(&*owner.outline, owner.kind)))
    })
}
