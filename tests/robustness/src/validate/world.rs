//! Everything of one namespace at one moment, from all sides.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use crate::{
    eyes::{Eyes, Piece},
    thing::{Kind, Thing},
};

/// Everything of one namespace at one moment. The sides are looked at one after the other: only of a quiet world is
/// this a true picture.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What REST shows.
    pub stored: BTreeMap<Thing, Value>,
    /// The custom resources.
    pub objects: BTreeMap<Thing, Value>,
    /// The kubeconfigs of the clusters, from their Secrets.
    pub kubeconfigs: BTreeMap<Thing, Value>,
    /// The placements.
    pub placements: Vec<Value>,
    /// What is on the targets.
    pub pieces: Vec<Piece>,
}

impl World {
    /// Looks at a namespace.
    ///
    /// # Errors
    /// When a side does not answer.
    pub async fn observe(eyes: &Eyes, namespace: &str) -> Result<Self> {
        let mut world = Self { placements: eyes.placements(Some(namespace)).await?, ..Self::default() };
        for kind in Kind::ALL {
            let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let thing = |object: &Value| Thing { kind, namespace: namespace.to_owned(), name: name(object) };
            let named = |objects: Vec<Value>| objects.into_iter().map(move |object| (thing(&object), object));
            world.objects.extend(named(eyes.objects(kind, Some(namespace)).await?));
            world.stored.extend(named(eyes.stored(kind, Some(namespace)).await?));
        }
        for (thing, object) in &world.objects {
            let reference = &object["spec"]["kubeconfigSecretRef"];
            let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str()) else { continue };
            if let Some(kubeconfig) = eyes.secret(namespace, name, key).await? {
                world.kubeconfigs.insert(thing.clone(), kubeconfig);
            }
        }
        for target in 1..=eyes.targets() {
            let pieces = eyes.pieces(target).await?;
            world.pieces.extend(pieces.into_iter().filter(|piece| piece.application.namespace == namespace));
        }
        Ok(world)
    }
}
