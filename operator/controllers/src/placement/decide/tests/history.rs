//! What is remembered of objects beyond what a look at them tells.

use super::*;

fn job() -> Value {
    let spec = json!({ "completions": 2, "ttlSecondsAfterFinished": 60, "template": { "metadata": {} } });
    let metadata = json!({ "name": "sum", "namespace": "default" });
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec })
}

fn with_status(mut job: Value, type_: &str) -> Value {
    job["status"] = json!({ "succeeded": 2, "conditions": [{ "type": type_, "status": "True" }] });
    job
}

/// What is applied by name, with the Placement as it is recorded then.
fn step(placement: &Placement, live: BTreeMap<Identity, Value>) -> (Vec<String>, Placement) {
    let Plan::Converge(converge) = known(placement, live) else { panic!("no plan to converge") };
    let mut next = placement.clone();
    next.status.get_or_insert_default().inventory = converge.inventory();
    (converge.apply.into_iter().map(|change| change.entry.name).collect(), next)
}

#[test]
fn what_ended_well_and_is_gone_is_not_made_again_until_it_changes_in_the_manifest() {
    let placement = applied(placement(&[job()]), &[job()]);
    let (steps, ended) = step(&placement, live(&[with_status(job(), "Complete")], &placement));
    let pods = ended.status.as_ref().unwrap().inventory[0].ended.as_ref().map(|ended| ended.pods);
    assert_eq!((steps, pods), (named(&[]), Some(2)));
    let (steps, mut gone) = step(&ended, BTreeMap::new());
    assert_eq!((steps, &gone.status), (named(&[]), &ended.status));
    gone.metadata.generation = Some(3);
    assert_eq!(step(&gone, BTreeMap::new()).0, named(&[]));
    gone.spec.manifest[0]["spec"]["completions"] = json!(3);
    let (steps, again) = step(&gone, BTreeMap::new());
    assert_eq!((steps, &again.status.unwrap().inventory[0].ended), (named(&["sum"]), &None));
}

#[test]
fn what_is_gone_without_having_ended_well_is_made_again() {
    let placement = applied(placement(&[job()]), &[job()]);
    for before in [job(), with_status(job(), "Failed")] {
        let (_, seen) = step(&placement, live(&[before], &placement));
        assert_eq!(step(&seen, BTreeMap::new()).0, named(&["sum"]));
    }
}

#[test]
fn that_an_older_manifest_ended_well_says_nothing_about_a_newer_one() {
    let mut placement = applied(placement(&[job()]), &[job()]);
    placement.spec.manifest[0]["spec"]["completions"] = json!(3);
    placement.metadata.generation = Some(3);
    let (steps, seen) = step(&placement, live(&[with_status(job(), "Complete")], &placement));
    assert_eq!((steps, step(&seen, BTreeMap::new()).0), (named(&["sum"]), named(&["sum"])));
}

#[test]
fn what_nobody_had_marked_before_it_was_applied_is_recorded_as_adopted() {
    let a = object("ConfigMap", "a");
    let placement = placement(from_ref(&a));
    let there = |uid: &str, is_marked: bool, placement: &Placement| {
        let mut object = a.clone();
        if is_marked {
            ownership(placement).mark(&mut object);
        }
        object["metadata"]["uid"] = json!(uid);
        let (_, next) = step(placement, BTreeMap::from([(Identity::of_entry(&entry(&a)), object)]));
        (next.status.as_ref().unwrap().inventory[0].adopted, next)
    };
    let (is_adopted, adopted) = there("live", false, &placement);
    assert!(is_adopted && there("live", true, &adopted).0);
    // One that we made is ours even without its marks, and so is one that we make in place of an adopted one.
    let ours = applied(placement, from_ref(&a));
    assert!(!there("live", true, &ours).0 && !there("live", false, &ours).0 && there("other", false, &ours).0);
    let (steps, anew) = step(&adopted, BTreeMap::new());
    assert_eq!((steps, anew.status.unwrap().inventory[0].adopted), (named(&["a"]), false));
}

/// A Namespace that somebody else made, as it is found when the Placement is new.
fn namespace(marks: impl FnOnce(&mut Value)) -> BTreeMap<Identity, Value> {
    let mut found = object("Namespace", "a");
    found["metadata"]["uid"] = json!("theirs");
    marks(&mut found);
    BTreeMap::from([(Identity::of_entry(&entry(&found)), found)])
}

