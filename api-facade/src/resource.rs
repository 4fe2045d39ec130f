//! Create, read, list, update and delete, for any kind: written once.
//!
//! Each handler is the order of section 1.9 of the REST contract: permission, query, body, object, effect.

mod blocking;
mod change;
mod deletion;
mod managed;
mod update;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use krake_facade_store::{Collection, Error as StoreError, Hub, Key, Record, Store};
use krake_facade_wire::metadata::check_namespace;
use krake_facade_wire::{Timestamp, list as wire_list};
use kube::Client;
use tokio_util::sync::CancellationToken;

pub(crate) use change::Outcome;

use crate::authz::{Access, Authorizer, Verb};
use crate::call::Call;
use crate::instruments::Instruments;
use crate::operator::{Operator, Unavailable};
use crate::payload::Payload;
use crate::problem::{Failure, Subject};
use crate::query::Reading;
use crate::served::Served;
use crate::watch;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What all kinds share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// The database.
    pub(crate) store: Store,
    /// Who may do what.
    pub(crate) authorizer: Authorizer,
    /// How often a change is tried again after somebody else wrote the same object.
    pub(crate) retry_transactions: u32,
    /// The management cluster, if there is a sync: it knows who manages which field.
    pub(crate) management: Option<Client>,
    /// The operator, if there is a management cluster.
    pub(crate) operator: Option<Arc<Operator>>,
    /// What is told about it all.
    pub(crate) instruments: Instruments,
    /// Ends watches when the server stops.
    pub(crate) stop: CancellationToken,
}

impl Shared {
    /// The operator.
    ///
    /// # Errors
    /// [`Failure::Operator`] without a management cluster.
    pub(crate) fn operator(&self) -> Result<&Operator, Failure> {
        self.operator.as_deref().ok_or(Failure::Operator(Unavailable::NotManaged))
    }
}

/// One kind, as it is served.
pub(crate) struct Resource<K> {
    /// What all kinds share.
    pub(crate) shared: Shared,
    /// The kind's events.
    pub(crate) hub: Hub<K>,
}

impl<K> Clone for Resource<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), hub: self.hub.clone() }
    }
}

impl<K: Served> Resource<K> {
    /// Refuses what the caller may not do.
    ///
    /// # Errors
    /// As [`Authorizer::permit`].
    pub(crate) async fn permit(
        &self,
        call: &Call,
        verb: Verb,
        subresource: Option<&'static str>,
    ) -> Result<(), Failure> {
        let namespace = call.namespace.as_deref();
        let access = Access { api: K::API, plural: K::PLURAL, subresource, namespace, verb };
        self.shared.authorizer.permit(&call.user, &access).await
    }

    /// The stored object a request names.
    ///
    /// # Errors
    /// [`Failure::NotFound`] or [`Failure::Store`].
    pub(crate) async fn load(&self, call: &Call) -> Result<Record, Failure> {
        let namespace = call.namespace.as_deref();
        let record = self.shared.store.get(&Key::of::<K>(namespace, &call.name)).await?;
        record.ok_or_else(|| Failure::NotFound(Subject::of::<K>(namespace, &call.name)))
    }
}

/// `POST` to a collection.
///
/// # Errors
/// The set C of the contract.
pub(crate) async fn create<K: Served>(
    State(resource): State<Resource<K>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Create, None).await?;
    let mut object = K::decode_new(&payload.json().await?)?;
    if let Some(namespace) = &call.namespace {
        check_namespace(namespace)?;
    }
    born(&mut object, call.namespace.as_deref());
    let namespace = call.namespace.as_deref();
    let key = Key::of::<K>(namespace, &object.metadata().name);
    let stored = object.to_bytes();
    // It is several times as large as its bytes, and etcd may take its time.
    drop(object);
    let bytes = Bytes::copy_from_slice(&stored);
    match resource.shared.store.create(&key, stored).await {
        Ok(_) => {}
        Err(StoreError::Exists) => return Err(Failure::Exists(Subject::of::<K>(namespace, key.name()))),
        Err(error) => return Err(error.into()),
    }
    Ok(json(blocking::after_change(&resource, &call, &key, bytes).await))
}

fn born<K: Served>(object: &mut K, namespace: Option<&str>) {
    let now = now();
    let metadata = object.metadata_mut();
    metadata.uid = uuid::Uuid::new_v4().to_string();
    metadata.created = now;
    metadata.modified = now;
    if let Some(namespace) = namespace {
        metadata.namespace = Some(namespace.to_owned());
    }
}

/// `GET` of a collection, as a list or as a stream of events.
///
/// # Errors
/// The set L of the contract.
pub(crate) async fn list<K: Served>(State(resource): State<Resource<K>>, call: Call) -> Result<Response, Failure> {
    resource.permit(&call, Verb::List, None).await?;
    let collection = Collection::of::<K>(call.namespace.as_deref());
    if let Reading::Watch { heartbeat } = call.query.reading()? {
        return watch::open(&resource, &call.method, collection, heartbeat).await;
    }
    let objects = resource.hub.list(&collection).await?;
    let mut body = Vec::with_capacity(objects.iter().map(|object| object.len() + 2).sum::<usize>() + 100);
    wire_list::write::<K>(objects, &mut body);
    Ok(json(body))
}

/// `GET` of an object.
///
/// # Errors
/// The set R of the contract.
pub(crate) async fn read<K: Served>(State(resource): State<Resource<K>>, call: Call) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Get, None).await?;
    let record = resource.load(&call).await?;
    Ok(json(krake_facade_store::read::<K>(&record)?.to_bytes()))
}

/// `PUT` of an object.
///
/// # Errors
/// The set U of the contract.
pub(crate) async fn update<K: Served>(
    State(resource): State<Resource<K>>,
    call: Call,
    payload: Payload,
) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Update, None).await?;
    let wanted = K::decode(&payload.json().await?)?;
    let management = resource.shared.management.as_ref().filter(|_| !call.query.takes_over());
    let decide = |stored: &mut K| update::decide(stored, &wanted, now());
    let bytes = resource.change_unmanaged(&call, decide, management).await?;
    Ok(json(bytes))
}

/// `DELETE` of an object.
///
/// # Errors
/// The set D of the contract.
pub(crate) async fn delete<K: Served>(State(resource): State<Resource<K>>, call: Call) -> Result<Response, Failure> {
    resource.permit(&call, Verb::Delete, None).await?;
    let force = K::FORCIBLE && call.query.force();
    let bytes = resource.change(&call, |stored: &mut K| Ok(deletion::decide(stored, force, now()))).await?;
    if force {
        return Ok(json(bytes));
    }
    let key = Key::of::<K>(call.namespace.as_deref(), &call.name);
    Ok(json(blocking::after_change(&resource, &call, &key, bytes).await))
}

/// The time that goes into objects.
#[must_use]
pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

/// The answer that shows an object.
pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    ([(CONTENT_TYPE, JSON)], body.into()).into_response()
}
