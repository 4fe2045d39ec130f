//! A creation request and its answer for each kind, from the appendix of the REST contract; `<uid>` and `<now>` stand
//! for what the server decides.

use super::*;

macro_rules! example {
    ($type:ty, request: $request:literal, answer: $answer:literal) => {
        impl Example for $type {
            const REQUEST: &'static str = $request;
            const ANSWER: &'static str = $answer;
        }
    };
}

example!(
    Role,
    request: r#"{"metadata": {"name": "demo"}, "rules": [{"api": "kubernetes", "resources": ["applications"], "namespaces": ["testing"], "verbs": ["get", "list"]}]}"#,
    answer: r#"{"api": "core", "kind": "Role", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "rules": [{"api": "kubernetes", "resources": ["applications"], "namespaces": ["testing"], "verbs": ["get", "list"]}]}"#
);

example!(
    RoleBinding,
    request: r#"{"metadata": {"name": "demo"}, "users": ["alice"], "roles": ["reader"]}"#,
    answer: r#"{"api": "core", "kind": "RoleBinding", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "users": ["alice"], "roles": ["reader"]}"#
);

example!(
    GlobalMetric,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"allowed_values": [], "min": "0", "max": 1, "provider": {"name": "prom", "metric": "heat"}}}"#,
    answer: r#"{"api": "core", "kind": "GlobalMetric", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"allowed_values": [], "min": 0.0, "max": 1.0, "provider": {"name": "prom", "metric": "heat"}}}"#
);

example!(
    GlobalMetricsProvider,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "prometheus", "prometheus": {"url": "http://p:9090"}}}"#,
    answer: r#"{"api": "core", "kind": "GlobalMetricsProvider", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "prometheus", "prometheus": {"url": "http://p:9090"}}}"#
);

example!(
    Metric,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"allowed_values": [3, 1], "min": 0, "max": 5, "provider": {"name": "st", "metric": "m"}}}"#,
    answer: r#"{"api": "core", "kind": "Metric", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"allowed_values": [3, 1], "min": 0.0, "max": 5.0, "provider": {"name": "st", "metric": "m"}}}"#
);

example!(
    MetricsProvider,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "static", "static": {"metrics": {"m": 1, "n": "0.5"}}}}"#,
    answer: r#"{"api": "core", "kind": "MetricsProvider", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "static", "static": {"metrics": {"m": 1.0, "n": 0.5}}}}"#
);

example!(
    Application,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"manifest": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"b": "1", "a": null}}], "constraints": {"cluster": {"labels": ["location is DE"]}}}}"#,
    answer: r#"{"api": "kubernetes", "kind": "Application", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"manifest": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"b": "1", "a": null}}], "tosca": {}, "csar": null, "observer_schema": [], "constraints": {"cluster": {"labels": ["location is DE"], "custom_resources": [], "metrics": null}, "migration": true}, "hooks": [], "shutdown_grace_time": null, "shutdown_failure_strategy": null, "shutdown_retry_count": null, "backoff": 1, "backoff_delay": 1, "backoff_limit": -1, "storage_migration": "none", "auto_cluster_create": false}, "status": {"reason": null, "state": "PENDING", "container_health": {"desired_pods": 0, "running_pods": 0, "completed_pods": 0, "failed_pods": 0}, "kube_controller_triggered": null, "scheduled": null, "scheduled_to": null, "running_on": null, "retries": null, "scheduled_retry": null, "services": {}, "mangled_observer_schema": [], "last_observed_manifest": [], "last_applied_manifest": [], "complete_token": null, "complete_cert": null, "complete_key": null, "shutdown_token": null, "shutdown_cert": null, "shutdown_key": null, "shutdown_grace_period": null, "auto_cluster_create_started": null, "migration_retries": 0, "migration_timeout": 0}}"#
);

