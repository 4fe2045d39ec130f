//! Refuses an update that would take a field away from whoever manages it in Kubernetes: Argo CD, Helm, `kubectl apply`.
//! They would set it back. The sync would carry the update out, so this is the moment to say so.

use std::time::Duration;

use krake_facade_store::Record;
use krake_facade_sync::ownership;
use kube::Client;

use crate::problem::Failure;
use crate::served::Served;

/// How long a client of REST waits for an answer of the management cluster: REST is to work without it.
const LIMIT: Duration = Duration::from_secs(1);

/// Compares a stored object with what it is to become.
///
/// # Errors
/// [`Failure::Managed`] if a field that changes is somebody else's; [`Failure::Store`] if the record is not readable.
pub(super) async fn check<K: Served>(management: &Client, record: &Record, after: &K) -> Result<(), Failure> {
    let before = krake_facade_store::read::<K>(record)?;
    match tokio::time::timeout(LIMIT, ownership::refuse(management, &record.key, &before, after)).await {
        Ok(Ok(None)) => Ok(()),
        Ok(Ok(Some(managed))) => Err(Failure::Managed(managed)),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "nobody was asked who manages an object");
            Ok(())
        }
        Err(_) => {
            tracing::warn!("the management cluster did not say in time who manages an object");
            Ok(())
        }
    }
}
