//! How the contents page of the API is put together, and what stands on it.

use std::marker::PhantomData;

use axum::Router;
use axum::routing::{MethodRouter, get, put};

use super::Resources;
use crate::authz::Authorizer;
use crate::problem::Failure;
use crate::resource::{Resource, create, delete, list, read, update};
use crate::served::Served;
use crate::subresource::binding::Bindable;
use crate::subresource::{binding, status};

const READABLE: &str = "GET,HEAD,OPTIONS";
const COLLECTION: &str = "GET,HEAD,OPTIONS,POST";
const ITEM: &str = "DELETE,GET,HEAD,OPTIONS,PUT";
const WRITABLE: &str = "OPTIONS,PUT";
const ASKABLE: &str = "OPTIONS,POST";

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The template of its path.
    pub(super) path: String,
    /// The methods it takes, as in the header `Allow`.
    pub(super) methods: &'static str,
}

/// All routes.
pub(super) struct Contents {
    pub(super) router: Router,
    pub(super) routes: Vec<Route>,
}

impl Contents {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), routes: Vec::new() }
    }

    /// Adds what the API says about itself and the caller.
    pub(super) fn about(mut self, path: &str, methods: MethodRouter<Authorizer>, authorizer: &Authorizer) -> Self {
        self.router = self.router.route(path, complete(methods, READABLE).with_state(authorizer.clone()));
        self.routes.push(Route { path: path.to_owned(), methods: READABLE });
        self
    }

    /// Adds a kind.
    pub(super) fn kind<K: Served>(mut self, resources: &mut impl Resources, kind: KindRoutes<K>) -> Self {
        self.router = self.router.merge(kind.router.with_state(resources.resource::<K>()));
        self.routes.extend(kind.routes);
        self
    }
}

/// The routes of one kind.
pub(super) struct KindRoutes<K> {
    router: Router<Resource<K>>,
    routes: Vec<Route>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Served> KindRoutes<K> {
    /// The routes that every kind has.
    pub(super) fn new() -> Self {
        let new = Self { router: Router::new(), routes: Vec::new(), kind: PhantomData };
        let item = get(read::<K>).put(update::<K>).delete(delete::<K>);
        let new =
            if K::NAMESPACED { new.add(format!("/{}/{}", K::API, K::PLURAL), READABLE, get(list::<K>)) } else { new };
        new.add(collection::<K>(), COLLECTION, get(list::<K>).post(create::<K>)).add(one::<K>(), ITEM, item)
    }

    /// Adds the subresource `status`.
    pub(super) fn status(self) -> Self {
        self.put("status", put(status::put::<K>))
    }

    /// Adds a subresource.
    pub(super) fn put(self, name: &str, methods: MethodRouter<Resource<K>>) -> Self {
        self.add(format!("{}/{name}", one::<K>()), WRITABLE, methods)
    }

    /// Adds a part of each object that can only be read.
    pub(super) fn get(self, name: &str, methods: MethodRouter<Resource<K>>) -> Self {
        self.add(format!("{}/{name}", one::<K>()), READABLE, methods)
    }

    /// Adds a question that is asked in a body, at a path of its own.
    pub(super) fn ask(self, path: &str, methods: MethodRouter<Resource<K>>) -> Self {
        self.add(path.to_owned(), ASKABLE, methods)
    }

    fn add(mut self, path: String, allowed: &'static str, methods: MethodRouter<Resource<K>>) -> Self {
        self.router = self.router.route(&path, complete(methods, allowed));
        self.routes.push(Route { path, methods: allowed });
        self
    }
}

impl<K: Bindable> KindRoutes<K> {
    /// Adds the subresource `binding`.
    pub(super) fn binding(self) -> Self {
        self.put("binding", put(binding::put::<K>))
    }
}

/// All methods of a route. OPTIONS is answered on the way here, by `preflight`; only for methods that it does not know does
/// axum add a header `Allow` of its own.
fn complete<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>, allowed: &'static str) -> MethodRouter<S> {
    let refuse = move || async move { Failure::WrongMethod(allowed) };
    methods.options(refuse).fallback(refuse)
}

fn collection<K: Served>() -> String {
    let namespace = if K::NAMESPACED { "namespaces/{namespace}/" } else { "" };
    format!("/{}/{namespace}{}", K::API, K::PLURAL)
}

fn one<K: Served>() -> String {
    format!("{}/{{name}}", collection::<K>())
}
