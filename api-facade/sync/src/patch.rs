//! JSON Patch operations on an object as it was read. Pure.
//!
//! Patches touch exactly the fields that were decided about, so that every other field keeps its value and its field
//! manager; and unlike a server-side apply, they can take away a value that somebody else has set.

use std::collections::BTreeSet;

use krake_crds::finalizer;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::{
    base::Field,
    face::Face,
    translate::metadata::{UID, is_krake, outlives_force},
};

/// What to change on an object beside its status.
#[derive(Default)]
pub(crate) struct Change<'a> {
    /// The fields to set to their values in the face.
    pub(crate) fields: BTreeSet<Field>,
    /// Whether to add our finalizer.
    pub(crate) add_finalizer: bool,
    /// The uid under which REST knows the object, if the object is to carry it.
    pub(crate) adopt_uid: Option<&'a str>,
    /// The reference to the Secret, which is not in the face.
    pub(crate) reference: Reference,
}

/// The reference to an object's Secret, and what to do with it.
#[derive(Default)]
pub(crate) struct Reference {
    /// Where it is, from `spec` or `status` on; empty for objects without a secret.
    pub(crate) path: &'static [&'static str],
    /// What to do.
    pub(crate) wish: Wish,
}

/// What to do with a value.
#[derive(Default)]
pub(crate) enum Wish {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Put this in its place.
    Set(Value),
    /// Take it away.
    Remove,
}

/// The operations that bring about a change.
pub(crate) fn change(object: &DynamicObject, face: &Face, change: &Change<'_>) -> Vec<Value> {
    let mut operations = Vec::new();
    let empty = Map::new();
    let spec = object.data.get("spec").and_then(Value::as_object).unwrap_or(&empty);
    for field in &change.fields {
        match field {
            Field::Spec(name) => {
                let value = face.value(field).map(|value| change.reference.graft(name, value, spec));
                operations.extend(member("/spec", spec, name, value));
            }
            Field::Owners => operations.extend(member("/spec", spec, "owners", face.value(field))),
            Field::Label(_) | Field::Finalizer(_) | Field::Secret | Field::Status(_) | Field::StatusSecret => {}
        }
    }
    operations.extend(labels(spec, face, &change.fields));
    operations.extend(change.reference.operation("/spec", spec, &change.fields));
    let before = object.metadata.finalizers.clone().unwrap_or_default();
    let after = finalizers(&before, face, change);
    if after != before {
        operations.push(json!({ "op": "add", "path": "/metadata/finalizers", "value": after }));
    }
    if let Some(uid) = change.adopt_uid {
        operations.extend(annotate(object, UID, uid));
    }
    operations
}

/// The operations that set status fields to their values in the face.
pub(crate) fn status(object: &DynamicObject, face: &Face, fields: &BTreeSet<Field>, secret: &Reference) -> Vec<Value> {
    let empty = Map::new();
    let status = object.data.get("status").and_then(Value::as_object);
    let create = status.is_none().then(|| json!({ "op": "add", "path": "/status", "value": {} }));
    let status = status.unwrap_or(&empty);
    let set = fields.iter().filter_map(|field| match field {
        Field::Status(name) => member("/status", status, name, face.value(field)),
        _ => None,
    });
    create.into_iter().chain(set).chain(secret.operation("/status", status, fields)).collect()
}

/// The operation that says of the generation that was read that it is approved. It goes with others of the status.
pub(crate) fn approval(object: &DynamicObject) -> Option<Value> {
    let generation = object.metadata.generation?;
    Some(json!({ "op": "add", "path": "/status/scheduledGeneration", "value": generation }))
}

/// The operations that put the garbage collector's finalizer on.
pub(crate) fn guard(object: &DynamicObject) -> Vec<Value> {
    let held = object.metadata.finalizers.iter().flatten().map(String::as_str);
    let after: Vec<&str> = held.chain([finalizer::CASCADE]).collect();
    vec![json!({ "op": "add", "path": "/metadata/finalizers", "value": after })]
}

/// The operations that take our finalizer off.
pub(crate) fn release(object: &DynamicObject) -> Vec<Value> {
    without_finalizers(object, |name| name == finalizer::MIRROR)
}

/// The operations that take all finalizers of Krake off.
pub(crate) fn release_all(object: &DynamicObject) -> Vec<Value> {
    without_finalizers(object, is_krake)
}

/// The operations that mark an object of this kind as forced, and take all finalizers of Krake off that do not outlive it.
pub(crate) fn let_go(kind: &str, object: &DynamicObject) -> Vec<Value> {
    let mark = annotate(object, finalizer::FORCED, "true");
    let release = without_finalizers(object, |name| is_krake(name) && !outlives_force(kind, name));
    mark.into_iter().chain(release).collect()
}