example!(
    Cluster,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"kubeconfig": {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}], "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}, "constraints": {"cloud": {}}, "metrics": [{"name": "heat", "weight": 1}]}}"#,
    answer: r#"{"api": "kubernetes", "kind": "Cluster", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"kubeconfig": {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}], "users": [{"name": "u", "user": {"token": "t"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}, "tosca": {}, "custom_resources": [], "constraints": {"cloud": {"labels": null, "metrics": null}}, "metrics": [{"name": "heat", "weight": 1.0, "namespaced": false}], "inherit_metrics": false, "backoff": 1, "backoff_delay": 1, "backoff_limit": -1, "auto_generated": false}, "status": {"reason": null, "kube_controller_triggered": null, "state": "PENDING", "metrics_reasons": {}, "last_applied_tosca": {}, "nodes": [], "cluster_id": null, "scheduled": null, "scheduled_to": null, "running_on": null, "retries": 0}}"#
);

example!(
    GlobalInfrastructureProvider,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "im", "im": {"url": "http://im:8800", "token": "t"}}}"#,
    answer: r#"{"api": "infrastructure", "kind": "GlobalInfrastructureProvider", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "im", "im": {"url": "http://im:8800", "username": null, "password": null, "token": "t"}}}"#
);

example!(
    InfrastructureProvider,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "im", "im": {"url": "http://im:8800", "username": "u", "password": "p"}}}"#,
    answer: r#"{"api": "infrastructure", "kind": "InfrastructureProvider", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "im", "im": {"url": "http://im:8800", "username": "u", "password": "p", "token": null}}}"#
);

example!(
    GlobalCloud,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "openstack", "openstack": {"url": "https://ks:5000/v3", "auth": {"type": "password", "password": {"user": {"username": "u", "password": "p"}, "project": {"name": "pn"}}}, "infrastructure_provider": {"name": "ip"}}}}"#,
    answer: r#"{"api": "infrastructure", "kind": "GlobalCloud", "metadata": {"name": "demo", "namespace": null, "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "openstack", "openstack": {"url": "https://ks:5000/v3", "auth": {"type": "password", "password": {"version": "3", "user": {"username": "u", "password": "p", "domain_name": "Default", "comment": null}, "project": {"name": "pn", "domain_id": "default", "comment": null}}}, "metrics": [], "infrastructure_provider": {"name": "ip", "namespaced": false}}}, "status": {"state": "ONLINE", "metrics_reasons": {}}}"#
);

example!(
    Cloud,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"type": "openstack", "openstack": {"url": "https://ks:5000/v3", "auth": {"type": "password", "password": {"user": {"username": "u", "password": "p"}, "project": {"name": "pn"}}}, "infrastructure_provider": {"name": "ip"}}}}"#,
    answer: r#"{"api": "infrastructure", "kind": "Cloud", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"type": "openstack", "openstack": {"url": "https://ks:5000/v3", "auth": {"type": "password", "password": {"version": "3", "user": {"username": "u", "password": "p", "domain_name": "Default", "comment": null}, "project": {"name": "pn", "domain_id": "default", "comment": null}}}, "metrics": [], "infrastructure_provider": {"name": "ip", "namespaced": false}}}, "status": {"state": "ONLINE", "metrics_reasons": {}}}"#
);

example!(
    Project,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"url": "https://ks:5000/v3", "template": "tpl", "auth": {"type": "application_credential", "application_credential": {"id": "i", "secret": "s"}}}}"#,
    answer: r#"{"api": "openstack", "kind": "Project", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"url": "https://ks:5000/v3", "auth": {"type": "application_credential", "application_credential": {"id": "i", "secret": "s"}}, "template": "tpl", "metrics": []}, "status": {"state": "ONLINE", "metrics_reasons": {}}}"#
);

example!(
    MagnumCluster,
    request: r#"{"metadata": {"name": "demo"}, "spec": {"node_count": 2}}"#,
    answer: r#"{"api": "openstack", "kind": "MagnumCluster", "metadata": {"name": "demo", "namespace": "testing", "labels": {}, "inherit_labels": false, "finalizers": [], "uid": "<uid>", "created": "<now>", "modified": "<now>", "deleted": null, "owners": []}, "spec": {"master_count": null, "node_count": 2, "metrics": [], "constraints": null}, "status": {"reason": null, "state": "PENDING", "project": null, "template": null, "cluster_id": null, "node_count": null, "api_address": null, "master_addresses": null, "node_addresses": null, "cluster": null}}"#
);
