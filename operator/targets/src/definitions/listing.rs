//! What the API discovery of a target says about its custom resources.

use std::collections::BTreeSet;

use http::{Request, header::ACCEPT};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::{
    Client,
    core::discovery::v2::{ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscovery},
};
use serde::Deserialize;

/// Kubernetes' own groups, as of 1.37, besides those without a dot. Others that end in `k8s.io` are definitions of
/// projects around Kubernetes, like `gateway.networking.k8s.io`.
const BUILT_IN: [&str; 19] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// The longest name that a definition can have: two DNS names and a dot.
const LONGEST_NAME: usize = 317;

/// Names that are kept; real clusters have some hundred, and a thousand when providers for clouds are installed.
const MOST_NAMES: usize = 8192;

/// Requests to an API server that answers for one version of a group at a time, before Kubernetes 1.26.
const MOST_VERSIONS: usize = 128;

/// Groups that could not be read and are told apart. Real clusters have a handful of extension servers.
const MOST_UNREAD: usize = 256;

/// What was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// `<plural>.<group>`.
    pub(super) names: BTreeSet<String>,
    /// The groups that could not be asked, or not about all that they have.
    pub(super) unread: BTreeSet<String>,
}

/// The answer to the list of groups: newer servers say everything in one.
#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Answer {
    #[serde(rename = "APIGroupDiscoveryList")]
    Everything {
        #[serde(default)]
        items: Vec<APIGroupDiscovery>,
    },
    #[serde(rename = "APIGroupList")]
    Groups {
        #[serde(default)]
        groups: Vec<APIGroup>,
    },
}

impl Listing {
    /// Lists the custom resources that the target serves.
    pub(super) async fn of(client: &Client) -> kube::Result<Self> {
        let request = Request::get("/apis").header(ACCEPT, ACCEPT_AGGREGATED_DISCOVERY_V2).body(Vec::new());
        match client.request(request.map_err(kube::Error::HttpError)?).await? {
            Answer::Everything { items } => Ok(Self::from_everything(items)),
            Answer::Groups { groups } => Self::of_groups(client, &groups).await,
        }
    }

    fn from_everything(items: Vec<APIGroupDiscovery>) -> Self {
        let mut listing = Self::default();
        for group in items {
            let Some(name) = group.metadata.and_then(|metadata| metadata.name).filter(|name| is_custom(name)) else {
                continue;
            };
            for version in group.versions {
                // What an extension server said before it went away, or nothing.
                let is_stale = version.freshness.as_deref() == Some("Stale");
                listing.unread.extend(is_stale.then(|| name.clone()));
                let resources = version.resources.into_iter().filter_map(|resource| resource.resource);
                listing.add(&name, resources);
            }
        }
        listing
    }

