//! Runs a controller: waits for the caches, gives every reconcile a span, a deadline and a net for panics, and turns
//! what it answers into the next look. Knows no kind of ours.

use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt};
use kube::{
    ResourceExt,
    runtime::{
        Controller,
        controller::{Action, Error as LoopError},
    },
};
use tracing::Instrument;

use crate::{
    context::{Cached, Context, Watched},
    outcome::{Attempts, CONFLICT, Failure, NOT_CURRENT, Retry},
};

/// How long the change behind a conflict is waited for. It is on its way to the cache and wakes us: to look before it is
/// there, as one would after a failure, only brings the next conflict. The period is for a wake-up that was lost.
const CONFLICT_NET: Duration = Duration::from_secs(2);

/// An object of one loop, by namespace and name.
type Key = (Option<String>, String);

/// Runs the controller `name` until the term of `context` ends. Reconciles start once every cache is complete.
pub async fn drive<K, E, F, Fut>(name: &'static str, controller: Controller<K>, context: Arc<Context>, reconcile: F)
where
    K: Watched,
    E: Failure,
    F: Fn(Arc<K>, Arc<Context>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Action, E>> + Send + 'static,
{
    drive_kind(name, (), controller, context, reconcile).await;
}

/// As [`drive`], for a kind that is not known at compile time.
pub async fn drive_kind<K, E, F, Fut>(
    name: &'static str,
    kind: K::DynamicType,
    controller: Controller<K>,
    context: Arc<Context>,
    reconcile: F,
) where
    K: Cached,
    E: Failure,
    F: Fn(Arc<K>, Arc<Context>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Action, E>> + Send + 'static,
{
    if !context.synced().await {
        return;
    }
    let attempts = Arc::new(Attempts::<Key>::default());
    let forget = attempts.clone();
    let reconcile = Arc::new(reconcile);
    let over = context.stop.clone();
    let step = move |object: Arc<K>, context: Arc<Context>| {
        let span = tracing::info_span!(
            "reconcile",
            controller = name,
            kind = %K::kind(&kind),
            namespace = object.namespace().unwrap_or_default(),
            name = %object.name_any(),
            uid = object.uid().unwrap_or_default(),
        );
        let (reconcile, attempts) = (reconcile.clone(), attempts.clone());
        async move {
            let key = (object.namespace(), object.name_any());
            if context.superseded.holds(&*object) {
                return Ok(Action::requeue(CONFLICT_NET));
            }
            let started = Instant::now();
            let answer = context.superseded.clone().noting(guarded(&*reconcile, object, context.clone())).await;
            let outcome = answer.as_ref().map_or_else(Ended::category, |_| "ok");
            context.instruments.reconciled(name, outcome, started.elapsed());
            Ok::<_, Infallible>(next_look(answer, key, &attempts))
        }
        .instrument(span)
    };
    controller
        .graceful_shutdown_on(over.cancelled_owned())
        .run(step, |_, never, _| match *never {}, context)
        .for_each(|result| {
            match result {
                Ok((object, _)) => tracing::trace!(%object, "reconciled"),
                // Deleted while it was queued.
                Err(LoopError::ObjectNotFound(gone)) => forget.forget(&(gone.namespace, gone.name)),
                Err(error) => {
                    tracing::warn!(controller = name, error = &error as &dyn std::error::Error, "loop interrupted");
                }
            }
            std::future::ready(())
        })
        .await;
}

/// How a reconcile can end without an answer.
#[derive(thiserror::Error, Debug)]
enum Ended<E> {
    #[error("reconcile failed")]
    Failed(#[source] E),
    #[error("reconcile took longer than its deadline")]
    Deadline,
    #[error("reconcile panicked: {0}")]
    Panicked(String),
}

impl<E: Failure> Ended<E> {
    fn category(&self) -> &'static str {
        match self {
            Self::Failed(error) => error.category(),
            Self::Deadline => "deadline",
            Self::Panicked(_) => "panic",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Failed(error) => error.retry(),
            Self::Deadline | Self::Panicked(_) => Retry::Soon,
        }
    }
}

/// A panic inside a reconcile would end the whole loop, and a silent server would hold its slot: both become failures.
async fn guarded<K, E, F, Fut>(reconcile: &F, object: Arc<K>, context: Arc<Context>) -> Result<Action, Ended<E>>
where
    F: Fn(Arc<K>, Arc<Context>) -> Fut,
    Fut: Future<Output = Result<Action, E>>,
{
    let deadline = context.settings.reconcile_deadline;
    let step = async { tokio::time::timeout(deadline, reconcile(object, context)).await };
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(Ok(answer)) => answer.map_err(Ended::Failed),
        Ok(Err(_)) => Err(Ended::Deadline),
        Err(panic) => Err(Ended::Panicked(panic_text(&*panic))),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn next_look<E: Failure>(answer: Result<Action, Ended<E>>, key: Key, attempts: &Attempts<Key>) -> Action {
    let error = match answer {
        Ok(action) => {
            attempts.forget(&key);
            return action;
        }
        Err(error) => error,
    };
    let (category, error_value) = (error.category(), &error as &dyn std::error::Error);
    if category == CONFLICT {
        tracing::debug!(category, error = error_value, "waiting for the change that we did not know of");
        return Action::requeue(CONFLICT_NET);
    }
    let (attempt, backoff) = attempts.failed(key);
    if category == NOT_CURRENT {
        tracing::debug!(attempt, category, error = error_value, "waiting for the caches");
    } else {
        tracing::warn!(attempt, category, error = error_value, "reconcile failed");
    }
    match error.retry() {
        Retry::Soon => Action::requeue(backoff),
        Retry::After(delay) => Action::requeue(delay),
        Retry::OnChange => Action::await_change(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(thiserror::Error, Debug)]
    #[error("{0}")]
    struct Refused(&'static str, Retry);

    impl Failure for Refused {
        fn category(&self) -> &'static str {
            self.0
        }

        fn retry(&self) -> Retry {
            self.1
        }
    }

    fn key() -> Key {
        (Some("web".into()), "shop".into())
    }

    #[test]
    fn each_way_to_retry_has_its_own_next_look() {
        let attempts = Attempts::default();
        let failed = |retry| Err(Ended::Failed(Refused("refused", retry)));
        let later = Duration::from_secs(7);
        assert_eq!(next_look(failed(Retry::Soon), key(), &attempts), Action::requeue(Duration::from_millis(100)));
        assert_eq!(next_look(failed(Retry::Soon), key(), &attempts), Action::requeue(Duration::from_millis(200)));
        assert_eq!(next_look(failed(Retry::After(later)), key(), &attempts), Action::requeue(later));
        assert_eq!(next_look(failed(Retry::OnChange), key(), &attempts), Action::await_change());
    }

    #[test]
    fn after_a_conflict_the_change_is_waited_for_and_no_failure_is_counted() {
        let attempts = Attempts::default();
        let conflict = || Err(Ended::Failed(Refused(CONFLICT, Retry::Soon)));
        for _ in 0..3 {
            assert_eq!(next_look(conflict(), key(), &attempts), Action::requeue(CONFLICT_NET));
        }
        assert_eq!(attempts.failed(key()).0, 1);
    }

    #[test]
    fn caches_that_stay_behind_are_waited_for_longer_and_longer() {
        let attempts = Attempts::default();
        let behind = || Err(Ended::Failed(Refused(NOT_CURRENT, Retry::Soon)));
        assert_eq!(next_look(behind(), key(), &attempts), Action::requeue(Duration::from_millis(100)));
        assert_eq!(next_look(behind(), key(), &attempts), Action::requeue(Duration::from_millis(200)));
    }

    #[test]
    fn a_success_forgets_the_failures_before_it() {
        let attempts = Attempts::default();
        next_look(Err(Ended::<Refused>::Deadline), key(), &attempts);
        assert_eq!(
            next_look(Ok::<_, Ended<Refused>>(Action::await_change()), key(), &attempts),
            Action::await_change()
        );
        let again = next_look(Err(Ended::<Refused>::Panicked(String::new())), key(), &attempts);
        assert_eq!(again, Action::requeue(Duration::from_millis(100)));
    }
}
