//! What a Placement of an application should look like.

use krake_crds::{
    finalizer,
    kubernetes::{Application, Placement, PlacementSpec},
    reference::ObjectReference,
};
use krake_operator_loops::labels;
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

/// Longest name of an object in Kubernetes.
const LONGEST_NAME: usize = 253;

/// Digits of the digest in a name: 40 bits tell the clusters of one application apart.
const DIGITS: usize = 10;

/// The name of the Placement of `application` on `cluster`: always the same for this pair.
pub(super) fn name(application: &str, cluster: &ObjectReference) -> String {
    let digest: String =
        labels::digest(&[application, &labels::cluster_digest(cluster)]).chars().take(DIGITS).collect();
    let start: String = application.chars().take(LONGEST_NAME - DIGITS - 1).collect();
    // Where the name was cut, no dot or hyphen may come before the hyphen.
    format!("{}-{digest}", start.trim_end_matches(['.', '-']))
}

/// What the Placement of `application` on `cluster` should ask for.
pub(super) fn spec(application: &Application, cluster: &ObjectReference) -> PlacementSpec {
    PlacementSpec {
        application: application.name_any(),
        cluster: cluster.clone(),
        application_generation: application.metadata.generation.unwrap_or_default(),
        manifest: application.spec.manifest.clone(),
        observer_schema: application.spec.observer_schema.clone(),
        backoff: Some(application.spec.backoff.clone()),
        deletion_policy: application.spec.deletion_policy,
    }
}

/// The Placement as it is sent to the API server. The write over one that was seen fails if that one has changed or is
/// gone. It is not owned by the application in Kubernetes' sense: should the application be lost, what it runs must stay.
/// The finalizer of the placement controller is there from the beginning, so that this need not write it first.
pub(super) fn object(application: &Application, spec: &PlacementSpec, over: Option<&Placement>) -> Value {
    json!({
        "apiVersion": Placement::api_version(&()),
        "kind": Placement::kind(&()),
        "metadata": {
            "name": name(&spec.application, &spec.cluster),
            "namespace": application.namespace(),
            "finalizers": [finalizer::PLACEMENT],
            "uid": over.and_then(ResourceExt::uid),
            "resourceVersion": over.and_then(ResourceExt::resource_version),
            "labels": {
                labels::APPLICATION_UID: application.uid(),
                labels::CLUSTER: labels::cluster_digest(&spec.cluster),
            },
        },
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_clusters_and_applications_apart() {
        let edge = ObjectReference::cluster("web", "edge");
        let names = [
            name("shop", &edge),
            name("blog", &edge),
            name("shop", &ObjectReference::cluster("web", "core")),
            name("shop", &ObjectReference::cluster("dev", "edge")),
        ];
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        assert_eq!(name("shop", &edge), names[0]);
        assert!(names[0].starts_with("shop-") && names[0].len() == "shop-".len() + 10);
    }

    #[test]
    fn the_longest_application_name_still_gives_a_name_of_its_own() {
        let edge = ObjectReference::cluster("web", "edge");
        let (long, longer) = ("a".repeat(250), "a".repeat(253));
        assert_eq!(name(&longer, &edge).len(), LONGEST_NAME);
        assert_ne!(name(&long, &edge), name(&longer, &edge));
        let dotted = format!("{}.b", "a".repeat(241));
        assert!(!name(&dotted, &edge).contains(".-"));
    }
}
