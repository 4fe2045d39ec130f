//! Application: Kubernetes objects that Krake places on one of the clusters of its namespace.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    constraint::schema as constraint_schema,
    identity::Identity,
    reference::{ObjectReference, Owner, SecretReference},
};

/// What a user asks for: which objects, where they may run, and what happens when they cannot.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "kubernetes.krake.dev",
    version = "v1alpha1",
    kind = "Application",
    namespaced,
    status = "ApplicationStatus",
    derive = "PartialEq",
    shortname = "kapp",
    category = "krake",
    doc = "An application: Kubernetes objects that Krake places on one of the clusters of its namespace, observes, and moves when a better place appears.",
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".status.runningOn.name"),
    printcolumn(name = "Target", type_ = "string", json_path = ".status.scheduledTo.name", priority = "1"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.containerHealth.runningPods"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.containerHealth.desiredPods"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("size(self.manifest) > 0 || has(self.tosca) || has(self.csarUrl)")
    .message("an application needs a manifest, a TOSCA template or a CSAR archive"))]
#[x_kube(validation = Rule::new("!has(oldSelf.identity) || (has(self.identity) && self.identity == oldSelf.identity)")
    .message("spec.identity is immutable"))]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// Exact Krake names, set by the facade when the Kubernetes names had to be encoded. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Krake labels of the application. They are wider than Kubernetes labels (prefixes need not be DNS names) and
    /// authoritative for Krake; `metadata.labels` is left to you.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::krake_metadata::label_map")]
    pub labels: BTreeMap<String, String>,
    /// Stored for Krake's REST API; without meaning for applications. Default `false`.
    #[serde(default)]
    pub inherit_labels: bool,
    /// Further objects this one depends on: when one of them is deleted, the application is deleted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub owners: Vec<Owner>,
    /// The Kubernetes objects to run. Each needs `apiVersion`, `kind` and `metadata.name`; an object without
    /// `metadata.namespace` goes to the namespace of the target's kubeconfig, else to `default`.
    #[serde(default)]
    #[schemars(schema_with = "crate::manifest::objects")]
    pub manifest: Vec<serde_json::Value>,
    /// A TOSCA template instead of a manifest. Not translated yet: such an application stays unscheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tosca: Option<Tosca>,
    /// URL of a CSAR archive instead of a manifest; must end in `.csar` or `.zip`. Not translated yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"\.(csar|zip)$"))]
    pub csar_url: Option<String>,
    /// Which fields are observed and kept as they are in the manifest: a list of partial objects whose leaves are
    /// `null`, as JSON text because Kubernetes drops nulls. Default: every field of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub observer_schema: Option<String>,
    /// Where the application may run. Default: on any cluster of its namespace.
    #[serde(default)]
    pub constraints: Constraints,
    /// Hooks that the workload will call: `complete`, `shutdown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(max = 63)))]
    pub hooks: Vec<String>,
    /// How a graceful shutdown is awaited. Only with the hook `shutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<Shutdown>,
    /// How often and how fast scheduling is tried again (every `factor * delaySeconds`), and deploying (ever more slowly,
    /// at most every five minutes).
    #[serde(default)]
    pub backoff: Backoff,
    /// Stored for Krake's REST API; without effect. Default `none`.
    #[serde(default = "default_storage_migration")]
    #[schemars(length(max = 253))]
    pub storage_migration: String,
    /// Create a cluster on a cloud when none fits. Not supported yet. Default `false`.
    #[serde(default)]
    pub auto_cluster_create: bool,
    /// How the application moves to another cluster. Default `MakeBeforeBreak`.
    #[serde(default)]
    pub migration_strategy: MigrationStrategy,
    /// How long, in seconds, a new copy may take to become ready before it is given up: the old copy stays, if there is one,
    /// and the cluster is left alone for a while. Default: the operator's, 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub progress_deadline_seconds: Option<i64>,
    /// How long, in seconds, its cluster may be unusable before the application looks for another one. -1: it never does.
    /// Default: the operator's, 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1, max = 604_800))]
    pub unreachable_toleration_seconds: Option<i64>,
    /// What happens to what was deployed when this object is deleted. Default `Delete`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn default_storage_migration() -> String {
    "none".into()
}

