//! Finding the object that stands for a key.

use krake_crds::identity::Identity;
use krake_facade_store::Key;
use kube::api::DynamicObject;

use crate::{
    base::{Base, Twin},
    error::Error,
    name::{Coordinates, krake_names},
    objects::Objects,
};

/// The object that stands for a key: where the base says, else under the same names if it was made in Kubernetes, else
/// under the encoded ones.
pub(crate) async fn locate(objects: &Objects, key: &Key, base: Option<&Base>) -> Result<Option<DynamicObject>, Error> {
    let agreed = base.and_then(|base| base.object.as_ref()).map(Twin::coordinates);
    let places = match agreed {
        Some(agreed) => vec![agreed],
        None => Coordinates::verbatim(key).into_iter().chain([Coordinates::of(key)]).collect(),
    };
    let mut refusal = None;
    for at in places {
        let Some(object) = objects.find(&at).await? else { continue };
        match krake_names(&at, identity(&object).as_ref()) {
            Ok(names) if (names.0.as_deref(), names.1.as_str()) == (key.namespace(), key.name()) => {
                return Ok(Some(object));
            }
            Ok(_) => refusal = Some(Error::Taken),
            Err(mismatch) => refusal = Some(Error::Identity(mismatch)),
        }
    }
    refusal.map_or(Ok(None), Err)
}

/// The identity that an object claims.
pub(crate) fn identity(object: &DynamicObject) -> Option<Identity> {
    let identity = object.data.get("spec")?.get("identity")?;
    serde_json::from_value(identity.clone()).ok()
}
