//! One metric rises: how long until every application that must move has its new place, and runs there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use krake_crds::core::GlobalMetricsProvider;
use kube::{
    Api,
    api::{Patch, PatchParams},
};

use super::{
    Run,
    census::{Key, Table, spread},
    instruments::Instruments,
    layout::{PROVIDER, application_key},
};
use crate::figure::{Figure, Sheet, number};

/// How long an application stays where it was put, whatever the metrics say: the operator's default, and a little more.
const DWELL: Duration = Duration::from_secs(62);

/// How long the decisions may take before the figure is given up.
const DECIDED_WITHIN: Duration = Duration::from_mins(2);

/// How often the instruments are asked.
const LOOK: Duration = Duration::from_millis(50);

/// Where each application that must move may go.
type Moves = BTreeMap<Key, Vec<String>>;

/// Waits until applications may move, changes the metric, and prints how long they took.
pub(super) async fn measure(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    wait_for_dwell(run, sheet).await;
    let moves = run.census.look(|table| moves(run, table));
    ensure!(!moves.is_empty(), "no application would move");
    let before = run.instruments().await?;
    let (decisions, writes) = (before.new_places(), before.status_writes("scheduler"));
    let providers: Api<GlobalMetricsProvider> = Api::all(run.client.clone());
    let start = Instant::now();
    let patch = Patch::Merge(run.scale.rising().patch());
    providers.patch(PROVIDER, &PatchParams::default(), &patch).await.context("change the provider")?;

    let (count, bare) = (moves.len(), run.floor.patch * number(moves.len()));
    let scheduled = run.census.until("all that must move have a new place", DECIDED_WITHIN, sheet, |table| {
        arrived(table, &moves, start, Slot::Scheduled)
    });
    let decided = until(run, start, |now| now.new_places() >= decisions + number(count));
    let written = until(run, start, |now| now.status_writes("scheduler") >= writes + number(count));
    let (decided, written, scheduled) = futures::join!(decided, written, scheduled);
    let figure = Figure::seconds(format!("metric change, {count} new places decided"), decided?);
    sheet.print(&figure.bar("2 s").compared("to only write as many", bare));
    let print = |what: &str, took| {
        let figure = Figure::seconds(format!("metric change, {count} new places {what}"), took);
        sheet.print(&figure.compared("to only write as many", bare));
    };
    print("written", written?);
    let [median, last] = scheduled?;
    print("half seen by a watch", median);
    print("all seen by a watch", last);

    let running = run.census.until("all that must move run at their new place", run.scale.patience(), sheet, |table| {
        arrived(table, &moves, start, Slot::Running)
    });
    let [_, last] = running.await?;
    let figure = Figure::seconds(format!("metric change, {count} applications run at their new place"), last);
    sheet.print(&figure.compared("to only write as many", bare));
    let needless = run.census.look(|table| needless(table, &moves, start));
    sheet
        .print(&Figure::new("metric change, applications that moved without need", number(needless), "moves").bar("0"));
    Ok(())
}

/// Waits until every application may be moved again.
pub(super) async fn wait_for_dwell(run: &Run<'_>, sheet: &Sheet) {
    let last = run.census.look(|table| table.values().map(|seen| seen.scheduled.1).max());
    let left = last.map(|moment| DWELL.saturating_sub(moment.elapsed())).unwrap_or_default();
    if !left.is_zero() {
        sheet.progress().say(&format!("    … waiting {} s until applications may move again", left.as_secs()));
        tokio::time::sleep(left).await;
    }
}

fn moves(run: &Run<'_>, table: &Table) -> Moves {
    let rising = run.scale.rising();
    let places =
        (0..run.scale.applications).map(|number| (application_key(run.scale, number), rising.places_of(number)));
    let must_move = |(key, places): &(Key, Vec<String>)| {
        let place = table.get(key).and_then(|seen| seen.scheduled.0.as_ref());
        !places.is_empty() && !place.is_some_and(|place| places.contains(place))
    };
    places.filter(must_move).collect()
}

/// What of an application is looked at.
#[derive(Clone, Copy)]
enum Slot {
    Scheduled,
    Running,
}

/// When half and when all of those that must move have arrived, or how many have.
fn arrived(table: &Table, moves: &Moves, start: Instant, slot: Slot) -> Result<[Duration; 2], String> {
    let arrival = |(key, places): (&Key, &Vec<String>)| {
        let seen = table.get(key)?;
        let (place, since) = match slot {
            Slot::Scheduled => &seen.scheduled,
            Slot::Running => &seen.running,
        };
        place.as_ref().is_some_and(|place| places.contains(place)).then_some(*since)
    };
    let moments: Vec<Instant> = moves.iter().filter_map(arrival).collect();
    let so_far = format!("{} of {} have arrived", moments.len(), moves.len());
    if moments.len() < moves.len() { Err(so_far) } else { spread(start, moments).ok_or(so_far) }
}

/// How many applications got another place although theirs is as good as before.
fn needless(table: &Table, moves: &Moves, start: Instant) -> usize {
    let meant: BTreeSet<&Key> = moves.keys().collect();
    table.iter().filter(|(key, seen)| seen.scheduled.1 > start && !meant.contains(key)).count()
}

/// When the operator's instruments first show something.
async fn until(run: &Run<'_>, start: Instant, shows: impl Fn(&Instruments) -> bool) -> Result<Duration> {
    while start.elapsed() < DECIDED_WITHIN {
        if shows(&run.instruments().await?) {
            return Ok(start.elapsed());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the scheduler was not done within {} s", DECIDED_WITHIN.as_secs())
}
