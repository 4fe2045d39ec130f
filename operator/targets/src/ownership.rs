//! Whose an object on a target is: how ours are marked, and how the marks are read.
//!
//! An object of ours carries two labels and two annotations. The labels select (watches, `kubectl -l`); the annotations
//! say to whom to turn. One that was there before us may carry a third annotation that says so. All of it is pure.

use krake_crds::kubernetes::placement::InventoryEntry;
use serde_json::{Map, Value, json};

use crate::target_cluster::{Error, describe};

/// Our field manager on targets.
pub const MANAGER: &str = "krake";

/// Label of everything that Krake applied; its value is [`MANAGER`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// As a label: the uid of the Placement. As an annotation: its `<namespace>/<name>`.
pub const PLACEMENT_KEY: &str = "krake.dev/placement";

/// Annotation with the `<namespace>/<name>` of the Application.
pub const APPLICATION_ANNOTATION: &str = "krake.dev/application";

/// Annotation, `"true"`, of an object of ours that was there, and nobody's, before us. Whoever comes after us, be it the next
/// Placement or this one without its status, learns it from nowhere else.
const ADOPTED_ANNOTATION: &str = "krake.dev/adopted";

/// The Placement in whose name objects are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Uid of the Placement.
    pub uid: String,
    /// Namespace of the Placement and of its Application.
    pub namespace: String,
    /// Name of the Placement.
    pub placement: String,
    /// Name of the Application.
    pub application: String,
}

/// How a live object is tied to a Placement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It carries this Placement's label.
    Ours,
    /// It carries the label of another Placement of the same application.
    Sibling,
    /// It carries no Placement's label.
    Free,
    /// It belongs to another application.
    Foreign {
        /// The application as its annotation names it, else the uid of its Placement.
        owner: String,
    },
}

impl Ownership {
    /// Marks `object` as ours and takes out what only a server may set.
    pub fn mark(&self, object: &mut Value) {
        let Value::Object(root) = object else { return };
        edit(root, "metadata", |metadata| {
            for server_side in
                ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"]
            {
                metadata.shift_remove(server_side);
            }
            edit(metadata, "labels", |labels| {
                labels.insert(MANAGED_BY_LABEL.into(), json!(MANAGER));
                labels.insert(PLACEMENT_KEY.into(), json!(self.uid));
            });
            edit(metadata, "annotations", |annotations| {
                annotations.insert(PLACEMENT_KEY.into(), json!(format!("{}/{}", self.namespace, self.placement)));
                annotations.insert(APPLICATION_ANNOTATION.into(), json!(self.application_name()));
            });
        });
    }

    /// Marks `object` as one that was there before us. Only [`Ownership::unmarking`] takes that off.
    pub fn mark_adopted(object: &mut Value) {
        let Value::Object(root) = object else { return };
        edit(root, "metadata", |metadata| {
            edit(metadata, "annotations", |annotations| {
                annotations.insert(ADOPTED_ANNOTATION.into(), json!("true"));
            });
        });
    }

    /// Whether `live` says that it was there before us.
    #[must_use]
    pub fn is_adopted(live: &Value) -> bool {
        text(live, "annotations", ADOPTED_ANNOTATION) == Some("true")
    }

    /// A JSON merge patch after which nothing on `live` says that it was ours: neither labels and annotations nor the
    /// record of the fields that we applied, which would make the next owner's server-side apply conflict with ours. What
    /// the object is stays as it is; applying an empty object in our name instead would take that away too. The patch
    /// fails if the object has changed since it was read.
    #[must_use]
    pub fn unmarking(live: &Value) -> Value {
        let metadata = &live["metadata"];
        let others = metadata["managedFields"].as_array().into_iter().flatten();
        let others: Vec<_> = others.filter(|entry| entry["manager"] != MANAGER).collect();
        // An empty list would leave the record as it is; one empty entry clears it. (The next apply then finds everything
        // set by nobody, which Kubernetes calls `before-first-apply`.)
        let managed = if others.is_empty() { json!([{}]) } else { json!(others) };
        let mut labels = json!({ PLACEMENT_KEY: null });
        if text(live, "labels", MANAGED_BY_LABEL) == Some(MANAGER) {
            labels[MANAGED_BY_LABEL] = Value::Null;
        }
        json!({ "metadata": {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "labels": labels,
            "annotations": { PLACEMENT_KEY: null, APPLICATION_ANNOTATION: null, ADOPTED_ANNOTATION: null },
            "managedFields": managed,
        } })
    }

    /// How `live`, an object as read from the target, is tied to this Placement.
    #[must_use]
    pub fn tie(&self, live: &Value) -> Tie {
        let Some(uid) = text(live, "labels", PLACEMENT_KEY) else { return Tie::Free };
        let owner = text(live, "annotations", APPLICATION_ANNOTATION);
        if uid == self.uid {
            Tie::Ours
        } else if owner == Some(&self.application_name()) {
            Tie::Sibling
        } else {
            Tie::Foreign { owner: owner.unwrap_or(uid).to_owned() }
        }
    }

