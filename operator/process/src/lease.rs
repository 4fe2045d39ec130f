//! Leader election by a Kubernetes Lease: of all replicas that share a lease, at most one works at a time.
//!
//! Used by `assemble.rs`. The age of somebody else's lease is measured on our own monotonic clock from the moment
//! we saw it change, so clocks of different hosts are never compared. A leader that cannot renew stops before
//! others may start:
//!
//! ```text
//! renewed ──────────── 2/3 ttl ────────── ttl ──▶
//!   leading            │ work is stopped   │ others may take over
//! ```
//!
//! A write already on the wire may still land after that, so every write of a leader carries a precondition of
//! its own; the lease alone is no lock. Needs the verbs get, create and update on leases.

use std::{collections::BTreeMap, error::Error as StdError, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// The shortest pause between two attempts, so that an expiring lease cannot make the loop spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// How long a lease lasts and how often it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// After this time without a renewal others may take over. Two thirds of it must be longer than two renewals,
    /// so that one lost renewal does not cost the leadership.
    pub ttl: Duration,
    /// Time between two renewals, and the deadline of each.
    pub renew: Duration,
}

impl Default for Timing {
    /// 15 s and 3 s, client-go's figures rounded: a restarted API server does not cost the leadership, and a
    /// dead leader is replaced within a quarter of a minute.
    fn default() -> Self {
        Self { ttl: Duration::from_secs(15), renew: Duration::from_secs(3) }
    }
}

impl Timing {
    /// How long a leader trusts its last renewal.
    fn trust(self) -> Duration {
        self.ttl * 2 / 3
    }

    /// How long work may take to stop between our giving up and others taking over.
    fn grace(self) -> Duration {
        self.ttl.saturating_sub(self.trust())
    }
}

/// Why one attempt to take or renew the lease failed. The elector tries again by itself.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("reading the lease")]
    Read(#[source] kube::Error),
    #[error("writing the lease")]
    Write(#[source] kube::Error),
    #[error("no answer about the lease within {0:?}")]
    Deadline(Duration),
}

/// Whose the lease is after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Ours,
    Theirs,
    /// Somebody else wrote at the same moment; only the next attempt tells who.
    Contested,
}

/// What another holder last wrote, and when we first saw it.
struct Seen {
    holder: Option<String>,
    renewed: Option<MicroTime>,
    at: Instant,
}

/// One candidate for one lease.
#[derive(Clone, Debug)]
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    timing: Timing,
    /// Annotations of the lease while we hold it, and those that we take away.
    announcements: BTreeMap<String, Option<String>>,
    /// Whether another holder was seen to be alive.
    elsewhere: watch::Sender<bool>,
}

/// A holder identity for this process: the given name (the pod's, say) and a random suffix, so that a restarted
/// process never mistakes its predecessor's lease for its own.
#[must_use]
pub fn identity(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}

