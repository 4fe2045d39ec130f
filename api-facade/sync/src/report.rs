//! Events about objects, for users.

use kube::{
    Client, Resource,
    api::{ApiResource, DynamicObject},
    runtime::events::{Event, EventType, Recorder, Reporter as Source},
};

use crate::objects::within;

/// The longest action that an Event may name.
const LONGEST_ACTION: usize = 128;

/// Writes Events about the objects of one kind.
pub(crate) struct Reporter {
    recorder: Recorder,
    resource: ApiResource,
}

impl Reporter {
    pub(crate) fn new(client: Client, resource: ApiResource) -> Self {
        let source = Source { controller: "krake.dev/api-facade".into(), instance: None };
        Self { recorder: Recorder::new(client, source), resource }
    }

    /// Tells that REST and Kubernetes changed a field to different values and that REST lost. Values may be secret.
    pub(crate) async fn conflict(&self, object: &DynamicObject, field: &str) {
        let note = format!("{field} was changed through REST and through Kubernetes; the change through REST is lost");
        // Repeats are told apart by their action, not by their note.
        let action = field.chars().take(LONGEST_ACTION).collect();
        self.publish(object, "SyncConflict", action, note).await;
    }

    async fn publish(&self, object: &DynamicObject, reason: &str, action: String, note: String) {
        let event =
            Event { type_: EventType::Warning, reason: reason.into(), note: Some(note), action, secondary: None };
        let reference = object.object_ref(&self.resource);
        if let Err(error) = within("writing an Event", self.recorder.publish(&event, &reference)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an Event could not be written");
        }
    }
}
