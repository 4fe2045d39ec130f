//! Builds the facade from its parts and runs them: the one place that names all tasks.

mod synchronise;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use krake_facade_store::{Config, Error as StoreError, Hub, Store};
use krake_facade_transport::tls::{self, Tls};
use krake_operator_process::admin::{self, Admin};
use krake_operator_process::management;
use krake_operator_process::readiness::Readiness;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::synchronise::Synchronise;
use crate::authn::{self, Authentication};
use crate::authz::Authorizer;
use crate::cors::AllowedOrigin;
use crate::instruments::Instruments;
use crate::operator::{BuildClient, Operator, Token};
use crate::problem::Documentation;
use crate::resource::{Resource, Shared};
use crate::router::{Resources, Surroundings, router};
use crate::served::Served;
use crate::settings::{self, Settings};

/// How long requests under way may take to end: less than the grace of a pod.
const DRAIN: Duration = Duration::from_secs(10);
/// How often etcd is asked whether it is there. A read of nothing.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// Why the facade ended without being asked.
#[derive(thiserror::Error, Debug)]
pub(crate) enum Error {
    #[error("preparing the connection to etcd")]
    Store(#[source] StoreError),
    #[error("connecting to the management cluster")]
    Management(#[source] management::Error),
    #[error("preparing authentication")]
    Authentication(#[source] authn::Error),
    #[error("preparing to ask the operator")]
    Operator(#[source] BuildClient),
    #[error("preparing HTTPS")]
    Tls(#[source] tls::Error),
    #[error("detaching the objects")]
    Detach(#[source] krake_facade_sync::error::Error),
    #[error("binding the address of the REST API")]
    Bind(#[source] std::io::Error),
    #[error("serving health and instruments")]
    Admin(#[source] admin::Error),
    #[error("{0} ended without being asked")]
    Ended(&'static str),
    #[error("a task broke off")]
    Broken(#[source] JoinError),
}

/// Runs the facade until `stop`.
pub(crate) async fn run(settings: Settings, stop: CancellationToken) -> Result<(), Error> {
    let mut registry = Registry::with_prefix("krake_api_facade");
    let is_used = settings.management.sync || settings.authentication.token_review;
    let management = if is_used { Some(management(&settings.management).await?) } else { None };
    let authentication =
        Authentication::new(&settings.authentication, management.clone()).map_err(Error::Authentication)?;
    let management = management.filter(|_| settings.management.sync);
    let facade = Facade {
        store: store(&settings).await?,
        authentication,
        operator: operator(management.as_ref(), &settings.management).await?,
        management,
        tls: tls(&settings.api).await?,
        instruments: Instruments::register(&mut registry),
        readiness: Readiness::new(),
        stop,
        settings,
    };
    let synchronise = facade.synchronise(&mut registry);
    let admin = Admin::bind(facade.settings.health_address, facade.readiness.clone(), Arc::new(registry));
    let admin = admin.await.map_err(Error::Admin)?;
    let listener = TcpListener::bind(facade.settings.api.listen).await.map_err(Error::Bind)?;
    tokio::select! {
        ended = facade.run(listener, synchronise) => ended,
        ended = admin.run(CancellationToken::new()) => ended.map_err(Error::Admin),
    }
}

/// Takes our finalizer off every object, so that nothing is stuck when the facade is gone; gives how many had it.
pub(crate) async fn detach(settings: &settings::Management) -> Result<usize, Error> {
    krake_facade_sync::detach(&management(settings).await?).await.map_err(Error::Detach)
}

async fn management(settings: &settings::Management) -> Result<Client, Error> {
    management::client(settings.kubeconfig.as_deref()).await.map_err(Error::Management)
}

/// The operator that works on the same custom resources.
async fn operator(client: Option<&Client>, settings: &settings::Management) -> Result<Option<Arc<Operator>>, Error> {
    let Some(client) = client else { return Ok(None) };
    let config = management::config(settings.kubeconfig.as_deref()).await.map_err(Error::Management)?;
    let operator = Operator::new(client.clone(), &settings.namespace, Token::of(&config)).map_err(Error::Operator)?;
    Ok(Some(operator.into()))
}

/// The database; it may be down.
pub(crate) async fn store(settings: &Settings) -> Result<Store, Error> {
    let config = Config {
        endpoints: settings.etcd.endpoints.clone(),
        tombstones: settings.management.sync,
        call_timeout: settings.etcd.timeout,
    };
    Store::connect(config).await.map_err(Error::Store)
}

async fn tls(settings: &settings::Api) -> Result<Option<Arc<Tls>>, Error> {
    let Some(files) = settings.tls.clone() else { return Ok(None) };
    Ok(Some(Tls::load(files).await.map_err(Error::Tls)?.into()))
}

/// What the tasks are made of.
struct Facade {
    store: Store,
    authentication: Authentication,
    /// The management cluster, if there is a sync.
    management: Option<Client>,
    operator: Option<Arc<Operator>>,
    tls: Option<Arc<Tls>>,
    instruments: Instruments,
    readiness: Readiness,
    stop: CancellationToken,
    settings: Settings,
}

impl Facade {
    fn synchronise(&self, registry: &mut Registry) -> Option<Synchronise> {
        let client = self.management.clone()?;
        let instruments = krake_facade_sync::Instruments::register(registry);
        Some(Synchronise::new(client, self.store.clone(), instruments, &self.readiness, &self.settings.management))
    }

    async fn run(&self, listener: TcpListener, synchronise: Option<Synchronise>) -> Result<(), Error> {
        // Dropping the set aborts every task in it. Tasks end well only when asked to.
        let mut tasks = JoinSet::new();
        let probing = probe(self.store.clone(), self.readiness.clone(), self.stop.clone());
        tasks.spawn(named("the probe of etcd", probing));
        let authorizer = Authorizer::new(self.settings.authorization, self.store.clone());
        let mut kinds = Kinds { facade: self, tasks: &mut tasks, authorizer: &authorizer };
        let app = router(&mut kinds, &authorizer, self.surroundings());
        tasks.spawn(named("the REST API", serve(listener, app, self.tls.clone(), self.stop.clone())));
        if let Some(tls) = self.tls.clone() {
            let stop = self.stop.clone();
            tasks.spawn(named("the certificates", async move { tls.follow(tls::LOOK_INTERVAL, stop).await }));
        }
        if let Some(synchronise) = synchronise {
            tasks.spawn(named("the sync", synchronise.run(self.stop.clone())));
        }
        tokio::select! {
            ended = supervise(tasks, &self.stop) => ended,
            never = leave(self.readiness.clone(), self.stop.clone()) => match never {},
        }
    }

    fn surroundings(&self) -> Surroundings {
        let api = &self.settings.api;
        if api.cors_origin == "*" {
            tracing::info!("web pages of any origin may call the API");
        }
        Surroundings {
            authentication: self.authentication.clone(),
            allowed_origin: AllowedOrigin::new(&api.cors_origin),
            documentation: Documentation { base_url: api.problem_base_url.as_str().into() },
            instruments: self.instruments.clone(),
        }
    }
}

/// Starts what serves each kind.
struct Kinds<'a> {
    facade: &'a Facade,
    tasks: &'a mut JoinSet<&'static str>,
    authorizer: &'a Authorizer,
}

impl Resources for Kinds<'_> {
    fn resource<K: Served>(&mut self) -> Resource<K> {
        let Facade { store, settings, management, operator, instruments, stop, .. } = self.facade;
        let hub = Hub::new(store.clone());
        let (running, ends) = (hub.clone(), stop.clone());
        self.tasks.spawn(named(K::PLURAL, async move { running.run(ends).await }));
        let shared = Shared {
            store: store.clone(),
            authorizer: self.authorizer.clone(),
            retry_transactions: settings.etcd.retry_transactions,
            management: management.clone(),
            operator: operator.clone(),
            instruments: instruments.clone(),
            stop: stop.clone(),
        };
        Resource { shared, hub }
    }
}

async fn serve(listener: TcpListener, app: axum::Router, tls: Option<Arc<Tls>>, stop: CancellationToken) {
    let scheme = if tls.is_some() { "https" } else { "http" };
    match listener.local_addr() {
        Ok(address) => tracing::info!(scheme, %address, "serving the REST API"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "serving at an unknown address"),
    }
    krake_facade_transport::serve(listener, app, tls, stop, DRAIN).await;
}

/// Keeps the process unready while etcd does not answer.
async fn probe(store: Store, readiness: Readiness, stop: CancellationToken) {
    let mut away = Some(readiness.hold("etcd"));
    loop {
        match store.newest_revision().await {
            Ok(_) => away = None,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "etcd does not answer");
                away.get_or_insert_with(|| readiness.hold("etcd"));
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(PROBE_INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Keeps the process unready from the moment it is asked to end, so that nobody is sent to it while it still serves what
/// it has begun.
async fn leave(readiness: Readiness, stop: CancellationToken) -> Infallible {
    stop.cancelled().await;
    let _leaving = readiness.hold("the end of the process");
    std::future::pending().await
}

/// Waits until all tasks have ended after `stop`; one that ends before is a failure.
async fn supervise(mut tasks: JoinSet<&'static str>, stop: &CancellationToken) -> Result<(), Error> {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(_) if stop.is_cancelled() => {}
            Ok(name) => return Err(Error::Ended(name)),
            Err(error) => return Err(Error::Broken(error)),
        }
    }
    Ok(())
}

async fn named(name: &'static str, work: impl Future<Output = ()>) -> &'static str {
    work.instrument(tracing::info_span!("task", name)).await;
    name
}