impl Elector {
    /// A candidate for the lease `name`, as `identity`, with the default [`Timing`].
    #[must_use]
    pub fn new(api: Api<Lease>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            api,
            name: name.into(),
            identity: identity.into(),
            timing: Timing::default(),
            announcements: BTreeMap::new(),
            elsewhere: watch::Sender::new(false),
        }
    }

    /// Becomes true when another holder has renewed the lease before our eyes: the work is done, by somebody else. A
    /// lease that a dead holder left behind says nothing of the kind.
    #[must_use]
    pub fn elsewhere(&self) -> watch::Receiver<bool> {
        self.elsewhere.subscribe()
    }

    /// The same candidate with another timing; all candidates should use the same.
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The same candidate, which says this about itself in an annotation of the lease, as long as it holds it. `None` takes
    /// away what a holder before it has left there.
    #[must_use]
    pub fn announcing(mut self, annotation: impl Into<String>, value: Option<String>) -> Self {
        self.announcements.insert(annotation.into(), value);
        self
    }

    /// Takes part in the election until stopped. `leading` is true only while we hold a lease that others respect;
    /// on stop it turns false and a held lease is released, so the work must have ended by then.
    pub async fn run(self, leading: watch::Sender<bool>, stop: CancellationToken) {
        let (mut seen, mut trusted_until) = (None, None);
        loop {
            let started = Instant::now();
            match self.attempt(&mut seen).await {
                Ok(Standing::Ours) => trusted_until = Some(started + self.timing.trust()),
                Ok(Standing::Theirs) => trusted_until = None,
                Ok(Standing::Contested) => {}
                Err(error) => {
                    tracing::warn!(lease = self.name, error = &error as &dyn StdError, "not renewed");
                }
            }
            let leads = trusted_until.is_some_and(|until| Instant::now() < until);
            if leading.send_if_modified(|was| std::mem::replace(was, leads) != leads) {
                tracing::info!(lease = self.name, identity = self.identity, leads, "leadership changed");
            }
            tokio::select! {
                () = sleep(self.pause(trusted_until)) => {}
                () = stop.cancelled() => {
                    leading.send_replace(false);
                    return self.let_go(leads).await;
                }
            }
        }
    }

    /// Until the next renewal, or until our trust ends if that is sooner.
    fn pause(&self, trusted_until: Option<Instant>) -> Duration {
        let left = trusted_until.map_or(self.timing.renew, |until| until.saturating_duration_since(Instant::now()));
        left.min(self.timing.renew).max(SHORTEST_PAUSE)
    }

    async fn attempt(&self, seen: &mut Option<Seen>) -> Result<Standing, Error> {
        let limit = self.timing.renew;
        timeout(limit, self.try_hold(seen)).await.unwrap_or(Err(Error::Deadline(limit)))
    }

    async fn try_hold(&self, seen: &mut Option<Seen>) -> Result<Standing, Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await.map_err(Error::Read)? else {
            let mut metadata = ObjectMeta { name: Some(self.name.clone()), ..Default::default() };
            self.announce(&mut metadata);
            let lease = Lease { metadata, spec: Some(self.taken(0)) };
            return standing(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.get_or_insert_default();
        if self.must_respect(spec, seen) {
            return Ok(Standing::Theirs);
        }
        if spec.holder_identity.as_deref() == Some(&self.identity) {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        } else {
            *spec = self.taken(spec.lease_transitions.unwrap_or(0).saturating_add(1));
        }
        self.announce(&mut lease.metadata);
        // The resource version we read is inside: whoever wrote in between makes this a conflict.
        standing(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    fn announce(&self, metadata: &mut ObjectMeta) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.retain(|annotation, _| !self.announcements.contains_key(annotation));
        let said = |(annotation, value): (&String, &Option<String>)| Some((annotation.clone(), value.clone()?));
        annotations.extend(self.announcements.iter().filter_map(said));
    }

    /// True while another holder's lease has changed within its own lifetime, as seen by our clock.
    fn must_respect(&self, spec: &LeaseSpec, seen: &mut Option<Seen>) -> bool {
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        let theirs = holder.as_ref().is_some_and(|holder| *holder != self.identity);
        if seen.as_ref().is_none_or(|seen| seen.holder != holder || seen.renewed != spec.renew_time) {
            let is_renewed = theirs && seen.as_ref().is_some_and(|seen| seen.holder == holder);
            self.elsewhere.send_if_modified(|was| is_renewed && !std::mem::replace(was, true));
            *seen = Some(Seen { holder: holder.clone(), renewed: spec.renew_time.clone(), at: Instant::now() });
        }
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let lifetime = seconds.map_or(self.timing.ttl, |seconds| Duration::from_secs(seconds.max(1)));
        theirs && seen.as_ref().is_some_and(|seen| seen.at.elapsed() < lifetime)
    }

    fn taken(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.timing.ttl.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..Default::default()
        }
    }

    /// Frees the lease for the next one. When that fails, the next one waits for the lease to expire.
    async fn let_go(&self, held: bool) {
        if !held {
            return;
        }
        let released = timeout(self.timing.renew, self.release()).await;
        if let Err(error) = released.unwrap_or(Err(Error::Deadline(self.timing.renew))) {
            tracing::warn!(lease = self.name, error = &error as &dyn StdError, "not released");
        }
    }

    async fn release(&self) -> Result<(), Error> {
        let mut lease = self.api.get(&self.name).await.map_err(Error::Read)?;
        let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity))
        else {
            return Ok(());
        };
        spec.holder_identity = None;
        if let Some(annotations) = lease.metadata.annotations.as_mut() {
            annotations.retain(|annotation, _| !self.announcements.contains_key(annotation));
        }
        self.api.replace(&self.name, &PostParams::default(), &lease).await.map(drop).map_err(Error::Write)
    }
}

