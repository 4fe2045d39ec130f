//! Wire types ⇄ custom resources, one file per kind. Adding a kind is adding a file and a line in `lib.rs`.
//!
//! Neither language holds all that the other can say. A translation therefore gives what it can, and the caller keeps
//! on either side what the other could not have meant to change (see `face` and `stored`).

pub mod application;
pub mod cluster;
pub mod metadata;
pub mod reference;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;

use krake_crds::reference::SecretKeyReference;
use krake_facade_wire::{Kind, Metadata};
use serde::{Serialize, de::DeserializeOwned};

use crate::directory::Directory;

/// A wire kind and the custom resource that stands for it.
pub trait Pairing: Send + Sync + 'static {
    /// What REST shows.
    type Wire: Kind;
    /// The custom resource.
    type Resource: kube::Resource<DynamicType = ()>;
    /// Its `spec`.
    type Spec: Serialize + DeserializeOwned + Send;
    /// Its `status`.
    type Status: Serialize + DeserializeOwned + Send;

    /// Fields of `spec` and `status` that REST does not know; they belong to Kubernetes alone.
    const OBJECT_ONLY: &'static [&'static str];
    /// The part of the wire's `spec` that Kubernetes keeps in a Secret.
    const SECRET: Option<SecretPart> = None;

    /// The status of an object to which nothing has happened yet.
    fn fresh_status() -> Self::Status;

    /// The custom resource's part of an object. Labels, owners, identity and secret references are left empty.
    fn to_object(wire: &Self::Wire, names: &Directory) -> (Self::Spec, Self::Status);

    /// The wire's part of an object. Metadata is taken as given, but for what the custom resource keeps in its `spec`.
    fn to_wire(spec: Self::Spec, status: Self::Status, metadata: Metadata, names: &Directory) -> Self::Wire;
}

/// A secret that is shown inline by REST and referred to by the custom resource.
#[derive(Clone, Copy, Debug)]
pub struct SecretPart {
    /// Field of the wire's `spec` that shows it.
    pub wire_field: &'static str,
    /// Field of the custom resource's `spec` that refers to it.
    pub reference_field: &'static str,
    /// Key of the Secret's data under which it is written.
    pub key: &'static str,
    /// What follows on the object's name in the name of the Secret that is written for it.
    pub suffix: &'static str,
}

impl SecretPart {
    /// The reference to the Secret that is written for the object of this name.
    #[must_use]
    pub fn own_reference(&self, object: &str) -> SecretKeyReference {
        SecretKeyReference { name: format!("{object}{}", self.suffix), key: self.key.to_owned() }
    }
}
