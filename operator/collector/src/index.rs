//! Who depends on whom, over all kinds.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt, StreamExt, future};
use krake_crds::{
    finalizer, identity,
    kubernetes::{Application, Cluster},
    reference::{ObjectReference, Owner},
};
use krake_operator_domain::ownership::Graph;
use krake_operator_loops::{
    context::{Context, Shared},
    finalizers,
};
use kube::{Api, Client, Resource, ResourceExt, api::ApiResource, runtime::reflector::ObjectRef};
use tokio::sync::watch::Sender;

use super::{
    kinds::{self, Bindings, Outline},
    named::Named,
    watch,
};

/// The end of every API group of Krake; Krake itself leaves it out.
const DOMAIN: &str = ".krake.dev";

/// Deletions of kinds without conditions whose reason is remembered. Beyond that, one may be said again.
const MOST_REASONS: usize = 4096;

/// Every object of every kind, in outline.
pub(super) struct Index {
    pub(super) caches: Vec<Shared<Outline>>,
    context: Arc<Context>,
    named: Arc<Named>,
    /// What deletions were last said to wait for.
    told: Sender<Option<String>>,
    /// Why objects that cannot say it themselves were last said to wait, by uid.
    reasons: Mutex<HashMap<String, &'static str>>,
}

/// Two objects claim the same Krake names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rivalry {
    /// The other one.
    pub(super) other: String,
    /// One that relies on these names.
    pub(super) dependent: String,
}

/// An object of the index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: ApiResource,
    pub(super) outline: Arc<Outline>,
}

