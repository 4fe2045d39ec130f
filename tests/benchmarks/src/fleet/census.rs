//! Where every application is, as a watch of the Kubernetes API tells it, with the moment at which it was told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use futures::StreamExt;
use krake_crds::{kubernetes::Application, reference::ObjectReference};
use kube::{
    Api, Client, ResourceExt,
    api::ApiResource,
    core::Object,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde::{Deserialize, de::IgnoredAny};
use tokio::task::JoinSet;

use crate::figure::{Pulse, Sheet};

/// How often a wait looks. What it finds is told with the time of the event, not of the look.
const LOOK: Duration = Duration::from_millis(50);

/// As little of an application as must be read, because this process shares the machine with what it measures.
type Watched = Object<IgnoredAny, Status>;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: Option<String>,
    scheduled_to: Option<ObjectReference>,
    running_on: Option<ObjectReference>,
}

/// Namespace and name of an application.
pub(super) type Key = (String, String);

/// One application.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The cluster in `status.scheduledTo`, since when.
    pub(super) scheduled: (Option<String>, Instant),
    /// The cluster in `status.runningOn` while the state is RUNNING, since when.
    pub(super) running: (Option<String>, Instant),
}

/// All applications.
pub(super) type Table = BTreeMap<Key, Seen>;

/// Keeps the table as long as it lives.
pub(super) struct Census {
    table: Arc<Mutex<Table>>,
    _watch: JoinSet<()>,
}

impl Census {
    /// Starts to watch.
    pub(super) fn start(client: &Client) -> Self {
        let table: Arc<Mutex<Table>> = Arc::default();
        let api: Api<Watched> = Api::all_with(client.clone(), &ApiResource::erase::<Application>(&()));
        let mut watch = JoinSet::new();
        watch.spawn(keep(api, table.clone()));
        Self { table, _watch: watch }
    }

    /// Gives what `look` makes of the table.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(&self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `look` is satisfied; while it is not, it says what is still missing.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        sheet: &Sheet,
        look: impl Fn(&Table) -> Result<T, String>,
    ) -> Result<T> {
        let (deadline, mut pulse) = (Instant::now() + within, Pulse::default());
        loop {
            let missing = match self.look(&look) {
                Ok(found) => return Ok(found),
                Err(missing) => missing,
            };
            if Instant::now() > deadline {
                bail!("not within {} s: {what}: {missing}", within.as_secs());
            }
            pulse.say(sheet.progress(), || missing);
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn keep(api: Api<Watched>, table: Arc<Mutex<Table>>) {
    let events = watcher(api, watcher::Config::default()).default_backoff();
    events
        .for_each(|event| {
            let now = Instant::now();
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => note(&mut table, object, now),
                Ok(Event::Delete(object)) => drop(table.remove(&key(&object))),
                // What was missed meanwhile is told by the list that follows.
                Ok(Event::Init | Event::InitDone) | Err(_) => {}
            }
            std::future::ready(())
        })
        .await;
}

fn key(object: &Watched) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn note(table: &mut Table, object: Watched, now: Instant) {
    let seen = table.entry(key(&object)).or_insert_with(|| Seen { scheduled: (None, now), running: (None, now) });
    let Status { state, scheduled_to, running_on } = object.status.unwrap_or_default();
    let is_running = state.as_deref() == Some("RUNNING");
    renew(&mut seen.scheduled, scheduled_to.map(|cluster| cluster.name), now);
    renew(&mut seen.running, running_on.map(|cluster| cluster.name).filter(|_| is_running), now);
}

fn renew(slot: &mut (Option<String>, Instant), value: Option<String>, now: Instant) {
    if slot.0 != value {
        *slot = (value, now);
    }
}

/// The median and the last of some moments, counted from a beginning.
pub(super) fn spread(start: Instant, moments: impl IntoIterator<Item = Instant>) -> Option<[Duration; 2]> {
    let mut moments: Vec<Instant> = moments.into_iter().collect();
    moments.sort_unstable();
    let [median, last] = [moments.get(moments.len() / 2)?, moments.last()?];
    Some([median, last].map(|moment| moment.saturating_duration_since(start)))
}
