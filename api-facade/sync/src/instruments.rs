//! What the sync tells about itself.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Kind and what happened; both from closed sets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    kind: &'static str,
    what: &'static str,
}

/// The instruments of the sync.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    decisions: Family<Labels, Counter>,
    restored: Family<Labels, Counter>,
    conflicts: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
}

impl Instruments {
    /// Registers all instruments.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let registry = registry.sub_registry_with_prefix("sync");
        registry.register("decisions", "Decisions carried out, by kind and decision", all.decisions.clone());
        registry.register(
            "restored",
            "Objects found lost on one side and restored from the other",
            all.restored.clone(),
        );
        registry.register("conflicts", "Fields changed on both sides to different values", all.conflicts.clone());
        registry.register("failures", "Failed passes, by kind and category", all.failures.clone());
        all
    }

    pub(crate) fn decided(&self, kind: &'static str, what: &'static str) {
        self.decisions.get_or_create(&Labels { kind, what }).inc();
    }

    pub(crate) fn restored(&self, kind: &'static str, what: &'static str) {
        self.restored.get_or_create(&Labels { kind, what }).inc();
    }

    pub(crate) fn conflicted(&self, kind: &'static str, fields: u64) {
        self.conflicts.get_or_create(&Labels { kind, what: "object_wins" }).inc_by(fields);
    }

    pub(crate) fn failed(&self, kind: &'static str, what: &'static str) {
        self.failures.get_or_create(&Labels { kind, what }).inc();
    }
}
