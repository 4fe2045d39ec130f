//! The gate before a cluster: every call has a deadline, and after silences calls fail at once until a probe is answered.

use std::{
    pin::pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kube::runtime::watcher;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

use crate::{
    answer::tidied,
    bounded::TooLong,
    reachability::{Judge, Reachability},
};

/// How long one call that reads may take.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// How long one call that writes may take: admission webhooks may take up to 30 s each, and API servers give up after 34 s.
const WRITE_DEADLINE: Duration = Duration::from_secs(35);

/// How often a call that waits looks whether there is still somebody to wait for.
const GLANCE: Duration = Duration::from_secs(5);

/// After so many silences in a row the gate closes without waiting for the probes.
const SILENCES_UNTIL_CLOSED: u32 = 3;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Access {
    fn deadline(self) -> Duration {
        match self {
            Self::Read => READ_DEADLINE,
            Self::Write => WRITE_DEADLINE,
        }
    }
}

/// Why a call had no answer, or an unwelcome one.
#[derive(thiserror::Error, Debug)]
pub(crate) enum CallError {
    #[error("{0}")]
    Closed(String),
    #[error("no answer within {} s", .after.as_secs())]
    Deadline {
        after: Duration,
        /// Whether it is this call that hangs: it writes, and something else was heard of the cluster meanwhile.
        is_alive: bool,
    },
    #[error("call failed")]
    Kube(#[from] kube::Error),
}

/// What a probe changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The verdict differs from before.
    pub(crate) verdict: bool,
    /// Calls pass again that did not pass before.
    pub(crate) opened: bool,
}

/// Opened and closed by probes; closed by calls that were not answered.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    judge: Mutex<Judge>,
    silences: AtomicU32,
    heard: Mutex<Option<Instant>>,
    doubt: Notify,
    openings: watch::Sender<u64>,
}