#[test]
fn that_a_namespace_was_adopted_outlives_the_placement_and_its_status() {
    let mine = placement(&[object("Namespace", "a")]);
    let Plan::Converge(first) = known(&mine, namespace(|_| ())) else { panic!("no plan") };
    assert!(Ownership::is_adopted(&first.apply[0].body) && first.wanted[0].adopted);
    let mut next = mine.clone();
    next.metadata.uid = Some("u2".into());
    let after = |placement: &Placement| {
        step(placement, namespace(|found| *found = merged(found, &first.apply[0].body))).1.status.unwrap().inventory
    };
    assert!(after(&next)[0].adopted, "forgotten with the placement");
    assert!(after(&mine)[0].adopted, "forgotten with the status");
}

fn merged(found: &Value, applied: &Value) -> Value {
    let mut merged = applied.clone();
    merged["metadata"]["uid"] = found["metadata"]["uid"].clone();
    merged
}

#[test]
fn that_a_namespace_was_adopted_is_written_on_it_once_and_on_nothing_else() {
    let ns = object("Namespace", "a");
    let mut placement = applied(placement(from_ref(&ns)), from_ref(&ns));
    placement.status.get_or_insert_default().inventory[0].adopted = true;
    let schema = json!([{ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } }]).to_string();
    let owner = ownership(&placement);
    for schema in [None, Some(schema)] {
        placement.spec.observer_schema = schema;
        assert_eq!(step(&placement, namespace(|found| owner.mark(found))).0, named(&["a"]));
        let Plan::Converge(plan) = known(&placement, namespace(|found| owner.mark(found))) else { panic!("no plan") };
        let is_as_applied = namespace(|found| *found = merged(found, &plan.apply[0].body));
        assert_eq!(step(&placement, is_as_applied).0, named(&[]));
    }
    let map = object("ConfigMap", "a");
    let mut placement = applied(super::placement(from_ref(&map)), from_ref(&map));
    placement.status.get_or_insert_default().inventory[0].adopted = true;
    assert_eq!(step(&placement, live(from_ref(&map), &placement)).0, named(&[]));
}

#[test]
fn what_ends_while_nothing_can_be_done_is_not_made_again() {
    let theirs = object("ConfigMap", "theirs");
    let placement = applied(placement(&[job(), theirs.clone()]), &[job(), theirs.clone()]);
    let mut other = placement.clone();
    (other.metadata.uid, other.spec.application) = (Some("u2".into()), "blog".into());
    let mut there = live(&[with_status(job(), "Complete")], &placement);
    there.extend(live(&[theirs], &other));
    let situation = || {
        let outline = outline(&placement, "default", |_, _| Some(Scope::Namespaced));
        Situation::Known(Facts { outline, live: there.clone() })
    };
    let waits = Restraint { setback: Some(Duration::from_secs(1)), ..Restraint::default() };
    let Plan::Hold(held) = restrained(&placement, situation(), waits) else { panic!("not held") };
    let Plan::Refuse { untouched: refused, .. } = planned(&placement, situation()) else { panic!("not refused") };
    for untouched in [held, refused] {
        let mut next = placement.clone();
        next.status.get_or_insert_default().inventory = untouched.inventory;
        assert_eq!(step(&next, BTreeMap::new()).0, named(&["theirs"]));
    }
}

#[test]
fn cutting_a_list_leaves_what_is_not_observed_in_it() {
    let mut desired = object("Service", "a");
    desired["spec"] = json!({ "ports": [{ "port": 80, "nodePort": 31_000 }] });
    let mut placement = applied(placement(from_ref(&desired)), from_ref(&desired));
    let control = json!({ "observer_schema_list_min_length": 1, "observer_schema_list_max_length": 1 });
    let observed = json!({ "ports": [{ "port": null }, control] });
    let schema = json!([{ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" }, "spec": observed }]);
    placement.spec.observer_schema = Some(schema.to_string());
    let mut theirs = desired;
    theirs["spec"]["ports"] = json!([{ "port": 80, "nodePort": 32_000 }, { "port": 81 }]);
    let Plan::Converge(converge) = known(&placement, live(&[theirs], &placement)) else { panic!("no plan") };
    let expected = json!({ "spec": { "ports": [{ "port": 80, "nodePort": 32_000 }] } });
    assert_eq!(converge.apply[0].shortening, Some(expected));
}