impl Index {
    /// The index, and the pump that fills it for the term of `context`. The pump must be polled.
    pub(super) fn start(context: &Arc<Context>) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let named = Arc::<Named>::default();
        let started = kinds::ALL.iter().map(|kind| start_cache(kind.clone(), context.clone(), &named));
        let (caches, pumps): (_, Vec<_>) = started.unzip();
        let (told, reasons) = (Sender::default(), Mutex::default());
        (Self { caches, context: context.clone(), named, told, reasons }, future::join_all(pumps).map(drop))
    }

    /// Whether anything may depend on the object; cheap, and never wrong if not.
    pub(super) fn may_own(&self, object: &Entry) -> bool {
        self.named.may_own(object)
    }

    /// Whether the object, which has no conditions, was last said to wait for another reason, or for none.
    pub(super) fn is_news(&self, object: &Entry, reason: &'static str) -> bool {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if reasons.len() >= MOST_REASONS {
            reasons.clear();
        }
        reasons.insert(object.outline.uid().unwrap_or_default(), reason) != Some(reason)
    }

    /// The object waits no more.
    pub(super) fn forget(&self, object: &Entry) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.remove(&object.outline.uid().unwrap_or_default());
    }

    /// A kind of which some object may not be known, if there is one.
    pub(super) fn incomplete(&self) -> Option<String> {
        let sources =
            [("Application", self.context.applications.is_current()), ("Cluster", self.context.clusters.is_current())];
        let caches = self.caches.iter().map(|cache| (cache.kind.kind.as_str(), cache.is_current()));
        caches.chain(sources).find(|(_, is_current)| !is_current).map(|(kind, _)| kind.to_owned())
    }

    /// Says for which kind deletions wait, if for any; once, until that changes.
    pub(super) fn tell(&self, incomplete: Option<&str>) {
        let is_news = self.told.send_if_modified(|told| {
            let now = incomplete.map(str::to_owned);
            let is_news = *told != now;
            *told = now;
            is_news
        });
        match incomplete {
            Some(kind) if is_news => tracing::warn!(kind, "deletions wait until the kind is completely known"),
            None if is_news => tracing::info!("every kind is completely known: deletions go on"),
            _ => {}
        }
    }

    /// Those that depend on `owner`, by kind, namespace and name; by its Krake names only if nobody contests them. An
    /// application does not depend on a cluster that lets it go.
    pub(super) fn dependents_of(&self, owner: &Entry, rivalry: Option<&Rivalry>) -> Vec<Entry> {
        let (names, place) = (owner.names().filter(|_| rivalry.is_none()), owner.place());
        let mut found = self.entries(|_| true, |outline| depends_on(outline, names.as_ref(), &place));
        found.retain(|dependent| !owner.lets_go(dependent));
        found.sort_by_cached_key(Entry::place);
        found
    }

    /// Whether somebody relies on Krake names that `owner` and another object claim, so that nobody knows which of the
    /// two is meant. One that is being deleted too contests nothing: what it owns goes with it.
    pub(super) fn rivalry(&self, owner: &Entry) -> Option<Rivalry> {
        let (names, place) = (owner.names()?, owner.place());
        let same = self.entries(|kind| *kind == owner.kind, |outline| is_named(outline, &names));
        let other = same.into_iter().find(|entry| !entry.is_leaving() && entry.place() != place)?;
        let claimants = self.entries(|_| true, |outline| outline.spec.owners.contains(&names));
        claimants.first().map(|dependent| Rivalry { other: other.to_string(), dependent: dependent.to_string() })
    }

    /// Those of the `wanted` kinds that this object depends on, as far as they exist.
    pub(super) fn owners_of(&self, dependent: &Outline, wanted: impl Fn(&ApiResource) -> bool) -> Vec<Entry> {
        let named = dependent.spec.owners.iter().flat_map(|owner| self.named(owner, &wanted));
        let places = dependent.status.iter().flat_map(Bindings::places);
        named.chain(places.filter_map(|place| self.at(place, &wanted))).collect()
    }

    /// The object at this place, if it exists and is of a `wanted` kind.
    pub(super) fn at(&self, place: &ObjectReference, wanted: impl Fn(&ApiResource) -> bool) -> Option<Entry> {
        let is_its_kind = |kind: &ApiResource| kind.kind == place.kind && kind.group == place.group;
        let cache = self.caches.iter().find(|cache| is_its_kind(&cache.kind) && wanted(&cache.kind))?;
        find(cache, place.namespace.as_deref(), &place.name)
    }

    /// The objects at these places.
    pub(super) fn members(&self, places: &BTreeSet<ObjectReference>) -> Vec<Entry> {
        places.iter().filter_map(|place| self.at(place, |_| true)).collect()
    }

    /// Those of a `wanted` kind that have these Krake names: they are where these names put them, encoded or not.
    fn named(&self, owner: &Owner, wanted: impl Fn(&ApiResource) -> bool) -> Vec<Entry> {
        let is_its_kind = |kind: &ApiResource| kind.kind == owner.kind && api(kind) == owner.api;
        let Some(cache) = self.caches.iter().find(|cache| is_its_kind(&cache.kind) && wanted(&cache.kind)) else {
            return Vec::new();
        };
        let spellings = |krake: &str| BTreeSet::from([krake.to_owned(), identity::encode(krake)]);
        let namespaces: Vec<_> = match &owner.namespace {
            Some(namespace) => spellings(namespace).into_iter().map(Some).collect(),
            None => vec![None],
        };
        let names = spellings(&owner.name);
        let places = namespaces.iter().flat_map(|namespace| names.iter().map(move |name| (namespace.as_deref(), name)));
        let found = places.filter_map(|(namespace, name)| find(cache, namespace, name));
        found.filter(|entry| is_named(&entry.outline, owner)).collect()
    }

    /// Who depends on whom, as far as it matters for what `object` waits for.
    pub(super) fn graph_around(&self, object: &Entry, dependents: &[Entry]) -> Graph {
        let mut graph = Graph::default();
        for dependent in dependents {
            graph.add(&dependent.place(), &[object.place()]);
        }
        let mut seen = BTreeSet::from([object.place()]);
        let mut open = vec![object.clone()];
        while let Some(next) = open.pop() {
            let mut owners = self.owners_of(&next.outline, |_| true);
            owners.retain(|owner| !owner.lets_go(&next));
            graph.add(&next.place(), &owners.iter().map(Entry::place).collect::<Vec<_>>());
            open.extend(owners.into_iter().filter(|owner| seen.insert(owner.place())));
        }
        graph
    }

    fn entries(&self, wanted: impl Fn(&ApiResource) -> bool, is_meant: impl Fn(&Outline) -> bool) -> Vec<Entry> {
        let caches = self.caches.iter().filter(|cache| wanted(&cache.kind));
        let found =
            caches.flat_map(|cache| cache.store.state_filter(&is_meant).into_iter().map(move |one| (cache, one)));
        found.map(|(cache, outline)| Entry { kind: cache.kind.clone(), outline }).collect()
    }
}

