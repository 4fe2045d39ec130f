//! The operator is stopped and started again with everything in place.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{
    Run, floor,
    writes::{self, Writes},
};
use crate::figure::{Figure, Pulse, Sheet, number};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long nothing may be written until the operator is taken as steady.
const QUIET: Duration = Duration::from_secs(5);

/// Prints how long it took until the operator was ready, and until it had looked at everything and wrote no more.
pub(super) async fn measure(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    let etcd = &run.fleet.management.etcd;
    writes::quiet(etcd, run.scale.patience(), sheet).await.context("wait until the system is quiet")?;
    let bare = floor::read_everything(&run.client).await?.as_secs_f64();
    let before = Writes::read(etcd).await?;
    run.operator.stop().await?;
    let reads = run.hollow.reads();
    let start = Instant::now();
    run.operator.start_again().await?;
    let started = Figure::seconds("restart, until ready", start.elapsed());
    sheet.print(&started.compared("to only read every object", bare));
    let steady = steady(run, sheet, start, reads).await?;
    let figure = Figure::seconds("restart, until steady", steady).bar("30 s");
    sheet.print(&figure.compared("to only read every object", bare));
    let written = Writes::read(etcd).await?.since(before);
    sheet.print(&Figure::new("restart, writes but Leases", written.into(), "writes").bar("0"));
    if written > 0 {
        sheet.progress().say(&format!("    … written: {}", writes::explain(etcd, before).await?));
    }
    Ok(())
}

/// When the scheduler and the application controller had looked at every application, every applied object had been read
/// from its target, and the last write was done.
async fn steady(run: &Run<'_>, sheet: &Sheet, start: Instant, reads: u64) -> Result<Duration> {
    let (etcd, applications) = (&run.fleet.management.etcd, number(run.scale.applications));
    let (mut last_change, mut written) = (Instant::now(), Writes::read(etcd).await?);
    let mut pulse = Pulse::default();
    while start.elapsed() < run.scale.patience() {
        let instruments = run.instruments().await?;
        let looks = ["scheduler", "application"].map(|controller| instruments.looks(controller));
        let read = run.hollow.reads().saturating_sub(reads);
        let missing = looks.iter().any(|looks| *looks < applications)
            || usize::try_from(read).is_ok_and(|read| read < run.scale.applications);
        let now = Writes::read(etcd).await?;
        if missing || now.since(written) > 0 {
            (last_change, written) = (Instant::now(), now);
        } else if last_change.elapsed() > QUIET {
            return Ok(last_change.saturating_duration_since(start));
        }
        pulse.say(sheet.progress(), || format!("{looks:?} looks, {read} objects read"));
        tokio::time::sleep(LOOK).await;
    }
    bail!("not steady within {} s", run.scale.patience().as_secs())
}
