//! Read, decide, write, tied together by the revision that was read. Every change of an existing object goes this way.

use axum::body::Bytes;
use krake_facade_store::{Error as StoreError, Record};
use kube::Client;

use super::{Resource, managed};
use crate::call::Call;
use crate::problem::Failure;
use crate::served::Served;

/// What becomes of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing: it is not even written again.
    Keep,
    /// It is written as it is now.
    Write,
    /// It is removed: nothing holds it any more.
    Remove,
    /// It is removed, whatever holds it.
    RemoveByForce,
}

impl<K: Served> Resource<K> {
    /// Changes the object a request names, and gives the bytes that show it afterwards. If somebody else writes it at the
    /// same time, `decide` is asked again with what they wrote.
    ///
    /// # Errors
    /// [`Failure::NotFound`], what `decide` refuses, [`Failure::Contended`] or [`Failure::Store`].
    pub(crate) async fn change(
        &self,
        call: &Call,
        decide: impl Fn(&mut K) -> Result<Outcome, Failure>,
    ) -> Result<Bytes, Failure> {
        self.change_unmanaged(call, decide, None).await
    }

    /// As [`Self::change`]; with a client, only if nobody in that management cluster manages what would change.
    ///
    /// # Errors
    /// As [`Self::change`], and [`Failure::Managed`].
    pub(super) async fn change_unmanaged(
        &self,
        call: &Call,
        decide: impl Fn(&mut K) -> Result<Outcome, Failure>,
        management: Option<&Client>,
    ) -> Result<Bytes, Failure> {
        for _ in 0..=self.shared.retry_transactions {
            let record = self.load(call).await?;
            let mut object = krake_facade_store::read::<K>(&record)?;
            let outcome = decide(&mut object)?;
            if let Some(management) = management {
                managed::check(management, &record, &object).await?;
            }
            match self.carry_out(outcome, record, object).await {
                Err(StoreError::Conflict) => {}
                other => return Ok(other?),
            }
        }
        Err(Failure::Contended)
    }

    async fn carry_out(&self, outcome: Outcome, record: Record, object: K) -> Result<Bytes, StoreError> {
        let Record { key, revision, value, .. } = record;
        let (bytes, uid) = (object.to_bytes(), object.metadata().uid.clone());
        // They are several times as large as the bytes, and etcd may take its time.
        drop((value, object));
        let answer = Bytes::copy_from_slice(&bytes);
        let store = &self.shared.store;
        match outcome {
            Outcome::Keep => {}
            Outcome::Write => drop(store.replace(&key, bytes, revision).await?),
            Outcome::Remove => drop(store.remove(&key, revision, &uid).await?),
            Outcome::RemoveByForce => drop(store.remove_by_force(&key, revision, &uid).await?),
        }
        Ok(answer)
    }
}
