//! The mark of a copy that its application has left: whoever else deletes a Placement, with its namespace for example, has
//! not decided about what was deployed.

use krake_crds::kubernetes::Placement;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;

/// Annotation: the copy is deleted because the application is elsewhere, or nowhere, by now.
pub const MOVED_AWAY: &str = "krake.dev/moved-away";

/// Whether the Placement says that its application was moved away from its cluster.
#[must_use]
pub fn is_marked(placement: &Placement) -> bool {
    placement.annotations().contains_key(MOVED_AWAY)
}

/// Puts the mark on the Placement, or takes it off, whoever has put it there.
///
/// # Errors
/// When the API server refuses it; with a conflict, another Placement has its name now.
pub async fn mark(api: &Api<Placement>, placement: &Placement, is_moved_away: bool) -> Result<(), kube::Error> {
    if is_marked(placement) == is_moved_away {
        return Ok(());
    }
    let value = is_moved_away.then_some("true");
    let patch = json!({ "metadata": { "uid": placement.uid(), "annotations": { MOVED_AWAY: value } } });
    api.patch_metadata(&placement.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
}
