//! Application. The tokens, certificates and keys of its hooks are in a Secret in Kubernetes.

use std::collections::BTreeMap;

use krake_crds::kubernetes::application::{
    self as crd, Backoff, Constraints, DeletionPolicy, MigrationStrategy, Scheduling, Shutdown, Tosca,
};
use krake_facade_wire::{
    self as facade, Metadata,
    json::{Json, Object},
    kubernetes as wire,
};
use serde_json::Value;

use super::{
    Pairing, reference,
    status::{
        constraints_to_object, constraints_to_wire, object_to_value, reason_to_object, reason_to_wire, time_to_object,
        time_to_wire, value_to_object, word,
    },
};
use crate::{
    directory::Directory,
    secret::{Form, SecretPart, Section},
};

impl Pairing for wire::Application {
    type Resource = crd::Application;
    type Spec = crd::ApplicationSpec;
    type Status = crd::ApplicationStatus;

    const OBJECT_ONLY: &'static [&'static str] = &[
        "migrationStrategy",
        "progressDeadlineSeconds",
        "unreachableTolerationSeconds",
        "deletionPolicy",
        "observedGeneration",
        "conditions",
        "scheduledGeneration",
        "decision",
        "migration",
    ];

    const SECRET: Option<SecretPart> = Some(SecretPart {
        section: Section::Status,
        reference: &["hookSecretRef"],
        suffix: "-krake-hooks",
        form: Form::Texts(&[
            ("complete-token", &["complete_token"]),
            ("complete-cert", &["complete_cert"]),
            ("complete-key", &["complete_key"]),
            ("shutdown-token", &["shutdown_token"]),
            ("shutdown-cert", &["shutdown_cert"]),
            ("shutdown-key", &["shutdown_key"]),
        ]),
    });

    /// Krake compares times: a bound application is approved once it was triggered after its last change.
    fn is_approved(&self) -> bool {
        let triggered = self.status.kube_controller_triggered.as_ref();
        self.status.scheduled_to.is_some()
            && triggered.is_some_and(|triggered| triggered.instant() >= self.metadata.modified.instant())
    }

    fn fresh_status() -> Self::Status {
        crd::ApplicationStatus { state: Some(crd::ApplicationState::default()), ..Default::default() }
    }

    fn to_object(&self, names: &Directory) -> (Self::Spec, Self::Status) {
        let Self { metadata, spec, status } = self;
        (spec_to_object(spec, metadata.inherit_labels), status_to_object(status, names))
    }

    fn to_wire(spec: Self::Spec, status: Self::Status, mut metadata: Metadata, names: &Directory) -> Self {
        metadata.inherit_labels = spec.inherit_labels;
        Self { metadata, spec: spec_to_wire(spec), status: status_to_wire(status, names) }
    }
}

fn spec_to_object(spec: &wire::ApplicationSpec, inherit_labels: bool) -> crd::ApplicationSpec {
    let wire::ApplicationSpec {
        manifest,
        tosca,
        csar,
        observer_schema,
        constraints,
        hooks,
        shutdown_grace_time,
        shutdown_failure_strategy,
        shutdown_retry_count,
        backoff,
        backoff_delay,
        backoff_limit,
        storage_migration,
        auto_cluster_create,
    } = spec;
    let shutdown = Shutdown {
        grace_time_seconds: *shutdown_grace_time,
        failure_strategy: shutdown_failure_strategy.clone(),
        retry_count: *shutdown_retry_count,
    };
    crd::ApplicationSpec {
        identity: None,
        labels: BTreeMap::new(),
        inherit_labels,
        owners: Vec::new(),
        manifest: manifest.iter().map(object_to_value).collect(),
        tosca: tosca_to_object(tosca),
        csar_url: csar.clone(),
        observer_schema: schema_to_object(observer_schema),
        constraints: constraints_of(constraints),
        hooks: hooks.clone(),
        shutdown: (shutdown != Shutdown::default()).then_some(shutdown),
        backoff: Backoff { factor: *backoff, delay_seconds: *backoff_delay, limit: *backoff_limit },
        storage_migration: storage_migration.clone(),
        auto_cluster_create: *auto_cluster_create,
        migration_strategy: MigrationStrategy::default(),
        progress_deadline_seconds: None,
        unreachable_toleration_seconds: None,
        deletion_policy: DeletionPolicy::default(),
    }
}

fn spec_to_wire(spec: crd::ApplicationSpec) -> wire::ApplicationSpec {
    let crd::ApplicationSpec {
        identity: _,
        labels: _,
        inherit_labels: _,
        owners: _,
        manifest,
        tosca,
        csar_url,
        observer_schema,
        constraints,
        hooks,
        shutdown,
        backoff: Backoff { factor, delay_seconds, limit },
        storage_migration,
        auto_cluster_create,
        migration_strategy: _,
        progress_deadline_seconds: _,
        unreachable_toleration_seconds: _,
        deletion_policy: _,
    } = spec;
    let Shutdown { grace_time_seconds, failure_strategy, retry_count } = shutdown.unwrap_or_default();
    wire::ApplicationSpec {
        manifest: manifest.iter().map(value_to_object).collect(),
        tosca: tosca_to_wire(tosca),
        csar: csar_url,
        observer_schema: schema_to_wire(observer_schema),
        constraints: constraints_to_wire_type(constraints),
        hooks,
        shutdown_grace_time: grace_time_seconds,
        shutdown_failure_strategy: failure_strategy,
        shutdown_retry_count: retry_count,
        backoff: factor,
        backoff_delay: delay_seconds,
        backoff_limit: limit,
        storage_migration,
        auto_cluster_create,
    }
}