impl Gate {
    /// What the probes say.
    pub(crate) fn verdict(&self) -> Reachability {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).verdict().clone()
    }

    /// `Ok` while calls pass.
    pub(crate) fn check(&self) -> Result<(), CallError> {
        match self.verdict() {
            Reachability::Reachable { .. } | Reachability::Returning { .. } => {
                if self.silences() < SILENCES_UNTIL_CLOSED {
                    return Ok(());
                }
                Err(CallError::Closed("the API server did not answer the last calls".to_owned()))
            }
            Reachability::Unknown => Err(CallError::Closed("the API server has not answered yet".to_owned())),
            Reachability::Unreachable { why } => Err(CallError::Closed(why)),
        }
    }

    /// Lets one call pass, with a deadline, and takes note of a silence. A read that hangs is one whatever else is heard: an API
    /// server that has lost its storage still answers probes. A write that hangs while the cluster is heard of is none, since
    /// a webhook may be slow. A call to a cluster that turns out to be away ends before its deadline.
    pub(crate) async fn pass<T>(
        &self,
        access: Access,
        call: impl Future<Output = kube::Result<T>> + Send,
    ) -> Result<T, CallError> {
        self.check()?;
        let begun = Instant::now();
        let mut call = pin!(call);
        let answer = loop {
            let left = access.deadline().saturating_sub(begun.elapsed());
            if let Ok(answer) = timeout(left.min(GLANCE), call.as_mut()).await {
                break answer;
            }
            if begun.elapsed() >= access.deadline() || self.check().is_err() {
                return Err(self.unanswered(begun, access));
            }
            self.doubt.notify_one();
        };
        match &answer {
            Err(error) if is_silence(error) => self.silent(),
            Err(error) => {
                self.silences.store(0, Ordering::Relaxed);
                // The credentials may have ended while streams that were opened with them go on.
                if matches!(error, kube::Error::Api(status) if status.code == 401) {
                    self.doubt.notify_one();
                }
            }
            Ok(_) => {
                self.silences.store(0, Ordering::Relaxed);
                self.heard();
            }
        }
        Ok(answer.map_err(tidied)?)
    }

    /// Takes note of a probe: the version that was answered, or why there was no answer.
    pub(crate) fn probed(&self, probe: Result<String, String>) -> Change {
        let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        let before = judge.verdict().clone();
        let was_open = before.answers() && self.silences() < SILENCES_UNTIL_CLOSED;
        match probe {
            Ok(version) => {
                judge.answered(version);
                self.silences.store(0, Ordering::Relaxed);
                self.heard();
            }
            Err(why) => judge.failed(&why),
        }
        let is_open = judge.verdict().answers() && self.silences() < SILENCES_UNTIL_CLOSED;
        let change = Change { verdict: *judge.verdict() != before, opened: is_open && !was_open };
        drop(judge);
        if change.opened {
            self.openings.send_modify(|count| *count += 1);
        }
        change
    }

    /// Counts how often the gate was opened; each time, watches start over.
    pub(crate) fn openings(&self) -> watch::Receiver<u64> {
        self.openings.subscribe()
    }

    /// Takes note of a sign of life: a probe or a call that was answered, an event of a watch.
    pub(crate) fn heard(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When the last such sign was seen.
    pub(crate) fn last_heard(&self) -> Option<Instant> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a watch that failed: if the connection broke, the next probe need not wait for its turn.
    pub(crate) fn broke(&self, error: &watcher::Error) {
        if let watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) = error
            && is_silence(error)
        {
            self.doubt.notify_one();
        }
    }

    /// Returns when a call was not answered or a watch broke, so that the next probe need not wait for its turn.
    pub(crate) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Whether the last probe failed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner).is_in_doubt()
    }

    fn unanswered(&self, begun: Instant, access: Access) -> CallError {
        let is_heard = self.last_heard().is_some_and(|heard| heard > begun);
        let is_alive = access == Access::Write && is_heard && self.check().is_ok() && !self.is_in_doubt();
        if is_alive {
            self.doubt.notify_one();
        } else {
            self.silent();
        }
        CallError::Deadline { after: begun.elapsed(), is_alive }
    }

    fn silences(&self) -> u32 {
        self.silences.load(Ordering::Relaxed)
    }

    fn silent(&self) {
        self.silences.fetch_add(1, Ordering::Relaxed);
        self.doubt.notify_one();
    }
}