/// A TOSCA template, given in place or by URL.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[x_kube(validation = Rule::new("!(has(self.inline) && has(self.url))").message("give either inline or url"))]
#[serde(rename_all = "camelCase")]
pub struct Tosca {
    /// The template itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::manifest::free_form")]
    pub inline: Option<serde_json::Value>,
    /// URL of the template; must end in `.yaml` or `.yml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
}

/// Where an application may run, and whether it may move.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Constraints {
    /// What a cluster must offer.
    #[serde(default)]
    pub cluster: ClusterConstraints,
    /// Whether the application may be moved once it has a place. Default `true`.
    #[serde(default = "default_true")]
    pub migration: bool,
}

fn default_true() -> bool {
    true
}

impl Default for Constraints {
    fn default() -> Self {
        Self { cluster: ClusterConstraints::default(), migration: true }
    }
}

/// What a cluster must offer; all of it must hold.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConstraints {
    /// Label constraints, e.g. `location is DE`, `location != DE`, `tier in (gold, silver)`, `tier not in (bronze)`.
    /// A cluster without the label never matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::kubernetes::application::label_constraints")]
    pub labels: Option<Vec<String>>,
    /// Metric constraints, e.g. `load < 0.5`, `load != 1`, `load is greater than or equal 0.5`. Compared is the metric's
    /// normalised value times its weight at the cluster. A cluster without the metric never matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::kubernetes::application::metric_constraints")]
    pub metrics: Option<Vec<String>>,
    /// Names of custom resource definitions (`<plural>.<group>`) that the cluster must list in `spec.customResources`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 317)))]
    pub custom_resources: Vec<String>,
}

/// A nullable list of label constraints, each checked against the language's pattern.
pub(crate) fn label_constraints(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    constraints(1024, constraint_schema::LABEL_PATTERN, constraint_schema::LABEL_HELP)
}

/// A nullable list of metric constraints, each checked against the language's pattern.
pub(crate) fn metric_constraints(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    constraints(512, constraint_schema::METRIC_PATTERN, constraint_schema::METRIC_HELP)
}

fn constraints(longest: usize, pattern: &str, help: &str) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "nullable": true,
        "maxItems": 64,
        "items": { "type": "string", "maxLength": longest },
        "x-kubernetes-validations": [{
            "rule": format!("self.all(c, c.matches(r'{pattern}'))"),
            "message": help,
            "reason": "FieldValueInvalid",
        }],
    })
}

/// How a graceful shutdown is awaited.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// How long the workload may take, in seconds. Default: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_time_seconds: Option<i64>,
    /// What happens when it does not answer: `give_up` or `delete`. Default: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub failure_strategy: Option<String>,
    /// How often it is asked. Default: the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i64>,
}

/// How often and how fast something is tried again: every `factor * delaySeconds`, at most `limit` times.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Backoff {
    /// Multiplier of the delay. Default 1.
    #[serde(default = "default_one")]
    pub factor: i64,
    /// Base delay in seconds. Default 1.
    #[serde(default = "default_one")]
    pub delay_seconds: i64,
    /// How many attempts follow the first one; -1 is without limit. Default -1.
    #[serde(default = "default_limit")]
    pub limit: i64,
}

fn default_one() -> i64 {
    1
}

fn default_limit() -> i64 {
    -1
}

impl Default for Backoff {
    fn default() -> Self {
        Self { factor: 1, delay_seconds: 1, limit: -1 }
    }
}

/// How an application moves from one cluster to another.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MigrationStrategy {
    /// The new copy is ready before the old one is removed: no gap, two copies for a moment.
    #[default]
    MakeBeforeBreak,
    /// The old copy is removed before the new one is made: a gap, never two copies.
    Recreate,
}

