//! Writing the part of a status that one controller owns, and nothing when nothing would change.

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{context::Known, superseded};

/// The part of a kind's status that one controller writes.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Field manager under which it is written.
    pub manager: &'static str,
    /// Top-level fields of the status, by their name in JSON.
    pub fields: &'static [&'static str],
    /// Types of the conditions.
    pub conditions: &'static [&'static str],
}

impl Part {
    /// Writes this part of `wanted` to the status of `object`, if it differs from what `object` has; answers the object
    /// as written, or `None` if nothing was. The write fails with a conflict if the object has changed since it was read.
    ///
    /// # Errors
    /// Whatever the API server answers.
    pub async fn write<K, S>(&self, api: &Api<K>, object: &K, wanted: &S) -> Result<Option<K>, kube::Error>
    where
        K: Known + Serialize,
        S: Serialize,
    {
        let wanted = self.project(&to_value(wanted)?);
        if self.of(object)? == wanted {
            return Ok(None);
        }
        let (name, version) = (object.name_any(), object.resource_version());
        let applied = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name, "resourceVersion": version },
            "status": wanted,
        });
        let how = PatchParams::apply(self.manager).force();
        let written = api.patch_status(&name, &how, &Patch::Apply(&applied)).await?;
        superseded::note(object, &written);
        let leftover = self.leftover(&wanted, &self.of(&written)?);
        if leftover.is_empty() {
            return Ok(Some(written));
        }
        let removed = json!({ "metadata": { "resourceVersion": written.resource_version() }, "status": leftover });
        let how = PatchParams { field_manager: Some(self.manager.into()), ..PatchParams::default() };
        let amended = api.patch_status(&name, &how, &Patch::Merge(&removed)).await?;
        superseded::note(&written, &amended);
        Ok(Some(amended))
    }

    /// This part of the status of `object`.
    fn of<K: Serialize>(&self, object: &K) -> Result<Value, kube::Error> {
        Ok(self.project(to_value(object)?.get("status").unwrap_or(&Value::Null)))
    }

    fn project(&self, status: &Value) -> Value {
        let mut part = Map::new();
        for &field in self.fields {
            if let Some(value) = status.get(field).filter(|value| !value.is_null()) {
                part.insert(field.into(), value.clone());
            }
        }
        let conditions = status.get("conditions").and_then(Value::as_array);
        let mut mine: Vec<&Value> = conditions.into_iter().flatten().filter(|one| self.owns_condition(one)).collect();
        mine.sort_by_key(|one| one.get("type").and_then(Value::as_str));
        if !mine.is_empty() {
            part.insert("conditions".into(), json!(mine));
        }
        Value::Object(part)
    }

    fn owns_condition(&self, condition: &Value) -> bool {
        condition.get("type").and_then(Value::as_str).is_some_and(|type_| self.conditions.contains(&type_))
    }

    /// Fields that should be gone and are not, because another manager set them too: an apply only gives up its own
    /// claim. (A client of the REST API may have written the whole status.) As a merge patch.
    fn leftover(&self, wanted: &Value, written: &Value) -> Map<String, Value> {
        let stuck = |field: &&&str| written.get(**field).is_some() && wanted.get(**field).is_none();
        self.fields.iter().filter(stuck).map(|field| ((*field).to_owned(), Value::Null)).collect()
    }
}

fn to_value<S: Serialize>(value: &S) -> Result<Value, kube::Error> {
    serde_json::to_value(value).map_err(kube::Error::SerdeError)
}

#[cfg(test)]
mod tests {
    use krake_crds::kubernetes::Cluster;

    use super::*;
    use crate::testing::{Call, Server};

    const PART: Part = Part { manager: "krake-test", fields: &["state", "reason"], conditions: &["Ready", "Applied"] };

    #[test]
    fn only_the_own_part_is_seen_in_a_fixed_order() {
        let status = json!({
            "state": "RUNNING",
            "reason": null,
            "scheduledTo": { "name": "edge" },
            "conditions": [{ "type": "Scheduled" }, { "type": "Ready" }, { "type": "Applied" }],
        });
        let seen = PART.project(&status);
        assert_eq!(seen, json!({ "state": "RUNNING", "conditions": [{ "type": "Applied" }, { "type": "Ready" }] }));
        assert_eq!(PART.project(&Value::Null), json!({}));
    }

    #[test]
    fn a_field_that_another_manager_keeps_alive_is_removed() {
        let leftover = PART.leftover(&json!({ "state": "RUNNING" }), &json!({ "state": "RUNNING", "reason": {} }));
        assert_eq!(Value::Object(leftover), json!({ "reason": null }));
        assert!(PART.leftover(&json!({ "state": "RUNNING" }), &json!({ "state": "RUNNING" })).is_empty());
    }

    fn cluster(status: &Value) -> Value {
        json!({
            "apiVersion": "kubernetes.krake.dev/v1alpha1", "kind": "Cluster",
            "metadata": { "name": "edge", "namespace": "web", "resourceVersion": "8" },
            "spec": {}, "status": status,
        })
    }

    /// Writes `wanted` to a cluster with `status`; answers the calls that were made.
    async fn write(status: &Value, wanted: &Value, answers: impl IntoIterator<Item = Value>) -> Vec<Call> {
        let server = Server::answering(answers);
        let api = Api::namespaced(server.client(), "web");
        let object: Cluster = serde_json::from_value(cluster(status)).unwrap();
        PART.write(&api, &object, wanted).await.unwrap();
        server.calls()
    }

    #[tokio::test]
    async fn what_is_there_already_is_not_written() {
        let there = json!({ "state": "ONLINE", "nodeCount": 3 });
        assert!(write(&there, &json!({ "state": "ONLINE" }), []).await.is_empty());
    }

    #[tokio::test]
    async fn a_write_holds_only_the_own_part_and_the_version_that_was_seen() {
        let wanted = json!({ "state": "ONLINE", "nodeCount": 3 });
        let calls = write(&json!({ "state": "OFFLINE" }), &wanted, [cluster(&wanted)]).await;
        assert_eq!(calls.len(), 1);
        assert!(calls[0].uri.contains("/status?") && calls[0].uri.contains("fieldManager=krake-test"));
        assert_eq!(calls[0].content_type, "application/apply-patch+yaml");
        assert_eq!(calls[0].body["status"], json!({ "state": "ONLINE" }));
        assert_eq!(calls[0].body["metadata"]["resourceVersion"], json!("8"));
    }

    #[tokio::test]
    async fn what_stays_after_an_apply_is_removed_by_a_merge() {
        let reason = json!({ "code": "INTERNAL_ERROR", "message": "m" });
        let there = json!({ "state": "OFFLINE", "reason": reason });
        let after_apply = cluster(&json!({ "state": "ONLINE", "reason": reason }));
        let wanted = json!({ "state": "ONLINE" });
        let calls = write(&there, &wanted, [after_apply, cluster(&wanted)]).await;
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1].content_type, "application/merge-patch+json");
        assert_eq!(calls[1].body["status"], json!({ "reason": null }));
        assert_eq!(calls[1].body["metadata"]["resourceVersion"], json!("8"));
    }
}
