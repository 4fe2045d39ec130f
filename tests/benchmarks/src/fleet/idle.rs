//! The operator with everything in place and nothing to do.

use anyhow::{Context, Result};

use super::{
    Run,
    change::wait_for_dwell,
    usage::Usage,
    writes::{self, Writes},
};
use crate::figure::{Figure, Sheet, megabytes};

/// Waits until nothing is written any more, then watches for as long as the scale says.
pub(super) async fn measure(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    // An application that may move for the first time is looked at once more.
    wait_for_dwell(run, sheet).await;
    let etcd = &run.fleet.management.etcd;
    writes::quiet(etcd, run.scale.patience(), sheet).await.context("wait until the system is quiet")?;
    let neighbour = || Usage::of(&run.fleet.management.controller_manager);
    let operator = || Usage::of(&run.operator.process);
    let (before, written) = ((operator()?, neighbour()?), Writes::read(etcd).await?);
    let idle = run.scale.idle;
    sheet.progress().say(&format!("    … watching the idle operator for {} s", idle.as_secs()));
    tokio::time::sleep(idle).await;
    let (after, writes) = ((operator()?, neighbour()?), Writes::read(etcd).await?.since(written));
    let percent = |before: Usage, after: Usage| {
        let busy = after.cpu.saturating_sub(before.cpu);
        100.0 * busy.as_secs_f64() / idle.as_secs_f64()
    };
    let cpu = Figure::new("idle operator, time on a core", percent(before.0, after.0), "%").bar("2 %");
    sheet.print(&cpu.compared("of kube-controller-manager meanwhile", percent(before.1, after.1)));
    sheet.print(&Figure::new("idle operator, writes but Leases", writes.into(), "writes").bar("0"));
    if writes > 0 {
        sheet.progress().say(&format!("    … written: {}", writes::explain(etcd, written).await?));
    }
    let empty = megabytes(run.empty.resident);
    let [rest, peak] = [("at rest", after.0.resident), ("peak", after.0.peak)]
        .map(|(when, bytes)| Figure::megabytes(format!("operator memory, {when}"), bytes).bar("600 MB"));
    sheet.print(&rest.compared("with nothing registered", empty));
    sheet.print(&peak.compared("with nothing registered", empty));
    Ok(())
}