fn constraints_of(constraints: &wire::ApplicationConstraints) -> Constraints {
    let wire::ApplicationConstraints { cluster, migration } = constraints;
    let wire::ClusterConstraints { labels, custom_resources, metrics } = cluster;
    let cluster = crd::ClusterConstraints {
        labels: constraints_to_object(labels.as_ref()),
        metrics: constraints_to_object(metrics.as_ref()),
        custom_resources: custom_resources.clone(),
    };
    Constraints { cluster, migration: *migration }
}

fn constraints_to_wire_type(constraints: Constraints) -> wire::ApplicationConstraints {
    let Constraints { cluster, migration } = constraints;
    let crd::ClusterConstraints { labels, metrics, custom_resources } = cluster;
    let cluster = wire::ClusterConstraints {
        labels: constraints_to_wire(labels),
        custom_resources,
        metrics: constraints_to_wire(metrics),
    };
    wire::ApplicationConstraints { cluster, migration }
}

fn tosca_to_object(tosca: &facade::Tosca) -> Option<Tosca> {
    match tosca {
        facade::Tosca::Template(template) if template.is_empty() => None,
        facade::Tosca::Template(template) => Some(Tosca { inline: Some(object_to_value(template)), url: None }),
        facade::Tosca::Url(url) => Some(Tosca { inline: None, url: Some(url.clone()) }),
    }
}

fn tosca_to_wire(tosca: Option<Tosca>) -> facade::Tosca {
    let Tosca { inline, url } = tosca.unwrap_or_default();
    url.map_or_else(
        || facade::Tosca::Template(inline.as_ref().map(value_to_object).unwrap_or_default()),
        facade::Tosca::Url,
    )
}

/// As text: its leaves are nulls, which Kubernetes drops.
fn schema_to_object(schema: &[Object]) -> Option<String> {
    let entries: Vec<Value> = schema.iter().map(object_to_value).collect();
    (!entries.is_empty()).then(|| Value::Array(entries).to_string())
}

/// A text that is no schema shows as none; the application controller reports it.
fn schema_to_wire(schema: Option<String>) -> Vec<Object> {
    let entries: Vec<Value> = schema.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    entries.iter().map(value_to_object).collect()
}

fn status_to_object(status: &wire::ApplicationStatus, names: &Directory) -> crd::ApplicationStatus {
    let wire::ApplicationStatus {
        reason,
        state,
        container_health,
        kube_controller_triggered,
        scheduled,
        scheduled_to,
        running_on,
        retries,
        scheduled_retry,
        services,
        mangled_observer_schema: _,
        last_observed_manifest: _,
        last_applied_manifest: _,
        complete_token: _,
        complete_cert: _,
        complete_key: _,
        shutdown_token: _,
        shutdown_cert: _,
        shutdown_key: _,
        shutdown_grace_period: _,
        auto_cluster_create_started: _,
        migration_retries: _,
        migration_timeout: _,
    } = status;
    let attempts = retries.is_some() || scheduled_retry.is_some();
    crd::ApplicationStatus {
        observed_generation: None,
        state: Some(word(state.as_str())),
        reason: reason.as_ref().map(reason_to_object),
        conditions: Vec::new(),
        scheduled_to: scheduled_to.as_ref().map(|place| reference::to_object(place, names)),
        scheduled_at: scheduled.as_ref().map(time_to_object),
        scheduled_generation: None,
        triggered_at: kube_controller_triggered.as_ref().map(time_to_object),
        running_on: running_on.as_ref().map(|place| reference::to_object(place, names)),
        scheduling: attempts.then(|| Scheduling {
            remaining_retries: retries.unwrap_or_default(),
            next_attempt: scheduled_retry.as_ref().map(time_to_object),
        }),
        decision: None,
        migration: None,
        hook_secret_ref: None,
        services: services.iter().filter_map(|(name, at)| Some((name.clone(), at.as_str()?.to_owned()))).collect(),
        container_health: health_to_object(*container_health),
    }
}

/// What only the original's controllers keep in a status starts empty.
fn status_to_wire(status: crd::ApplicationStatus, names: &Directory) -> wire::ApplicationStatus {
    let crd::ApplicationStatus {
        observed_generation: _,
        state,
        reason,
        conditions: _,
        scheduled_to,
        scheduled_at,
        scheduled_generation: _,
        triggered_at,
        running_on,
        scheduling,
        decision: _,
        migration: _,
        hook_secret_ref: _,
        services,
        container_health,
    } = status;
    let (retries, scheduled_retry) = match scheduling {
        Some(Scheduling { remaining_retries, next_attempt }) => (Some(remaining_retries), next_attempt),
        None => (None, None),
    };
    wire::ApplicationStatus {
        reason: reason.map(reason_to_wire),
        state: wire::ApplicationState::find(&state.unwrap_or_default().to_string()).unwrap_or_default(),
        container_health: health_to_wire(container_health),
        kube_controller_triggered: triggered_at.map(|time| time_to_wire(&time)),
        scheduled: scheduled_at.map(|time| time_to_wire(&time)),
        scheduled_to: scheduled_to.map(|place| reference::to_wire(place, names)),
        running_on: running_on.map(|place| reference::to_wire(place, names)),
        retries,
        scheduled_retry: scheduled_retry.map(|time| time_to_wire(&time)),
        services: services.into_iter().map(|(name, at)| (name, Json::String(at))).collect(),
        ..wire::ApplicationStatus::default()
    }
}

fn health_to_object(health: wire::ContainerHealth) -> crd::ContainerHealth {
    let wire::ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods } = health;
    crd::ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods }
}

fn health_to_wire(health: crd::ContainerHealth) -> wire::ContainerHealth {
    let crd::ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods } = health;
    wire::ContainerHealth { desired_pods, running_pods, completed_pods, failed_pods }
}

#[cfg(test)]
mod tests;
