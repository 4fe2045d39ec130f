//! From nothing to a full fleet: clusters are registered, then applications are created as fast as the API takes them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use krake_crds::kubernetes::{Cluster, cluster::ClusterState};
use kube::{Api, api::ListParams};

use super::{
    Run,
    census::{Seen, Table, spread},
    floor::namespace,
    load,
    usage::Usage,
    writes::Writes,
};
use crate::figure::{Figure, Pulse, Sheet, number};

/// How often a wait for clusters looks; the list of all clusters is not small.
const LOOK: Duration = Duration::from_secs(1);

/// Registers everything, waits until all runs, and prints how long that took.
pub(super) async fn measure(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    register(run, sheet).await.context("register the clusters")?;
    let etcd = &run.fleet.management.etcd;
    let busy = || anyhow::Ok((Usage::of(&run.operator.process)?.cpu, Usage::of(&run.fleet.management.api_server)?.cpu));
    let (busy_before, written) = (busy()?, Writes::read(etcd).await?);
    let (count, start) = (run.scale.applications, Instant::now());
    let applications = (0..count).map(|number| run.scale.application(number));
    let wait = async {
        let placed = |table: &Table| all(table, count, start, "have a place", |seen| &seen.scheduled);
        let placed = run.census.until("all applications have a place", run.scale.patience(), sheet, placed).await?;
        let running = |table: &Table| all(table, count, start, "run", |seen| &seen.running);
        let running = run.census.until("all applications run", run.scale.patience(), sheet, running).await?;
        anyhow::Ok((placed, running))
    };
    let create = async {
        load::create_all(&run.client, applications).await?;
        anyhow::Ok(start.elapsed())
    };
    let (created, ([_, placed], [_, running])) = futures::try_join!(create, wait)?;
    let bare = run.floor.create * number(count);
    let print = |what: &str, took: Duration| {
        let figure = Figure::seconds(format!("{count} new applications {what}"), took);
        sheet.print(&figure.compared("to only create as many", bare));
    };
    print("created", created);
    print("placed", placed);
    print("running", running);
    let (busy_after, written) = (busy()?, Writes::read(etcd).await?.since(written));
    let operator = busy_after.0.saturating_sub(busy_before.0);
    let api_server = busy_after.1.saturating_sub(busy_before.1).as_secs_f64();
    let figure = Figure::seconds(format!("{count} new applications, operator's time on a core"), operator);
    sheet.print(&figure.compared("of kube-apiserver meanwhile", api_server));
    let each = f64::from(written) / number(count);
    sheet.print(&Figure::new(format!("{count} new applications, writes for each"), each, "writes"));
    Ok(())
}

/// When all applications had what is asked about, or how many have it.
fn all(
    table: &Table,
    count: usize,
    start: Instant,
    what: &str,
    of: impl Fn(&Seen) -> &(Option<String>, Instant),
) -> Result<[Duration; 2], String> {
    let moments: Vec<Instant> = table.values().map(of).filter(|slot| slot.0.is_some()).map(|slot| slot.1).collect();
    let so_far = format!("{} of {count} applications {what}", moments.len());
    if moments.len() < count { Err(so_far) } else { spread(start, moments).ok_or(so_far) }
}

async fn register(run: &Run<'_>, sheet: &Sheet) -> Result<()> {
    let (scale, client) = (run.scale, &run.client);
    load::create_all(client, scale.namespaces().map(|name| namespace(&name))).await?;
    load::create_all(client, scale.metrics()).await?;
    let start = Instant::now();
    let documents = (0..scale.clusters).flat_map(|n| scale.cluster(n, &run.hollow.kubeconfig(n)));
    // Secrets first: a Cluster without its Secret would be looked at in vain.
    let (secrets, clusters): (Vec<_>, Vec<_>) = documents.partition(|document| document["kind"] == "Secret");
    load::create_all(client, secrets).await?;
    load::create_all(client, clusters).await?;
    let created = start.elapsed();
    let (deadline, mut pulse) = (Instant::now() + scale.patience(), Pulse::default());
    let api: Api<Cluster> = Api::all(client.clone());
    loop {
        let list = api.list(&ListParams::default()).await.context("list the clusters")?;
        let is_online = |cluster: &&Cluster| {
            cluster.status.as_ref().is_some_and(|status| status.state == Some(ClusterState::Online))
        };
        let online = list.items.iter().filter(is_online).count();
        if online == scale.clusters {
            break;
        }
        let other = list.items.iter().find(|cluster| !is_online(cluster)).and_then(|cluster| cluster.status.as_ref());
        let seen = || anyhow!("{online} of {} clusters are ONLINE, another one says {other:?}", scale.clusters);
        ensure!(Instant::now() < deadline, "{:#}", seen());
        pulse.say(sheet.progress(), || format!("{online} of {} clusters are ONLINE", scale.clusters));
        tokio::time::sleep(LOOK).await;
    }
    let figure = Figure::seconds(format!("{} clusters registered until ONLINE", scale.clusters), start.elapsed());
    sheet.print(&figure.compared("to only create them and their Secrets", created.as_secs_f64()));
    Ok(())
}
