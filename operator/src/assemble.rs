//! The one place that names every controller: builds what they share, and runs them while the Lease is held.

use std::{convert::Infallible, sync::Arc, time::Duration};

use krake_operator_collector as garbage_collector;
use krake_operator_controllers::{application, cloud_scheduler, cluster, placement, scheduler};
use krake_operator_loops::{Context, Given, Instruments, Settings, safety};
use krake_operator_process::{
    admin::{self, Admin},
    lease::{self, Elector},
    management,
    readiness::Readiness,
    server::{self, Server},
};
use kube::{Api, Client};
use prometheus_client::registry::Registry;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    api::{self, Api as OwnApi, Leading},
    args::{Api as ApiArgs, ApiAddress, Args, Controller},
};

/// Name of the Lease, and of the operator in Events.
const NAME: &str = "krake-operator";

/// How long running reconciles may take to end when the process is asked to: less than the grace of a pod.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the operator ended without being asked.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Error {
    #[error("connecting to the management cluster")]
    Management(#[source] management::Error),
    #[error("serving health and instruments")]
    Admin(#[source] admin::Error),
    #[error("serving the API")]
    Api(#[source] server::Error),
    #[error("{0} ended without being asked")]
    Ended(&'static str),
    #[error("a task broke off")]
    Broken(#[source] JoinError),
}

/// Runs the chosen controllers until `stop`, whenever this process holds the Lease.
pub(crate) async fn run(args: Args, settings: Settings, stop: CancellationToken) -> Result<(), Error> {
    let client = management::client(args.management.kubeconfig.as_deref()).await.map_err(Error::Management)?;
    let mut registry = Registry::with_prefix("krake_operator");
    let operator = Operator {
        instruments: Instruments::register(&mut registry),
        readiness: Readiness::new(),
        leading: Leading::default(),
        client: client.clone(),
        args,
        settings,
    };
    let address = operator.args.health_address;
    let admin = Admin::bind(address, operator.readiness.clone(), Arc::new(registry)).await.map_err(Error::Admin)?;
    let served = api(&operator.args.api).await?;
    let leases = Api::namespaced(client, &operator.args.management.namespace);
    let elector = Elector::new(leases, NAME, lease::identity(&operator.args.management.pod_name))
        .announcing(api::ANNOTATION, served.as_ref().and_then(|server| told(server, &operator.args.api)));
    let leading = lease::while_leading(elector, stop.clone(), |term| operator.lead(term));
    tokio::select! {
        ended = leading => ended,
        ended = admin.run(CancellationToken::new()) => ended.map_err(Error::Admin),
        broken = operator.serve(served) => match broken {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}

/// What serves the API, unless it is turned off.
async fn api(args: &ApiArgs) -> Result<Option<Server>, Error> {
    let ApiAddress::At(address) = args.api_address else { return Ok(None) };
    Server::bind(address).await.map(Some).map_err(Error::Api)
}

/// Where others reach the API.
fn told(server: &Server, args: &ApiArgs) -> Option<String> {
    let address = api::advertised(server.address(), args.api_advertise);
    if let Some(address) = &address {
        tracing::info!(address, "serving the API");
    } else {
        tracing::warn!(address = %server.address(), "serving the API, but nobody is told where: set POD_IP");
    }
    address
}

struct Operator {
    client: Client,
    leading: Leading,
    instruments: Instruments,
    readiness: Readiness,
    args: Args,
    settings: Settings,
}

impl Operator {
    /// Answers whoever asks, as long as the process lives.
    async fn serve(&self, server: Option<Server>) -> Result<Infallible, Error> {
        if let Some(server) = server {
            let router = OwnApi::new(self.leading.clone(), self.client.clone()).router();
            server.run(router, CancellationToken::new()).await.map_err(Error::Api)?;
        }
        std::future::pending().await
    }

    /// One term of leadership: starts from nothing, works until `term` is cancelled, leaves nothing behind.
    async fn lead(&self, term: CancellationToken) -> Result<(), Error> {
        let waiting = self.readiness.hold("caches");
        let (context, caches) = Context::start(self.given(), term.clone());
        let context = Arc::new(context);
        let _answering = self.leading.begin(context.clone());
        // Dropping the set aborts every task in it, so nothing works on when this future is dropped.
        let mut tasks = JoinSet::new();
        tasks.spawn(named("the caches", caches));
        let synced = context.clone();
        tasks.spawn(named("the readiness", async move {
            if synced.synced().await {
                waiting.release();
            }
            synced.stop.cancelled().await;
        }));
        // Whatever runs must be within the budgets, and say so.
        tasks.spawn(named("the safety policies", safety::run(context.clone())));
        for controller in &self.args.controllers {
            start(*controller, context.clone(), &mut tasks);
        }
        tokio::select! {
            () = term.cancelled() => drain(tasks).await,
            Some(ended) = tasks.join_next() => match ended {
                Ok(_) if term.is_cancelled() => drain(tasks).await,
                Ok(name) => Err(Error::Ended(name)),
                Err(error) => Err(Error::Broken(error)),
            }
        }
    }

    fn given(&self) -> Given {
        Given {
            client: self.client.clone(),
            instance: self.args.management.pod_name.clone(),
            instruments: self.instruments.clone(),
            settings: self.settings.clone(),
        }
    }
}

/// Lets running reconciles end; what does not end in time is aborted with the set.
async fn drain(mut tasks: JoinSet<&'static str>) -> Result<(), Error> {
    let ended = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!("reconciles still running were cut off");
    }
    Ok(())
}

fn start(controller: Controller, context: Arc<Context>, tasks: &mut JoinSet<&'static str>) {
    match controller {
        Controller::Scheduler => {
            tasks.spawn(named("the scheduler", scheduler::run(context.clone())));
            tasks.spawn(named("the scheduler of clusters", cloud_scheduler::run(context)))
        }
        Controller::Application => tasks.spawn(named("the application controller", application::run(context))),
        Controller::Placement => tasks.spawn(named("the placement controller", placement::run(context))),
        Controller::Cluster => tasks.spawn(named("the cluster controller", cluster::run(context))),
        Controller::Metrics => tasks.spawn(named("the metrics controller", krake_operator_metrics::run(context))),
        Controller::GarbageCollector => tasks.spawn(named("the garbage collector", garbage_collector::run(context))),
    };
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.instrument(tracing::info_span!("task", name)).await;
    name
}