/// Everything is noted before it is in the cache: whoever finds an owner there finds out that it is one.
fn start_cache(
    kind: ApiResource,
    context: Arc<Context>,
    named: &Arc<Named>,
) -> (Shared<Outline>, future::BoxFuture<'static, ()>) {
    let stop = context.stop.clone();
    let (watched, named) = (kind.clone(), named.clone());
    let events = move || {
        let events = if watched == ApiResource::erase::<Application>(&()) {
            kinds::of_cache(&context.applications, kinds::application).boxed()
        } else if watched == ApiResource::erase::<Cluster>(&()) {
            kinds::of_cache(&context.clusters, kinds::cluster).boxed()
        } else {
            watch::events(context.client.clone(), &watched).boxed()
        };
        let named = named.clone();
        events.inspect(move |event| event.iter().for_each(|event| named.note(event)))
    };
    let (cache, pump) = Shared::start_from(kind, events, stop);
    (cache, pump.boxed())
}

fn find(cache: &Shared<Outline>, namespace: Option<&str>, name: &str) -> Option<Entry> {
    let key = ObjectRef::new_with(name, cache.kind.clone());
    let key = namespace.into_iter().fold(key, ObjectRef::within);
    cache.store.get(&key).map(|outline| Entry { kind: cache.kind.clone(), outline })
}

impl Entry {
    /// How users name it as an owner: by its Krake names. Nobody knows those of an object that claims names which
    /// belong to another place: it may be a copy, or lie.
    pub(super) fn names(&self) -> Option<Owner> {
        let (namespace, name) = claimed(&self.outline).filter(|_| is_rightful(&self.outline))?;
        Some(Owner {
            api: api(&self.kind).to_owned(),
            kind: self.kind.kind.clone(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    /// How a status refers to it.
    pub(super) fn place(&self) -> ObjectReference {
        ObjectReference {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: self.outline.namespace(),
            name: self.outline.name_any(),
        }
    }

    /// Whether it is being deleted.
    pub(super) fn is_leaving(&self) -> bool {
        self.outline.metadata.deletion_timestamp.is_some()
    }

    /// Whether its deletion waits for us.
    pub(super) fn is_guarded(&self) -> bool {
        finalizers::holds(&*self.outline, finalizer::CASCADE)
    }

    /// Whether nobody shall wait for anything when it is deleted.
    pub(super) fn is_forced(&self) -> bool {
        self.outline.annotations().get(finalizer::FORCED).is_some_and(|value| value == "true")
    }

    /// Whether it is a Cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.kind.kind == Cluster::kind(&()) && self.kind.group == Cluster::group(&())
    }

    /// Whether it is an Application.
    pub(super) fn is_application(&self) -> bool {
        self.kind.kind == Application::kind(&()) && self.kind.group == Application::group(&())
    }

    /// Whether the dependent, whatever says that it depends on this one, outlives it.
    fn lets_go(&self, dependent: &Self) -> bool {
        self.is_cluster() && self.outline.spec.lets_applications_go && dependent.is_application()
    }

    /// The API of its kind in its namespace.
    pub(super) fn api(&self, client: &Client) -> Api<Outline> {
        match self.outline.namespace() {
            Some(namespace) => Api::namespaced_with(client.clone(), &namespace, &self.kind),
            None => Api::all_with(client.clone(), &self.kind),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = self.outline.namespace().map(|namespace| namespace + "/").unwrap_or_default();
        write!(text, "{} {namespace}{}", self.kind.kind, self.outline.name_any())
    }
}

/// Whether an object must go before the one with these Krake names, if they are known, at this place.
pub(super) fn depends_on(dependent: &Outline, names: Option<&Owner>, place: &ObjectReference) -> bool {
    names.is_some_and(|names| dependent.spec.owners.contains(names))
        || dependent.status.iter().flat_map(Bindings::places).any(|bound| bound == place)
}

/// The kind's API in Krake.
fn api(kind: &ApiResource) -> &str {
    kind.group.strip_suffix(DOMAIN).unwrap_or(&kind.group)
}

fn is_named(outline: &Outline, owner: &Owner) -> bool {
    // The second takes far longer.
    claimed(outline) == Some((owner.namespace.as_deref(), &owner.name)) && is_rightful(outline)
}

/// Namespace and name in Krake: those in Kubernetes, unless the object claims others.
fn claimed(outline: &Outline) -> Option<(Option<&str>, &str)> {
    let (namespace, name) = (outline.metadata.namespace.as_deref(), outline.metadata.name.as_deref()?);
    Some(match &outline.spec.identity {
        None => (namespace, name),
        Some(identity) => (identity.namespace.as_deref().or(namespace), &identity.name),
    })
}

fn is_rightful(outline: &Outline) -> bool {
    let (namespace, name) = (outline.metadata.namespace.as_deref(), outline.metadata.name.as_deref());
    outline.spec.identity.as_ref().is_none_or(|identity| identity.belongs_to(namespace, name.unwrap_or_default()))
}
