//! Metadata: finalizers, uid and times.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use krake_crds::{finalizer, krake_metadata::KrakeMetadata};
use krake_facade_wire::{Kind, Metadata, Timestamp, kubernetes::Application};

use crate::decide::{Held, Prepared};

/// The uid under which REST knows an object, if it is not the object's own.
pub const UID: &str = "krake.dev/uid";
/// When the object was created through REST.
pub const CREATED: &str = "krake.dev/created";

/// Our part of the space of finalizers.
const DOMAIN: &str = "krake.dev/";

/// Krake's finalizers and their Kubernetes names, in the order in which REST lists them: the last acts first.
const FINALIZERS: [(&str, &str); 4] = [
    ("infrastructure_resources_deletion", "krake.dev/infrastructure-resources-deletion"),
    ("magnum_cluster_deletion", "krake.dev/magnum-cluster-deletion"),
    ("kubernetes_resources_deletion", finalizer::KUBERNETES_RESOURCES),
    ("cascade_deletion", finalizer::CASCADE),
];

/// The Kubernetes name of a finalizer of REST; none if Kubernetes cannot hold it.
#[must_use]
pub fn finalizer_to_object(wire: &str) -> Option<String> {
    let known = FINALIZERS.iter().find(|(name, _)| *name == wire).map(|(_, name)| *name);
    known.or_else(|| is_foreign(wire).then_some(wire)).map(str::to_owned)
}

/// The name in REST of a finalizer of Kubernetes; none for our own and for those of Kubernetes itself.
#[must_use]
pub fn finalizer_to_wire(object: &str) -> Option<String> {
    let known = FINALIZERS.iter().find(|(_, name)| *name == object).map(|(name, _)| *name);
    known.or_else(|| is_foreign(object).then_some(object)).map(str::to_owned)
}

/// Who holds an object back.
#[must_use]
pub fn held(finalizers: &[String]) -> Held {
    let is_krake = |name: &&String| name.starts_with(DOMAIN);
    Held {
        by_mirror: finalizers.iter().any(|name| name == finalizer::MIRROR),
        by_krake: finalizers.iter().filter(is_krake).any(|name| name != finalizer::MIRROR),
        by_others: finalizers.iter().any(|name| !is_krake(&name)),
    }
}

/// Whether the finalizer is one of Krake's.
#[must_use]
pub fn is_krake(finalizer: &str) -> bool {
    finalizer.starts_with(DOMAIN)
}

/// Whether the finalizer stays on an object of this kind that is removed by force: the application controller's. It still
/// marks what the application has on clusters, and waits for nothing.
#[must_use]
pub fn outlives_force(kind: &str, finalizer: &str) -> bool {
    kind == Application::KIND && finalizer == finalizer::KUBERNETES_RESOURCES
}

/// What an object of this kind was prepared for.
#[must_use]
pub fn prepared(kind: &str, metadata: &ObjectMeta) -> Prepared {
    let to_wait = metadata.finalizers.iter().flatten().any(|name| name == finalizer::CASCADE);
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.get(finalizer::FORCED));
    let is_told = annotation.is_some_and(|value| value == "true");
    let mut held = metadata.finalizers.iter().flatten().filter(|name| is_krake(name));
    Prepared { to_wait, to_go: held.all(|name| is_told && outlives_force(kind, name)) }
}

/// Adds a finalizer of REST where its owner will look for it.
pub fn add_finalizer(list: &mut Vec<String>, finalizer: String) {
    let rank = |name: &str| FINALIZERS.iter().position(|(known, _)| *known == name);
    let before = rank(&finalizer)
        .map_or(0, |own| list.iter().rev().take_while(|other| rank(other).is_some_and(|other| other > own)).count());
    list.insert(list.len() - before, finalizer);
}

/// What Krake's metadata has that goes into the custom resource's `spec` with it. Labels, owners and identity follow in
/// their own way.
#[must_use]
pub fn krake(metadata: &Metadata) -> KrakeMetadata {
    KrakeMetadata { inherit_labels: metadata.inherit_labels, ..KrakeMetadata::default() }
}

