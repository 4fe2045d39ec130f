use serde_json::json;

use super::*;

fn health(desired: i64, running: i64, completed: i64, failed: i64) -> ContainerHealth {
    ContainerHealth { desired_pods: desired, running_pods: running, completed_pods: completed, failed_pods: failed }
}

fn check(live: &Value, state: WorkloadState, pods: ContainerHealth) {
    let found = assess(live).unwrap();
    assert_eq!((found.state, found.pods), (state, pods), "{live}: {}", found.sentence);
}

fn pod(policy: &str, container: &Value) -> Value {
    let container = json!({ "name": "main", "state": container });
    let status = json!({ "phase": "Running", "containerStatuses": [container] });
    json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "restartPolicy": policy }, "status": status })
}

#[test]
fn pods() {
    use WorkloadState as S;
    let ended = json!({ "terminated": { "exitCode": 1 } });
    let ended_well = json!({ "terminated": { "exitCode": 0 } });
    check(&pod("Always", &json!({ "running": {} })), S::Running, health(1, 1, 0, 0));
    check(&pod("Always", &ended), S::Restarting, health(1, 0, 0, 0));
    check(&pod("OnFailure", &ended), S::Restarting, health(1, 0, 0, 0));
    check(&pod("OnFailure", &ended_well), S::Running, health(1, 1, 0, 0));
    check(&pod("Always", &json!({ "waiting": { "reason": "CrashLoopBackOff" } })), S::Degraded, health(1, 0, 0, 0));
    let phase = |phase: &str| json!({ "apiVersion": "v1", "kind": "Pod", "status": { "phase": phase } });
    check(&phase("Succeeded"), S::Completed, health(1, 0, 1, 0));
    check(&phase("Failed"), S::Degraded, health(1, 0, 0, 1));
    check(&phase("Pending"), S::Progressing, health(1, 0, 0, 0));
    check(&json!({ "apiVersion": "v1", "kind": "Pod" }), S::Progressing, health(1, 0, 0, 0));
    let mut unready = pod("Always", &json!({ "running": {} }));
    unready["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
    check(&unready, S::Progressing, health(1, 0, 0, 0));
    let mut prepared = pod("Always", &json!({ "running": {} }));
    prepared["status"]["initContainerStatuses"] = json!([{ "name": "prepare", "state": ended_well }]);
    check(&prepared, S::Running, health(1, 1, 0, 0));
}

fn set(kind: &str, replicas: i64, status: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "generation": 3 }, "spec": { "replicas": replicas }, "status": status,
    })
}