    /// Whether this Placement may apply over `live`: over its own objects, those of another Placement of the same
    /// application, and those that nobody has marked. The user who declares these last means them, as with other tools that
    /// apply manifests; that they were there before has to be recorded, because the marks no longer tell.
    ///
    /// # Errors
    /// [`Error::Conflict`] names the other application.
    pub fn check(&self, entry: &InventoryEntry, live: &Value) -> Result<(), Error> {
        match self.tie(live) {
            Tie::Ours | Tie::Sibling | Tie::Free => Ok(()),
            Tie::Foreign { owner } => Err(Error::Conflict { object: describe(entry), owner }),
        }
    }

    fn application_name(&self) -> String {
        format!("{}/{}", self.namespace, self.application)
    }
}

/// Changes the member `name` of `map`; whatever is there and is no object is replaced, because nothing else is valid.
fn edit(map: &mut Map<String, Value>, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut inner = match map.get_mut(name).map(Value::take) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    change(&mut inner);
    map.insert(name.to_owned(), Value::Object(inner));
}

fn text<'a>(object: &'a Value, place: &str, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get(place)?.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ownership(uid: &str, application: &str) -> Ownership {
        Ownership {
            uid: uid.into(),
            namespace: "web".into(),
            placement: format!("{application}-edge"),
            application: application.into(),
        }
    }

    fn marked_by(owner: &Ownership) -> Value {
        let mut object = json!({ "kind": "ConfigMap", "metadata": { "name": "settings" } });
        owner.mark(&mut object);
        object
    }

    #[test]
    fn marks_are_added_to_the_users_own_and_server_fields_are_taken_out() {
        let mut object = json!({ "metadata": {
            "name": "a", "uid": "x", "resourceVersion": "1", "managedFields": [],
            "labels": { "app": "shop", "app.kubernetes.io/managed-by": "Helm" }, "annotations": null,
        } });
        ownership("u1", "shop").mark(&mut object);
        assert_eq!(
            object,
            json!({ "metadata": {
                "name": "a",
                "labels": { "app": "shop", "app.kubernetes.io/managed-by": "krake", "krake.dev/placement": "u1" },
                "annotations": { "krake.dev/placement": "web/shop-edge", "krake.dev/application": "web/shop" },
            } })
        );
    }

    #[test]
    fn unmarking_takes_off_our_marks_and_nothing_else() {
        let theirs = json!({ "manager": "kubectl", "operation": "Update" });
        let mut live = marked_by(&ownership("u1", "shop"));
        live["metadata"]["uid"] = json!("x");
        live["metadata"]["resourceVersion"] = json!("7");
        live["metadata"]["labels"]["app"] = json!("shop");
        live["metadata"]["managedFields"] = json!([{ "manager": "krake", "operation": "Apply" }, theirs]);
        let expected = json!({ "metadata": {
            "uid": "x",
            "resourceVersion": "7",
            "labels": { "krake.dev/placement": null, "app.kubernetes.io/managed-by": null },
            "annotations": {
                "krake.dev/placement": null, "krake.dev/application": null, "krake.dev/adopted": null,
            },
            "managedFields": [theirs],
        } });
        assert_eq!(Ownership::unmarking(&live), expected);
        live["metadata"]["managedFields"] = json!([{ "manager": "krake" }]);
        live["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        let patch = Ownership::unmarking(&live);
        assert_eq!(patch["metadata"]["managedFields"], json!([{}]));
        assert_eq!(patch["metadata"]["labels"], json!({ "krake.dev/placement": null }));
    }

    #[test]
    fn that_an_object_was_adopted_stays_on_it_whoever_marks_it_next() {
        let mut object = marked_by(&ownership("u1", "shop"));
        assert!(!Ownership::is_adopted(&object));
        Ownership::mark_adopted(&mut object);
        ownership("u2", "shop").mark(&mut object);
        assert!(Ownership::is_adopted(&object));
    }

    #[test]
    fn the_marks_tell_ours_siblings_strangers_and_unmarked_objects_apart() {
        let ours = ownership("u1", "shop");
        assert_eq!(ours.tie(&marked_by(&ours)), Tie::Ours);
        assert_eq!(ours.tie(&marked_by(&ownership("u2", "shop"))), Tie::Sibling);
        assert_eq!(ours.tie(&marked_by(&ownership("u3", "blog"))), Tie::Foreign { owner: "web/blog".into() });
        assert_eq!(ours.tie(&json!({ "metadata": { "name": "a", "labels": { "app": "x" } } })), Tie::Free);
        let unnamed = json!({ "metadata": { "labels": { "krake.dev/placement": "u9" } } });
        assert_eq!(ours.tie(&unnamed), Tie::Foreign { owner: "u9".into() });
    }
}