impl Reference {
    /// A member of `spec` as it is to be written: with the reference, if that is inside it.
    fn graft(&self, name: &str, mut value: Value, before: &Map<String, Value>) -> Value {
        let Some(rest) = self.within(name) else { return value };
        let reference = match &self.wish {
            Wish::Set(reference) => Some(reference.clone()),
            Wish::Remove => None,
            Wish::Keep => before.get(name).and_then(|member| follow(member, rest)).cloned(),
        };
        if let (Value::Object(members), Some(reference)) = (&mut value, reference) {
            insert(members, rest, reference);
        }
        value
    }

    /// The path inside a member, if the reference is inside it.
    fn within(&self, name: &str) -> Option<&'static [&'static str]> {
        self.path.split_first().filter(|(first, rest)| **first == name && !rest.is_empty()).map(|(_, rest)| rest)
    }

    /// What brings the wish about, unless the member around it is written anyway.
    fn operation(&self, section: &str, members: &Map<String, Value>, fields: &BTreeSet<Field>) -> Option<Value> {
        let value = match &self.wish {
            Wish::Keep => return None,
            Wish::Set(value) => Some(value.clone()),
            Wish::Remove => None,
        };
        let (first, rest) = self.path.split_first()?;
        let Some((last, parents)) = rest.split_last() else { return member(section, members, first, value) };
        if fields.contains(&Field::Spec((*first).to_owned())) {
            return None;
        }
        let place = follow(members.get(*first)?, parents)?.as_object()?;
        let path = [&[*first], parents].concat().join("/");
        member(&format!("{section}/{path}"), place, last, value)
    }
}

/// Puts a value at a path whose parents are there.
pub(crate) fn insert(members: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = members;
    for name in parents {
        let Some(Value::Object(next)) = place.get_mut(*name) else { return };
        place = next;
    }
    place.insert((*last).to_owned(), value);
}

fn follow<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.get(*name))
}

fn without_finalizers(object: &DynamicObject, goes: impl Fn(&str) -> bool) -> Vec<Value> {
    let before = object.metadata.finalizers.iter().flatten();
    let after: Vec<&String> = before.filter(|name| !goes(name)).collect();
    vec![json!({ "op": "add", "path": "/metadata/finalizers", "value": after })]
}

fn member(parent: &str, members: &Map<String, Value>, name: &str, value: Option<Value>) -> Option<Value> {
    let path = format!("{parent}/{}", escape(name));
    match value {
        Some(value) => Some(json!({ "op": "add", "path": path, "value": value })),
        None if members.contains_key(name) => Some(json!({ "op": "remove", "path": path })),
        None => None,
    }
}

fn labels(spec: &Map<String, Value>, face: &Face, fields: &BTreeSet<Field>) -> Vec<Value> {
    let empty = Map::new();
    let present = spec.get("labels").and_then(Value::as_object);
    let labels = present.unwrap_or(&empty);
    let set = fields.iter().filter_map(|field| match field {
        Field::Label(key) => member("/spec/labels", labels, key, face.value(field)),
        _ => None,
    });
    let set: Vec<Value> = set.collect();
    let create =
        (present.is_none() && !set.is_empty()).then(|| json!({ "op": "add", "path": "/spec/labels", "value": {} }));
    create.into_iter().chain(set).collect()
}

fn finalizers(before: &[String], face: &Face, change: &Change<'_>) -> Vec<String> {
    let mut after = before.to_vec();
    for field in &change.fields {
        let Field::Finalizer(name) = field else { continue };
        let (is_there, is_wanted) = (after.contains(name), face.finalizers().contains(name));
        if is_wanted && !is_there {
            after.push(name.clone());
        } else if !is_wanted && is_there {
            after.retain(|other| other != name);
        }
    }
    if change.add_finalizer && !after.iter().any(|name| name == finalizer::MIRROR) {
        after.push(finalizer::MIRROR.to_owned());
    }
    after
}

fn annotate(object: &DynamicObject, name: &str, value: &str) -> Vec<Value> {
    let create = object.metadata.annotations.is_none();
    let create = create.then(|| json!({ "op": "add", "path": "/metadata/annotations", "value": {} }));
    let path = format!("/metadata/annotations/{}", escape(name));
    create.into_iter().chain([json!({ "op": "add", "path": path, "value": value })]).collect()
}