/// What happens to what was deployed when an application is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It is removed from the cluster.
    #[default]
    Delete,
    /// It stays, and nothing on it says any more that it was Krake's.
    Orphan,
    /// It stays, marked as before: an application of the same name takes it over again.
    Retain,
}

/// What the controllers found and did.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Krake's one-word summary of the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ApplicationState>,
    /// Why the application failed or degraded, in Krake's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::reason::Reason>,
    /// `Ready`, `Scheduled`, `Applied`, `Healthy`, and `Deleting`, `Reconciling`, `Stalled` while they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The cluster that the scheduler chose. Written by the scheduler, or by a REST binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_to: Option<ObjectReference>,
    /// When `scheduledTo` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<MicroTime>,
    /// Generation of the spec that the scheduler has approved for `scheduledTo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_generation: Option<i64>,
    /// When the scheduler last approved a generation. Krake: `kube_controller_triggered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<MicroTime>,
    /// The cluster that serves the application now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_on: Option<ObjectReference>,
    /// Progress of failed scheduling attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
    /// Why the application is where it is, as of the moment when that was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Moves that were given up, while they matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<Migration>,
    /// Endpoints of the application's Services: name to `host:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
    /// The Secret with the tokens, certificates and keys of the hooks. Its keys are those of the hooks that are used:
    /// `complete-token`, `complete-cert`, `complete-key`, `shutdown-token`, `shutdown-cert` and `shutdown-key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_secret_ref: Option<SecretReference>,
    /// Pods of the application, summed over its workloads.
    #[serde(default)]
    pub container_health: ContainerHealth,
}

/// Progress of failed scheduling attempts.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Scheduling {
    /// Attempts left; -1 is without limit.
    #[serde(default)]
    pub remaining_retries: i64,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<MicroTime>,
}

/// Why an application is where it is. Numbers are those of the moment of the decision: they are not kept up to date.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// When it was decided.
    pub at: MicroTime,
    /// Why, in one plain sentence.
    #[schemars(length(max = 1024))]
    pub because: String,
    /// How many clusters were looked at.
    pub candidates: i64,
    /// How many of them fitted.
    pub fitting: i64,
    /// By how much the score of the chosen cluster is above that of the next best; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// The best of the candidates that fitted, then some of the others; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub verdicts: Vec<Verdict>,
}

/// What was found about a candidate.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Name of the cluster.
    #[schemars(length(max = 253))]
    pub cluster: String,
    /// Its score, between 0 and 1, if it fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the score is made of, or why the cluster did not fit, in one plain sentence.
    #[schemars(length(max = 1024))]
    pub sentence: String,
}

/// Moves that were given up.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// The cluster on which the new copy did not become ready in time.
    pub avoided: ObjectReference,
    /// How many attempts were given up in a row, whichever the cluster.
    #[serde(default)]
    pub failures: i64,
    /// Until when it is left alone.
    pub not_before: MicroTime,
}

/// Pods of an application.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ContainerHealth {
    /// Pods asked for.
    #[serde(default)]
    pub desired_pods: i64,
    /// Pods that run and are ready.
    #[serde(default)]
    pub running_pods: i64,
    /// Pods that ended well.
    #[serde(default)]
    pub completed_pods: i64,
    /// Pods that ended badly.
    #[serde(default)]
    pub failed_pods: i64,
}

/// Krake's states of an application.
#[derive(
    Serialize, Deserialize, JsonSchema, strum::Display, strum::EnumString, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Krake's; `krake-operator-domain`'s lifecycle says when each holds")]
pub enum ApplicationState {
    #[default]
    Pending,
    Creating,
    Running,
    Reconciling,
    Translating,
    Retrying,
    Restarting,
    WaitingForCleaning,
    ReadyForAction,
    Migrating,
    WaitingForClusterCreation,
    Deleting,
    Deleted,
    Degraded,
    Failed,
    Completed,
}
