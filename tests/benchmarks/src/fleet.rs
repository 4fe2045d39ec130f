//! The operator under the load that it is designed for: real etcd and kube-apiserver, a real operator, and hollow targets.
//!
//! ```text
//! floor ──▶ place ──▶ idle ──▶ change (one metric rises) ──▶ restart [──▶ compare (with an original Krake)]
//! ```
//!
//! Each figure stands beside one of the same run that no operator could beat, or that shows what the machine is like:
//! bare requests to the same kube-apiserver, the same operator with nothing to do, kube-controller-manager beside it.
//! All processes share the machine, so that the load of the targets and of kube-apiserver is in every figure.

mod census;
mod change;
mod compare;
mod floor;
mod idle;
mod instruments;
mod layout;
mod load;
mod place;
mod restart;
mod usage;
mod writes;

use std::time::Duration;

use anyhow::{Context, Result};
use krake_testbed::{
    binaries,
    fleet::{Fleet, FleetOptions},
    operator::Operator,
    scratch::Scratch,
};
use kube::Client;

use crate::{
    figure::{Figure, Sheet},
    hollow::Hollow,
};
use census::Census;
pub use compare::Comparison;
use compare::Original;
use floor::Floor;
use instruments::Instruments;
pub use layout::Scale;
use usage::Usage;

/// How long a new operator is left alone before its memory is looked at.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

/// What is measured, and what the measurements share.
struct Run<'a> {
    scale: &'a Scale,
    census: Census,
    /// What bare requests take.
    floor: Floor,
    /// What the operator used before there was anything to do.
    empty: Usage,
    http: reqwest::Client,
    client: Client,
    operator: Operator,
    hollow: Hollow,
    fleet: Fleet,
    // Last, so that the folder goes after the server that reads from it.
    _scratch: Scratch,
}

/// Measures everything and prints each figure as soon as it is known.
///
/// # Errors
/// When something does not start, there is nothing to compare with although there should be, or applications are not
/// placed. A later figure that cannot be measured is noted on the sheet, and the others are measured all the same.
pub async fn run(scale: &Scale, comparison: Option<&Comparison>, sheet: &mut Sheet) -> Result<()> {
    let original = match comparison {
        Some(comparison) => Some(Box::pin(Original::prepare(comparison, sheet)).await?),
        None => None,
    };
    let run = Box::pin(Run::start(scale, sheet)).await?;
    place::measure(&run, sheet).await.context("place the applications")?;
    if let Err(error) = idle::measure(&run, sheet).await {
        sheet.failed("idle operator", &error);
    }
    if let Err(error) = change::measure(&run, sheet).await {
        sheet.failed("metric change", &error);
    }
    if let Err(error) = restart::measure(&run, sheet).await {
        sheet.failed("restart", &error);
    }
    if let Ok(usage) = Usage::of(&run.operator.process) {
        sheet.print(&Figure::megabytes("operator memory, peak since the restart", usage.peak).bar("600 MB"));
    }
    if let Some(original) = original
        && let Err(error) = Box::pin(original.measure(&run, sheet)).await
    {
        sheet.failed("comparison with the original Krake", &error);
    }
    Ok(())
}

impl<'a> Run<'a> {
    async fn start(scale: &'a Scale, sheet: &Sheet) -> Result<Self> {
        binaries::build(&[binaries::OPERATOR]).await?;
        let progress = sheet.progress();
        let fleet = Fleet::start(FleetOptions { targets: 0, progress, ..FleetOptions::default() }).await?;
        let scratch = Scratch::new()?;
        let hollow = Hollow::start(scale.clusters, scratch.path()).await?;
        let client = fleet.management.client().await?;
        let floor = progress.step("bare requests", Floor::measure(&client, scale)).await?;
        let operator = progress.step("operator", fleet.start_operator_as_shipped("operator")).await?;
        tokio::time::sleep(SETTLED_AFTER).await;
        let empty = Usage::of(&operator.process)?;
        let census = Census::start(&client);
        let http = reqwest::Client::builder().no_proxy().build().context("build an HTTP client")?;
        Ok(Self { scale, census, floor, empty, http, client, operator, hollow, fleet, _scratch: scratch })
    }

    async fn instruments(&self) -> Result<Instruments> {
        Instruments::read(&self.http, self.operator.health_url()).await
    }
}
