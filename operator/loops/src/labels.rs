//! Labels on Placements, by which the API server finds them without reading them.

use std::fmt::Write;

use krake_crds::{
    kubernetes::{Application, Placement},
    reference::ObjectReference,
};
use sha2::{Digest, Sha256};

/// Uid of the Application that the Placement belongs to.
pub const APPLICATION_UID: &str = "krake.dev/application-uid";

/// The cluster that the Placement is for, as a digest: names may be longer than labels.
pub const CLUSTER: &str = "krake.dev/cluster-digest";

/// Bytes of a digest: 80 bits are more than the clusters of any fleet need.
const DIGEST_BYTES: usize = 10;

/// The uid of the Application that the Placement belongs to.
pub fn application_uid(placement: &Placement) -> Option<&str> {
    placement.metadata.labels.as_ref()?.get(APPLICATION_UID).map(String::as_str)
}

/// Whether the Placement may be one of this Application, which has the name that it gives, and not of an earlier namesake. One
/// that does not say whose it is may.
#[must_use]
pub fn may_belong_to(placement: &Placement, application: &Application) -> bool {
    application_uid(placement).is_none_or(|uid| application.metadata.uid.as_deref() == Some(uid))
}

/// The value of [`CLUSTER`] for Placements on this cluster.
#[must_use]
pub fn cluster_digest(cluster: &ObjectReference) -> String {
    let namespace = cluster.namespace.as_deref().unwrap_or_default();
    digest(&[&cluster.group, &cluster.kind, namespace, &cluster.name])
}

/// A short text that is another one for other parts.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        // Keeps `ab` + `c` and `a` + `bc` apart; no part holds this byte.
        hash.update([0]);
    }
    hash.finalize().iter().take(DIGEST_BYTES).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_a_label_value_and_tells_clusters_apart() {
        let edge = cluster_digest(&ObjectReference::cluster("web", "edge"));
        assert!(edge.len() <= 63 && edge.chars().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(edge, cluster_digest(&ObjectReference::cluster("we", "bedge")));
    }
}