/// Source: RFC 6901.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn bare() -> DynamicObject {
        object(json!({ "metadata": { "name": "shop" }, "spec": { "manifest": [], "hooks": ["complete"] } }))
    }

    fn fields(names: &[&str]) -> BTreeSet<Field> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn only_the_fields_decided_about_are_touched() {
        let wanted = Change { fields: fields(&["spec.hooks", "spec.absent"]), ..Change::default() };
        let operations = change(&bare(), &Face::default(), &wanted);
        assert_eq!(operations, [json!({ "op": "remove", "path": "/spec/hooks" })]);
    }

    #[test]
    fn nothing_to_change_is_no_operation() {
        let held = object(json!({ "metadata": { "finalizers": [finalizer::MIRROR] } }));
        assert!(change(&held, &Face::default(), &Change { add_finalizer: true, ..Change::default() }).is_empty());
    }

    #[test]
    fn a_label_that_looks_like_a_path_is_escaped() {
        let labelled = object(json!({ "metadata": {}, "spec": { "labels": { "a/b~c": "d" } } }));
        let wanted = Change { fields: fields(&["label:a/b~c"]), ..Change::default() };
        let operations = change(&labelled, &Face::default(), &wanted);
        assert_eq!(operations, [json!({ "op": "remove", "path": "/spec/labels/a~1b~0c" })]);
    }

    #[test]
    fn a_release_leaves_the_finalizers_of_others() {
        let held = object(json!({ "metadata": { "finalizers": ["a.b/c", finalizer::CASCADE, finalizer::MIRROR] } }));
        assert_eq!(release(&held)[0]["value"], json!(["a.b/c", finalizer::CASCADE]));
        assert_eq!(release_all(&held)[0]["value"], json!(["a.b/c"]));
    }

    #[test]
    fn what_is_forced_is_marked_and_only_an_application_keeps_the_finalizer_of_its_copies() {
        let finalizers = ["a.b/c", finalizer::KUBERNETES_RESOURCES, finalizer::CASCADE, finalizer::MIRROR];
        let annotations = json!({ "krake.dev/uid": "u" });
        let held = object(json!({ "metadata": { "finalizers": finalizers, "annotations": annotations } }));
        let marked = json!({ "op": "add", "path": "/metadata/annotations/krake.dev~1forced", "value": "true" });
        for (kind, rest) in
            [("Application", json!(["a.b/c", finalizer::KUBERNETES_RESOURCES])), ("Cluster", json!(["a.b/c"]))]
        {
            let released = json!({ "op": "add", "path": "/metadata/finalizers", "value": rest });
            assert_eq!(let_go(kind, &held), [marked.clone(), released], "{kind}");
        }
    }

    fn influx() -> DynamicObject {
        let reference = json!({ "name": "mine", "key": "token" });
        object(json!({ "metadata": {}, "spec": { "influx": { "url": "u", "tokenSecretRef": reference } } }))
    }

    fn token(wish: Wish) -> Reference {
        Reference { path: &["influx", "tokenSecretRef"], wish }
    }

    #[test]
    fn a_reference_inside_a_member_survives_a_change_of_the_member() {
        let face = Face::of_spec(&json!({ "influx": { "url": "new" } }));
        let wanted = |wish| Change { fields: fields(&["spec.influx"]), reference: token(wish), ..Change::default() };
        let value = |wish| change(&influx(), &face, &wanted(wish))[0]["value"].clone();
        assert_eq!(value(Wish::Keep)["tokenSecretRef"]["name"], "mine");
        assert_eq!(value(Wish::Set(json!({ "name": "own" })))["tokenSecretRef"]["name"], "own");
        assert_eq!(value(Wish::Remove), json!({ "url": "new" }));
    }

    #[test]
    fn a_reference_inside_a_member_can_change_alone() {
        let wanted = |wish| Change { reference: token(wish), ..Change::default() };
        let operations = |wish| change(&influx(), &Face::default(), &wanted(wish));
        let path = "/spec/influx/tokenSecretRef";
        assert_eq!(operations(Wish::Set(json!(1))), [json!({ "op": "add", "path": path, "value": 1 })]);
        assert_eq!(operations(Wish::Remove), [json!({ "op": "remove", "path": path })]);
        assert!(operations(Wish::Keep).is_empty());
    }

    #[test]
    fn a_uid_is_put_among_the_annotations() {
        let wanted = Change { adopt_uid: Some("u"), ..Change::default() };
        let operations = change(&bare(), &Face::default(), &wanted);
        let expected = [
            json!({ "op": "add", "path": "/metadata/annotations", "value": {} }),
            json!({ "op": "add", "path": "/metadata/annotations/krake.dev~1uid", "value": "u" }),
        ];
        assert_eq!(operations, expected);
    }
}
