//! What a path means: a cluster, and a document, a collection or an object on it.

use axum::http::Uri;
use serde_json::{Value, json};

/// A kind that hollow clusters know.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) name: &'static str,
    pub(super) is_namespaced: bool,
}

const fn kind(group: &'static str, plural: &'static str, name: &'static str, is_namespaced: bool) -> Kind {
    Kind { group, version: "v1", plural, name, is_namespaced }
}

/// Nodes are what a cluster has by itself.
pub(super) static NODE: Kind = kind("", "nodes", "Node", false);

static KINDS: [Kind; 3] =
    [kind("", "configmaps", "ConfigMap", true), kind("", "services", "Service", true), DEPLOYMENT];

const DEPLOYMENT: Kind = kind("apps", "deployments", "Deployment", true);

impl Kind {
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The objects of one kind, perhaps of one namespace, perhaps with one label.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collection {
    pub(super) kind: &'static Kind,
    pub(super) namespace: Option<String>,
    pub(super) label: Option<(String, String)>,
    pub(super) watch: bool,
    pub(super) since: u64,
    pub(super) seconds: Option<u64>,
}

/// One object.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(super) struct Target {
    pub(super) kind: &'static Kind,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

/// What somebody asks about.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Something that never changes.
    Document(Value),
    Collection(Collection),
    Object(Target),
}

/// The number of the cluster, and what is asked about it.
pub(super) fn read(uri: &Uri) -> Option<(usize, Asked)> {
    let segments: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
    let ["clusters", number, rest @ ..] = segments.as_slice() else { return None };
    let asked = match rest {
        ["version"] => Asked::Document(version()),
        ["api"] => {
            Asked::Document(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
        }
        ["apis"] => Asked::Document(groups()),
        ["api", "v1"] => Asked::Document(resources("", "v1")),
        ["apis", group, version] => Asked::Document(resources(group, version)),
        ["api", "v1", rest @ ..] => below("", rest, uri)?,
        ["apis", group, "v1", rest @ ..] => below(group, rest, uri)?,
        _ => return None,
    };
    Some((number.parse().ok()?, asked))
}

fn below(group: &str, rest: &[&str], uri: &Uri) -> Option<Asked> {
    let find = |plural: &str| kinds().find(|kind| kind.group == group && kind.plural == plural);
    let object = |kind, namespace: Option<&str>, name: &str| {
        Asked::Object(Target { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() })
    };
    Some(match rest {
        [plural] => collection(find(plural)?, None, uri),
        [plural, name] => object(find(plural)?, None, name),
        ["namespaces", namespace, plural] => collection(find(plural)?, Some(namespace), uri),
        ["namespaces", namespace, plural, name] => object(find(plural)?, Some(namespace), name),
        _ => return None,
    })
}

fn collection(kind: &'static Kind, namespace: Option<&str>, uri: &Uri) -> Asked {
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    let number = |name| parameter(name).and_then(|(_, value)| value.parse().ok());
    Asked::Collection(Collection {
        kind,
        namespace: namespace.map(str::to_owned),
        label: parameter("labelSelector")
            .and_then(|(_, selector)| selector.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))),
        watch: parameter("watch").is_some_and(|(_, value)| matches!(&*value, "true" | "1")),
        since: number("resourceVersion").unwrap_or_default(),
        seconds: number("timeoutSeconds"),
    })
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain([&NODE])
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.0-hollow", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": "",
    })
}

fn groups() -> Value {
    let version = json!({ "groupVersion": "apps/v1", "version": "v1" });
    let apps = json!({ "name": "apps", "versions": [version], "preferredVersion": version });
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [apps] })
}

fn resources(group: &str, version: &str) -> Value {
    let served = kinds().filter(|kind| kind.group == group && kind.version == version);
    let resource = |kind: &Kind| {
        json!({
            "name": kind.plural, "singularName": "", "namespaced": kind.is_namespaced, "kind": kind.name,
            "verbs": ["delete", "get", "list", "patch", "watch"],
        })
    };
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
        "resources": served.map(resource).collect::<Vec<_>>(),
    })
}