    async fn of_groups(client: &Client, groups: &[APIGroup]) -> kube::Result<Self> {
        let custom = groups.iter().filter(|group| is_custom(&group.name));
        let versions: Vec<_> = custom.flat_map(|group| group.versions.iter().map(|one| (&group.name, one))).collect();
        let mut listing = Self::default();
        for (index, (group, version)) in versions.into_iter().enumerate() {
            if index >= MOST_VERSIONS {
                listing.unread.insert(group.clone());
                continue;
            }
            match client.list_api_group_resources(&version.group_version).await {
                Ok(list) => listing.add(group, list.resources.into_iter().map(|resource| resource.name)),
                // The extension server behind this one may be away.
                Err(kube::Error::Api(_)) => {
                    listing.unread.insert(group.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(listing)
    }

    /// Whether so much could not be read that it cannot be told what.
    pub(super) fn is_hopeless(&self) -> bool {
        self.unread.len() > MOST_UNREAD
    }

    /// Leaves out the groups for which there is no room.
    pub(super) fn bounded(mut self) -> Self {
        while self.is_hopeless() {
            self.unread.pop_last();
        }
        self
    }

    /// Adds the plural names of a group, leaving out subresources and what no definition can be called.
    fn add(&mut self, group: &str, plurals: impl Iterator<Item = String>) {
        let names = plurals.map(|plural| format!("{plural}.{group}")).filter(|name| is_plausible(name));
        self.extend(names);
    }

    /// Adds names, as far as there is room; the last ones are left out, and their groups are unread.
    pub(super) fn extend(&mut self, names: impl IntoIterator<Item = String>) {
        self.names.extend(names);
        while self.names.len() > MOST_NAMES {
            self.unread.extend(self.names.pop_last().map(|name| group_of(&name).to_owned()));
        }
    }
}

/// The group in `<plural>.<group>`.
pub(super) fn group_of(name: &str) -> &str {
    name.split_once('.').map(|(_, group)| group).unwrap_or_default()
}

fn is_custom(group: &str) -> bool {
    group.contains('.') && !BUILT_IN.contains(&group) && is_plausible(group)
}

fn is_plausible(name: &str) -> bool {
    let is_dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    name.len() <= LONGEST_NAME && name.chars().all(is_dns)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// A server that knows these paths.
    async fn listing(paths: Value) -> kube::Result<Listing> {
        let answer = move |request: Request<Body>| {
            let body = paths.get(request.uri().path()).cloned();
            let code = if body.is_some() { 200 } else { 503 };
            let body = Body::from(body.unwrap_or_default().to_string().into_bytes());
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap()))
        };
        Listing::of(&Client::new(tower::service_fn(answer), "default")).await
    }

    fn names(listing: &Listing) -> Vec<&str> {
        listing.names.iter().map(String::as_str).collect()
    }

    fn unread(listing: &Listing) -> Vec<&str> {
        listing.unread.iter().map(String::as_str).collect()
    }

    fn group(name: &str, versions: &[(&str, &[&str])]) -> Value {
        let version = |(freshness, resources): &(&str, &[&str])| {
            let resources: Vec<_> =
                resources.iter().map(|name| json!({ "resource": name, "scope": "Namespaced" })).collect();
            json!({ "version": "v1", "freshness": freshness, "resources": resources })
        };
        json!({ "metadata": { "name": name }, "versions": versions.iter().map(version).collect::<Vec<_>>() })
    }

    fn everything(groups: &[Value]) -> Value {
        json!({ "/apis": { "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": groups } })
    }

    #[tokio::test]
    async fn one_answer_names_what_is_not_kubernetes_own_in_any_version() {
        let found = listing(everything(&[
            group("apps", &[("Current", &["deployments"])]),
            group("networking.k8s.io", &[("Current", &["ingresses"])]),
            group("gateway.networking.k8s.io", &[("Current", &["gateways"])]),
            group("cert-manager.io", &[("Current", &["issuers"]), ("Current", &["issuers", "certificates"])]),
        ]));
        let found = found.await.unwrap();
        assert_eq!(
            names(&found),
            ["certificates.cert-manager.io", "gateways.gateway.networking.k8s.io", "issuers.cert-manager.io"]
        );
        assert_eq!(found.unread, BTreeSet::new());
    }

    #[tokio::test]
    async fn a_group_that_could_not_be_asked_is_named() {
        let found = listing(everything(&[
            group("metrics.example.org", &[("Stale", &[])]),
            group("a.example.org", &[("Current", &["things"])]),
        ]));
        let found = found.await.unwrap();
        assert_eq!((names(&found), unread(&found)), (vec!["things.a.example.org"], vec!["metrics.example.org"]));
    }

    #[tokio::test]
    async fn a_server_without_the_one_answer_is_asked_for_each_version() {
        let version =
            |group: &str, version: &str| json!({ "groupVersion": format!("{group}/{version}"), "version": version });
        let resource =
            |name: &str| json!({ "name": name, "singularName": "", "namespaced": true, "kind": "K", "verbs": [] });
        let list = |names: &[&str]| json!({ "kind": "APIResourceList", "groupVersion": "g", "resources": names.iter().map(|name| resource(name)).collect::<Vec<_>>() });
        let group = |name: &str, versions: &[&str]| json!({ "name": name, "versions": versions.iter().map(|one| version(name, one)).collect::<Vec<_>>() });
        let mut paths = json!({
            "/apis": { "kind": "APIGroupList", "groups": [group("apps", &["v1"]), group("a.example.org", &["v1", "v1beta1"])] },
            "/apis/a.example.org/v1": list(&["things", "things/status"]),
            "/apis/a.example.org/v1beta1": list(&["oddities"]),
        });
        let found = listing(paths.clone()).await.unwrap();
        assert_eq!((names(&found), unread(&found)), (vec!["oddities.a.example.org", "things.a.example.org"], vec![]));
        paths.as_object_mut().unwrap().remove("/apis/a.example.org/v1beta1");
        let found = listing(paths).await.unwrap();
        assert_eq!((names(&found), unread(&found)), (vec!["things.a.example.org"], vec!["a.example.org"]));
    }

    #[tokio::test]
    async fn names_that_no_definition_can_have_are_left_out() {
        let long = "x".repeat(400);
        let found = listing(everything(&[group("a.example.org", &[("Current", &["Things", "a b", &long])])]));
        assert_eq!(names(&found.await.unwrap()), [""; 0]);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_discovery_is_an_error() {
        assert!(listing(json!({ "/apis": { "kind": "Status" } })).await.is_err());
        assert!(listing(json!({})).await.is_err());
    }
}