fn standing(written: kube::Result<Lease>) -> Result<Standing, Error> {
    match written {
        Ok(_) => Ok(Standing::Ours),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(Standing::Contested),
        Err(error) => Err(Error::Write(error)),
    }
}

/// Runs `work` whenever this candidate leads, and never otherwise, until stopped.
///
/// The token given to `work` is cancelled when the lease is lost or the process stops; `work` should then end. On
/// a lost lease it is dropped unless it ends before others may take over, so it must not leave tasks behind that
/// outlive it. On stop it is awaited, while the lease is still renewed, and the lease is released afterwards: the
/// caller bounds how long a stop may take.
///
/// # Errors
/// The error of `work`, at once. Work that ends well without being asked ends the election too.
pub async fn while_leading<W, F, E>(elector: Elector, stop: CancellationToken, work: W) -> Result<(), E>
where
    W: FnMut(CancellationToken) -> F,
    F: Future<Output = Result<(), E>>,
{
    let grace = elector.timing.grace();
    let let_go = CancellationToken::new();
    let (sender, leading) = watch::channel(false);
    // A task of its own: busy work must not keep the lease from being renewed.
    let election = elector.run(sender, let_go.clone()).instrument(tracing::info_span!("lease"));
    let election = tokio::spawn(election);
    let _dropped_early = let_go.clone().drop_guard();
    let ended = Shift { leading, stop, grace }.repeat(work).await;
    let_go.cancel();
    if let Err(error) = election.await {
        tracing::error!(error = &error as &dyn StdError, "the election broke off");
    }
    ended
}

/// What starts and ends one turn of work.
struct Shift {
    leading: watch::Receiver<bool>,
    stop: CancellationToken,
    grace: Duration,
}

/// How one turn of work ended.
enum Turn<E> {
    Lost,
    Over(Result<(), E>),
}

impl Shift {
    async fn repeat<W, F, E>(mut self, mut work: W) -> Result<(), E>
    where
        W: FnMut(CancellationToken) -> F,
        F: Future<Output = Result<(), E>>,
    {
        while self.starts().await {
            let asked = self.stop.child_token();
            if let Turn::Over(ended) = self.turn(work(asked.clone()), &asked).await {
                return ended;
            }
        }
        Ok(())
    }

    /// Waits until we lead; false when the process stops first.
    async fn starts(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            announced = becomes(&mut self.leading, true) => announced,
        }
    }

    async fn turn<E>(&mut self, work: impl Future<Output = Result<(), E>>, asked: &CancellationToken) -> Turn<E> {
        tokio::pin!(work);
        tokio::select! {
            ended = &mut work => return Turn::Over(ended),
            () = self.stop.cancelled() => return Turn::Over(work.await),
            // A closed channel means that nobody renews any more: as good as lost.
            _ = becomes(&mut self.leading, false) => {}
        }
        asked.cancel();
        match timeout(self.grace, work).await {
            Ok(Err(error)) => Turn::Over(Err(error)),
            Ok(Ok(())) => Turn::Lost,
            Err(_) => {
                tracing::warn!("work did not end in time and was dropped");
                Turn::Lost
            }
        }
    }
}

/// Waits for the wanted value; false when nobody can announce it any more.
async fn becomes(leading: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    leading.wait_for(|leads| *leads == wanted).await.is_ok()
}

#[cfg(test)]
mod tests;