/// Whether the server was not reached, or broke off, as opposed to having answered something unwelcome.
fn is_silence(error: &kube::Error) -> bool {
    matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_))
        && !TooLong::is_cause_of(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> kube::Error {
        kube::Error::Service("connection refused".into())
    }

    async fn silent_call(gate: &Gate) -> Result<(), CallError> {
        gate.pass(Access::Read, std::future::ready(Err(refused()))).await
    }

    #[tokio::test]
    async fn nothing_passes_before_the_first_answered_probe() {
        let gate = Gate::default();
        assert!(matches!(gate.pass(Access::Read, async { Ok(()) }).await, Err(CallError::Closed(_))));
        assert_eq!(gate.probed(Ok("v1".into())), Change { verdict: true, opened: true });
        assert!(gate.pass(Access::Read, async { Ok(()) }).await.is_ok());
        assert_eq!(gate.probed(Ok("v1".into())), Change { verdict: false, opened: false });
    }

    #[tokio::test]
    async fn three_silences_close_the_gate_until_a_probe_is_answered() {
        let gate = Gate::default();
        gate.probed(Ok("v1".into()));
        for _ in 0..3 {
            assert!(matches!(silent_call(&gate).await, Err(CallError::Kube(_))));
        }
        assert!(matches!(silent_call(&gate).await, Err(CallError::Closed(_))));
        gate.doubted().await;
        assert_eq!(gate.probed(Ok("v1".into())), Change { verdict: false, opened: true });
        assert!(gate.check().is_ok());
        assert_eq!(*gate.openings().borrow(), 2);
    }

    #[tokio::test]
    async fn an_unwelcome_answer_is_no_silence() {
        let gate = Gate::default();
        gate.probed(Ok("v1".into()));
        for _ in 0..5 {
            let forbidden = kube::core::Status::failure("no", "Forbidden").with_code(403).boxed();
            assert!(
                gate.pass(Access::Read, std::future::ready(Err::<(), _>(kube::Error::Api(forbidden)))).await.is_err()
            );
        }
        assert!(gate.check().is_ok());
    }

    #[tokio::test]
    async fn calls_pass_as_soon_as_a_cluster_answers_again() {
        let gate = Gate::default();
        gate.probed(Err("gone".into()));
        gate.probed(Err("gone".into()));
        assert!(matches!(gate.check(), Err(CallError::Closed(_))));
        assert_eq!(gate.probed(Ok("v1".into())), Change { verdict: true, opened: true });
        assert!(gate.check().is_ok());
        gate.probed(Ok("v1".into()));
        assert_eq!(gate.probed(Ok("v1".into())), Change { verdict: true, opened: false });
    }

    #[tokio::test]
    async fn answers_are_signs_of_life_and_refused_credentials_are_a_reason_to_probe() {
        let gate = Gate::default();
        assert_eq!(gate.last_heard(), None);
        gate.probed(Ok("v1".into()));
        let probed = gate.last_heard().unwrap();
        gate.pass(Access::Read, async { Ok(()) }).await.unwrap();
        assert!(gate.last_heard().unwrap() > probed);
        let unauthorized = kube::core::Status::failure("no", "Unauthorized").with_code(401).boxed();
        gate.pass(Access::Read, std::future::ready(Err::<(), _>(kube::Error::Api(unauthorized)))).await.unwrap_err();
        gate.doubted().await;
    }

    #[tokio::test(start_paused = true)]
    async fn writes_that_hang_while_the_cluster_is_heard_of_close_no_gate() {
        let gate = Gate::default();
        gate.probed(Ok("v1".into()));
        let hanging = || gate.pass(Access::Write, std::future::pending::<kube::Result<()>>());
        let probe_later = async || {
            tokio::time::sleep(Duration::from_secs(5)).await;
            gate.probed(Ok("v1".into()));
        };
        for _ in 0..5 {
            let (answer, ()) = tokio::join!(hanging(), probe_later());
            assert!(matches!(answer, Err(CallError::Deadline { is_alive: true, .. })));
        }
        assert_eq!((gate.check().is_ok(), *gate.openings().borrow()), (true, 1));
        for _ in 0..3 {
            assert!(matches!(hanging().await, Err(CallError::Deadline { is_alive: false, .. })));
        }
        assert!(matches!(hanging().await, Err(CallError::Closed(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_hangs_is_a_silence_whatever_else_is_heard() {
        let gate = Gate::default();
        gate.probed(Ok("v1".into()));
        let hanging = || gate.pass(Access::Read, std::future::pending::<kube::Result<()>>());
        let hear_later = async || {
            tokio::time::sleep(Duration::from_secs(9)).await;
            gate.heard();
        };
        for _ in 0..3 {
            let (answer, ()) = tokio::join!(hanging(), hear_later());
            assert!(matches!(answer, Err(CallError::Deadline { is_alive: false, .. })));
        }
        assert!(gate.check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_is_a_reason_to_probe_even_when_something_was_just_heard() {
        let gate = Gate::default();
        gate.probed(Ok("v1".into()));
        let begun = Instant::now();
        let heard_late = async {
            tokio::time::sleep(GLANCE * 4 / 5).await;
            gate.heard();
            gate.doubted().await;
        };
        tokio::select! {
            _ = gate.pass(Access::Write, std::future::pending::<kube::Result<()>>()) => unreachable!(),
            () = heard_late => {}
        }
        assert_eq!(begun.elapsed(), GLANCE);
    }

    #[tokio::test]
    async fn a_watch_whose_connection_breaks_is_a_reason_to_probe() {
        let gate = Gate::default();
        gate.broke(&watcher::Error::WatchFailed(refused()));
        gate.doubted().await;
    }
}