/// When an object came to be.
#[must_use]
pub fn created(metadata: &ObjectMeta) -> Timestamp {
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.get(CREATED));
    annotation
        .and_then(|text| text.parse().ok())
        .or_else(|| metadata.creation_timestamp.as_ref().map(|time| Timestamp::now_utc(time.0)))
        .unwrap_or(Timestamp::EPOCH)
}

/// The uid under which REST knows an object.
#[must_use]
pub fn krake_uid(metadata: &ObjectMeta) -> String {
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.get(UID));
    annotation.or(metadata.uid.as_ref()).cloned().unwrap_or_default()
}

/// Whether an object came from REST, and nobody has changed its `spec` since: Kubernetes counts such changes.
#[must_use]
pub fn is_as_published(metadata: &ObjectMeta) -> bool {
    let born_in_rest = metadata.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(UID));
    born_in_rest && metadata.generation == Some(1)
}

/// A name that Kubernetes takes for a finalizer of somebody who is neither Krake nor Kubernetes.
fn is_foreign(name: &str) -> bool {
    let Some((domain, rest)) = name.split_once('/') else { return false };
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
    };
    let bytes = rest.as_bytes();
    !is_krake(name)
        && domain.len() <= 253
        && domain.split('.').all(is_label)
        && rest.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finalizers_of_krake_have_a_name_on_either_side() {
        for (wire, object) in FINALIZERS {
            assert_eq!(finalizer_to_object(wire).as_deref(), Some(object));
            assert_eq!(finalizer_to_wire(object).as_deref(), Some(wire));
        }
    }

    #[test]
    fn finalizers_of_others_cross_over_only_if_both_sides_can_hold_them() {
        assert_eq!(finalizer_to_object("example.com/backup").as_deref(), Some("example.com/backup"));
        for stays in ["my_finalizer", "krake.dev/mirror", "krake.dev/anything", "Upper.case/x", "a/b/c", "/x", "x/"] {
            assert_eq!(finalizer_to_object(stays), None, "{stays}");
        }
        for hidden in [finalizer::MIRROR, "foregroundDeletion", "orphan"] {
            assert_eq!(finalizer_to_wire(hidden), None, "{hidden}");
        }
    }

    #[test]
    fn resources_are_listed_before_the_cascade_whoever_came_first() {
        let mut list = vec!["mine".to_owned(), "cascade_deletion".to_owned()];
        add_finalizer(&mut list, "kubernetes_resources_deletion".into());
        assert_eq!(list, ["mine", "kubernetes_resources_deletion", "cascade_deletion"]);
        let mut list = vec!["kubernetes_resources_deletion".to_owned()];
        add_finalizer(&mut list, "cascade_deletion".into());
        assert_eq!(list, ["kubernetes_resources_deletion", "cascade_deletion"]);
    }

    #[test]
    fn a_forced_application_is_let_go_when_its_controller_alone_holds_it_and_knows() {
        let metadata = |finalizers: &[&str], forced: Option<&str>| ObjectMeta {
            finalizers: Some(finalizers.iter().map(|name| (*name).to_owned()).collect()),
            annotations: forced.map(|value| [(finalizer::FORCED.to_owned(), value.to_owned())].into()),
            ..ObjectMeta::default()
        };
        let (copies, others) = ([finalizer::KUBERNETES_RESOURCES], ["a.b/c"]);
        assert!(prepared("Application", &metadata(&copies, Some("true"))).to_go);
        assert!(prepared("Application", &metadata(&others, None)).to_go);
        for (kind, finalizers, forced) in [
            ("Application", &copies[..], None),
            ("Application", &copies, Some("false")),
            ("Cluster", &copies, Some("true")),
            ("Application", &[finalizer::KUBERNETES_RESOURCES, finalizer::CASCADE], Some("true")),
            ("Application", &[finalizer::MIRROR], Some("true")),
        ] {
            assert!(!prepared(kind, &metadata(finalizers, forced)).to_go, "{kind} {finalizers:?} {forced:?}");
        }
    }

    #[test]
    fn the_holders_of_an_object_are_told_apart() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(held(&names(&[finalizer::MIRROR])), Held { by_mirror: true, ..Held::default() });
        assert_eq!(held(&names(&[finalizer::CASCADE])), Held { by_krake: true, ..Held::default() });
        assert_eq!(held(&names(&["foregroundDeletion"])), Held { by_others: true, ..Held::default() });
    }
}