fn rolled_out(observed: i64, replicas: i64, updated: i64, ready: i64) -> Value {
    json!({ "observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready })
}

#[test]
fn deployments() {
    use WorkloadState as S;
    let check = |status: Value, state, running| check(&set("Deployment", 2, &status), state, health(2, running, 0, 0));
    check(rolled_out(3, 2, 2, 2), S::Running, 2);
    check(rolled_out(2, 2, 2, 2), S::Progressing, 2);
    check(rolled_out(3, 3, 2, 2), S::Progressing, 2);
    check(rolled_out(3, 2, 1, 2), S::Progressing, 2);
    check(rolled_out(3, 2, 2, 1), S::Progressing, 1);
    check(json!(null), S::Progressing, 0);
    let with_condition = |observed, type_: &str, status: &str| {
        let mut rolled_out = rolled_out(observed, 2, 2, 1);
        rolled_out["conditions"] = json!([{ "type": type_, "status": status }]);
        rolled_out
    };
    check(with_condition(3, "Progressing", "False"), S::Degraded, 1);
    check(with_condition(2, "Progressing", "False"), S::Progressing, 1);
    check(with_condition(3, "ReplicaFailure", "True"), S::Degraded, 1);
    super::tests::check(&set("Deployment", 0, &json!({ "observedGeneration": 3 })), S::Running, health(0, 0, 0, 0));
}

#[test]
fn other_sets() {
    use WorkloadState as S;
    let revisions = |current: &str| {
        let mut status = rolled_out(3, 2, 1, 2);
        status["currentRevision"] = json!(current);
        status["updateRevision"] = json!("new");
        status
    };
    check(&set("StatefulSet", 2, &revisions("new")), S::Running, health(2, 2, 0, 0));
    check(&set("StatefulSet", 2, &revisions("old")), S::Progressing, health(2, 2, 0, 0));
    let mut on_delete = set("StatefulSet", 2, &revisions("old"));
    on_delete["spec"]["updateStrategy"] = json!({ "type": "OnDelete" });
    check(&on_delete, S::Running, health(2, 2, 0, 0));
    let mut partitioned = set("StatefulSet", 2, &revisions("old"));
    partitioned["spec"]["updateStrategy"] = json!({ "rollingUpdate": { "partition": 1 } });
    check(&partitioned, S::Running, health(2, 2, 0, 0));
    partitioned["status"]["updatedReplicas"] = json!(0);
    check(&partitioned, S::Progressing, health(2, 2, 0, 0));
    check(&set("ReplicaSet", 2, &rolled_out(3, 2, 0, 2)), S::Running, health(2, 2, 0, 0));
    check(&set("ReplicaSet", 2, &rolled_out(3, 1, 0, 1)), S::Progressing, health(2, 1, 0, 0));
}

#[test]
fn daemon_sets_count_ready_pods() {
    use WorkloadState as S;
    let daemon_set = |observed: i64, desired: i64, ready: i64| {
        let status = json!({
            "observedGeneration": observed, "desiredNumberScheduled": desired, "currentNumberScheduled": desired,
            "updatedNumberScheduled": desired, "numberReady": ready,
        });
        set("DaemonSet", 0, &status)
    };
    check(&daemon_set(3, 2, 2), S::Running, health(2, 2, 0, 0));
    check(&daemon_set(3, 2, 1), S::Progressing, health(2, 1, 0, 0));
    check(&daemon_set(3, 0, 0), S::Running, health(0, 0, 0, 0));
    check(&daemon_set(0, 0, 0), S::Progressing, health(0, 0, 0, 0));
}

#[test]
fn jobs() {
    use WorkloadState as S;
    let job = |condition: &str, status: Value| {
        let mut job =
            json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": { "completions": 3 }, "status": status });
        job["status"]["conditions"] = json!([{ "type": condition, "status": "True" }]);
        job
    };
    check(&job("Complete", json!({ "succeeded": 3 })), S::Completed, health(3, 0, 3, 0));
    check(&job("Failed", json!({ "failed": 7 })), S::Degraded, health(3, 0, 0, 7));
    check(&job("Suspended", json!({})), S::Running, health(3, 0, 0, 0));
    check(&job("Other", json!({ "active": 2, "startTime": "2026-01-01T00:00:00Z" })), S::Running, health(3, 2, 0, 0));
    check(&job("Other", json!({})), S::Progressing, health(3, 0, 0, 0));
}

#[test]
fn other_kinds_by_the_conventions_of_conditions() {
    use WorkloadState as S;
    let thing = |status: Value| {
        let mut thing = json!({ "apiVersion": "example.org/v1", "kind": "Thing", "metadata": { "generation": 2 } });
        thing["status"] = status;
        thing
    };
    let conditions = |said: &[(&str, &str)]| {
        let one = |(type_, status): &(&str, &str)| json!({ "type": type_, "status": status });
        json!({ "conditions": said.iter().map(one).collect::<Vec<_>>() })
    };
    for (said, expected) in [
        (conditions(&[("Ready", "True")]), Some(S::Running)),
        (conditions(&[("Ready", "False")]), Some(S::Progressing)),
        (conditions(&[("Ready", "Unknown")]), Some(S::Progressing)),
        (conditions(&[("Available", "True")]), Some(S::Running)),
        (conditions(&[("Available", "True"), ("Ready", "False")]), Some(S::Progressing)),
        (conditions(&[("Ready", "True"), ("Reconciling", "True")]), Some(S::Progressing)),
        (conditions(&[("Ready", "False"), ("Stalled", "True")]), Some(S::Degraded)),
        (conditions(&[("Ready", "True"), ("Stalled", "False")]), Some(S::Running)),
        (
            json!({ "observedGeneration": 1, "conditions": [{ "type": "Ready", "status": "True" }] }),
            Some(S::Progressing),
        ),
        (
            json!({ "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 1 }] }),
            Some(S::Progressing),
        ),
        (json!({ "observedGeneration": 1 }), Some(S::Progressing)),
        (json!({ "observedGeneration": 2 }), None),
        (conditions(&[("Other", "False")]), None),
        (json!(null), None),
    ] {
        assert_eq!(assess(&thing(said.clone())).map(|found| found.state), expected, "{said}");
    }
}

#[test]
fn what_says_nothing_is_neutral() {
    for (api_version, kind, status) in [
        ("v1", "Service", json!({ "loadBalancer": {} })),
        ("v1", "PersistentVolumeClaim", json!({ "phase": "Pending" })),
        ("batch/v1", "CronJob", json!({ "active": [{ "name": "run" }] })),
        ("networking.k8s.io/v1", "Ingress", json!({ "loadBalancer": {} })),
    ] {
        assert_eq!(assess(&json!({ "apiVersion": api_version, "kind": kind, "status": status })), None, "{kind}");
    }
}

#[test]
fn what_is_lost_refused_or_being_deleted_says_so() {
    use WorkloadState as S;
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": { "phase": "Lost" } });
    check(&claim, S::Degraded, health(0, 0, 0, 0));
    let definition = |type_: &str, status: &str| {
        let conditions = json!([{ "type": type_, "status": status }]);
        let status = json!({ "conditions": conditions });
        json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": status })
    };
    check(&definition("Established", "True"), S::Running, health(0, 0, 0, 0));
    check(&definition("Established", "False"), S::Progressing, health(0, 0, 0, 0));
    check(&definition("NamesAccepted", "False"), S::Degraded, health(0, 0, 0, 0));
    let mut leaving = set("Deployment", 2, &rolled_out(3, 2, 2, 2));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    check(&leaving, S::Progressing, health(2, 2, 0, 0));
}

#[test]
fn what_has_ended_well_and_is_then_removed_has_still_ended_well() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" },
        "status": { "phase": "Succeeded" },
    });
    check(&pod, WorkloadState::Completed, health(1, 0, 1, 0));
    let job = Identity { kind: "Job".into(), name: "sum".into(), ..Identity::default() };
    let gone = aggregate([(&job, Sight::Ended(3))]);
    assert_eq!((gone.workload, gone.pods), (WorkloadState::Completed, health(3, 0, 3, 0)));
}

#[test]
fn the_worst_object_decides_and_pods_are_summed() {
    let identity = |kind: &str| Identity { kind: kind.into(), name: "web".into(), ..Identity::default() };
    let (deployment, job, service) = (identity("Deployment"), identity("Job"), identity("Service"));
    let running = set("Deployment", 2, &rolled_out(3, 2, 2, 2));
    let starting = set("Deployment", 2, &rolled_out(3, 2, 2, 1));
    let done = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "status": { "succeeded": 1, "conditions": [{ "type": "Complete", "status": "True" }] },
    });
    let neutral = json!({ "apiVersion": "v1", "kind": "Service" });
    for (objects, workload, pods, sentence) in [
        (vec![], WorkloadState::Running, health(0, 0, 0, 0), "all workloads run"),
        (vec![(&service, Sight::Live(&neutral))], WorkloadState::Running, health(0, 0, 0, 0), "all workloads run"),
        (
            vec![(&service, Sight::Live(&neutral)), (&job, Sight::Live(&done))],
            WorkloadState::Completed,
            health(1, 0, 1, 0),
            "all workloads have ended well",
        ),
        (
            vec![(&job, Sight::Live(&done)), (&deployment, Sight::Live(&running))],
            WorkloadState::Running,
            health(3, 2, 1, 0),
            "all workloads run",
        ),
        (
            vec![(&deployment, Sight::Live(&running)), (&deployment, Sight::Live(&starting))],
            WorkloadState::Progressing,
            health(4, 3, 0, 0),
            "Deployment web has 1 of 2 pods ready",
        ),
        (
            vec![(&deployment, Sight::Live(&starting)), (&service, Sight::Missing)],
            WorkloadState::Degraded,
            health(2, 1, 0, 0),
            "Service web is not on the target",
        ),
    ] {
        assert_eq!(aggregate(objects), Health { workload, pods, sentence: sentence.into() });
    }
}

#[test]
fn what_has_run_before_is_failing_and_not_starting() {
    use WorkloadState as S;
    for (before, now, expected) in [
        (None, S::Progressing, S::Progressing),
        (Some(S::Progressing), S::Progressing, S::Progressing),
        (Some(S::Running), S::Progressing, S::Degraded),
        (Some(S::Degraded), S::Progressing, S::Degraded),
        (Some(S::Degraded), S::Running, S::Running),
        (Some(S::Restarting), S::Progressing, S::Restarting),
        (Some(S::Running), S::Completed, S::Completed),
    ] {
        assert_eq!(settle(before, now), expected, "{before:?} {now:?}");
    }
}
