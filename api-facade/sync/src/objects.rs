//! The custom resources of one kind in the management cluster: read fresh, written one step at a time, and never
//! overwritten by a write that was decided on before somebody else's.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};

use crate::{
    error::{Error, is_absent, is_conflict},
    name::Coordinates,
};

/// The name under which our writes appear in `metadata.managedFields`.
pub const MANAGER: &str = "krake-api";
/// Marks the namespaces that were made for Krake.
const MANAGED: &str = "krake.dev/managed";
/// The exact name of an encoded namespace.
const NAMESPACE: &str = "krake.dev/namespace";
/// How long one call may take.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// The longest sentence of the API server that is passed on.
const LONGEST_SENTENCE: usize = 1024;

/// What became of a write.
pub(crate) enum Written {
    /// It is done; this is the object now.
    Done(Box<DynamicObject>),
    /// Somebody else wrote, created or deleted meanwhile: look again.
    Overtaken,
    /// The API server will never take it, and says why.
    Refused(String),
}

/// The custom resources of one kind.
#[derive(Clone)]
pub(crate) struct Objects {
    client: Client,
    resource: ApiResource,
}

impl Objects {
    pub(crate) fn new<K: kube::Resource<DynamicType = ()>>(client: Client) -> Self {
        Self { client, resource: ApiResource::erase::<K>(&()) }
    }

    pub(crate) fn resource(&self) -> &ApiResource {
        &self.resource
    }

    pub(crate) fn everywhere(&self) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &self.resource)
    }

    fn at(&self, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &self.resource),
            None => self.everywhere(),
        }
    }

    /// The object as the API server has it now.
    pub(crate) async fn find(&self, at: &Coordinates) -> Result<Option<DynamicObject>, Error> {
        let api = self.at(at.namespace.as_deref());
        within("reading an object", api.get_opt(&at.name)).await
    }

    /// Creates an object, and its namespace if need be; `krake` is the namespace's exact name.
    pub(crate) async fn create(&self, object: &DynamicObject, krake: Option<&str>) -> Result<Written, Error> {
        let namespace = object.metadata.namespace.as_deref();
        let api = self.at(namespace);
        let parameters = PostParams { dry_run: false, field_manager: Some(MANAGER.into()) };
        let first = within("creating an object", api.create(&parameters, object)).await;
        match (first, namespace) {
            (Err(Error::Kubernetes { source, .. }), Some(namespace)) if is_absent(&source) => {
                self.ensure_namespace(namespace, krake.unwrap_or(namespace)).await?;
                written(within("creating an object", api.create(&parameters, object)).await)
            }
            (first, _) => written(first),
        }
    }

    async fn ensure_namespace(&self, name: &str, krake: &str) -> Result<(), Error> {
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some([(MANAGED.to_owned(), "true".to_owned())].into()),
                annotations: (name != krake).then(|| [(NAMESPACE.to_owned(), krake.to_owned())].into()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let parameters = PostParams { dry_run: false, field_manager: Some(MANAGER.into()) };
        let api: Api<Namespace> = Api::all(self.client.clone());
        match within("creating a namespace", api.create(&parameters, &namespace)).await {
            Err(Error::Kubernetes { source, .. }) if is_conflict(&source) => Ok(()),
            Ok(_) => {
                tracing::info!(namespace = name, "created a namespace");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Applies JSON Patch operations to the object as it was read, or not at all.
    pub(crate) async fn patch(&self, read: &DynamicObject, operations: Vec<Value>) -> Result<Written, Error> {
        let (api, patch) = (self.at(read.metadata.namespace.as_deref()), guarded(read, operations)?);
        written(within("writing an object", api.patch(name_of(read), &managed(), &patch)).await)
    }

    /// The same for its status.
    pub(crate) async fn patch_status(&self, read: &DynamicObject, operations: Vec<Value>) -> Result<Written, Error> {
        let (api, patch) = (self.at(read.metadata.namespace.as_deref()), guarded(read, operations)?);
        written(within("writing a status", api.patch_status(name_of(read), &managed(), &patch)).await)
    }

    /// Asks for the deletion of this very object.
    pub(crate) async fn delete(&self, read: &DynamicObject) -> Result<(), Error> {
        let preconditions = Preconditions { uid: read.metadata.uid.clone(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.at(read.metadata.namespace.as_deref());
        match within("deleting an object", api.delete(name_of(read), &parameters)).await {
            Err(Error::Kubernetes { source, .. }) if is_absent(&source) || is_conflict(&source) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}

fn name_of(object: &DynamicObject) -> &str {
    object.metadata.name.as_deref().unwrap_or_default()
}

fn managed() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}

/// A resource version in the result makes the API server refuse the patch if the object has another one by now.
fn guarded(read: &DynamicObject, mut operations: Vec<Value>) -> Result<Patch<()>, Error> {
    let version = read.metadata.resource_version.as_deref().unwrap_or_default();
    operations.push(json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version }));
    serde_json::from_value(Value::Array(operations)).map(Patch::Json).map_err(Error::Json)
}

/// Waits for a call, but not for ever: the client has no time limit of its own.
pub(crate) async fn within<T>(
    doing: &'static str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(LONGEST_CALL, call).await {
        Ok(answer) => answer.map_err(|source| Error::Kubernetes { doing, source: Box::new(source) }),
        Err(_) => Err(Error::Timeout { doing }),
    }
}

fn written(answer: Result<DynamicObject, Error>) -> Result<Written, Error> {
    match answer {
        Ok(object) => Ok(Written::Done(Box::new(object))),
        Err(Error::Kubernetes { doing, source }) => match *source {
            kube::Error::Api(status) => match status.code {
                404 | 409 => Ok(Written::Overtaken),
                400 | 413 | 422 => Ok(Written::Refused(status.message.chars().take(LONGEST_SENTENCE).collect())),
                _ => Err(Error::Kubernetes { doing, source: Box::new(kube::Error::Api(status)) }),
            },
            other => Err(Error::Kubernetes { doing, source: Box::new(other) }),
        },
        Err(error) => Err(error),
    }
}
