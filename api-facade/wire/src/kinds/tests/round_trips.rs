//! Objects survive being written and read, and stored ones of other versions are read leniently.

use indexmap::IndexMap;
use proptest::prelude::*;

use super::*;
use crate::kubernetes::{ApplicationState, ContainerHealth};
use crate::{Reason, ReasonCode, ResourceRef, Timestamp, Tosca};

fn free_form() -> impl Strategy<Value = Object> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Int),
        any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| Json::Float(f.into())),
        any::<String>().prop_map(Json::String),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..3).prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    });
    prop::collection::vec((any::<String>(), value), 1..3).prop_map(|members| members.into_iter().collect())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let name = "[A-Za-z0-9_]([A-Za-z0-9_.:-]{0,20}[A-Za-z0-9_])?";
    let time = (0..4_000_000_000_i64).prop_map(|s| Timestamp::now_utc(jiff::Timestamp::new(s, 5000).unwrap()));
    (
        name,
        prop::option::of(name),
        prop::collection::vec(("[a-z]{1,5}(/[a-z]{1,5})?", "[A-Z_0-9]{1,5}"), 0..3),
        prop::collection::vec(any::<String>(), 0..3),
        prop::option::of(time.clone()),
        time,
    )
        .prop_map(|(name, namespace, labels, finalizers, deleted, time)| Metadata {
            owners: vec![ResourceRef {
                api: "kubernetes".into(),
                namespace: namespace.clone(),
                kind: "Cluster".into(),
                name: name.clone(),
            }],
            name,
            namespace,
            labels: labels.into_iter().collect::<IndexMap<_, _>>(),
            inherit_labels: finalizers.is_empty(),
            finalizers,
            uid: UID.into(),
            created: time,
            modified: time,
            deleted,
        })
}

fn applications() -> impl Strategy<Value = Application> {
    let every_state = prop::sample::select(ApplicationState::ALL);
    (metadata(), free_form(), every_state, any::<(i64, bool, Option<String>, Option<i64>)>()).prop_map(
        |(metadata, content, state, (number, is_set, word, maybe))| {
            let mut application = Application::example();
            let status = &mut application.status;
            status.state = state;
            status.services.clone_from(&content);
            status.last_applied_manifest = vec![content];
            status.container_health = ContainerHealth { running_pods: number, ..ContainerHealth::default() };
            status.reason = word.clone().map(|message| Reason { code: ReasonCode::CreateFailed, message });
            status.scheduled = metadata.deleted;
            status.retries = maybe;
            status.running_on = metadata.owners.first().cloned();
            status.complete_token.clone_from(&word);
            application.spec.tosca = if is_set { Tosca::Url("a.yaml".into()) } else { Tosca::default() };
            application.spec.hooks = word.into_iter().collect();
            application.spec.auto_cluster_create = is_set;
            application.spec.backoff = number;
            application.metadata = metadata;
            application
        },
    )
}

fn clusters() -> impl Strategy<Value = Cluster> {
    (metadata(), free_form(), any::<(i64, bool, String)>(), -1e300..1e300_f64).prop_map(
        |(metadata, content, (number, is_set, word), weight)| {
            let mut cluster = Cluster::example();
            cluster.status.last_applied_tosca = content;
            cluster.status.retries = number;
            cluster
                .status
                .metrics_reasons
                .insert(word.clone(), Reason { code: ReasonCode::UnknownMetric, message: word });
            cluster.spec.inherit_metrics = is_set;
            cluster.spec.metrics.iter_mut().for_each(|metric| metric.weight = weight);
            cluster.metadata = metadata;
            cluster
        },
    )
}

/// Puts another value in the place of the `place`-th scalar, if there are so many.
fn replace_scalar(json: &mut Json, place: &mut usize, with: &Json) {
    match json {
        Json::Array(elements) => elements.iter_mut().for_each(|element| replace_scalar(element, place, with)),
        Json::Object(members) => members.values_mut().for_each(|member| replace_scalar(member, place, with)),
        scalar => {
            if *place == 0 {
                *scalar = with.clone();
            }
            *place = place.wrapping_sub(1);
        }
    }
}

fn survive<K: Kind>(object: &K) {
    let bytes = object.to_bytes();
    let sent = K::decode(&json::parse(&bytes).unwrap()).unwrap();
    assert!(sent.same(object));
    assert_eq!(text(&sent), text(object));
    assert_eq!(text(&K::decode_stored(&bytes).unwrap()), text(object));

    let mut stored = object.clone();
    assert_eq!(stored.replace(sent.clone()), Ok(()));
    assert_eq!(stored.replace_status(sent), Ok(()));
    assert_eq!(text(&stored), text(object));
}

fn survive_with<K: Example>(metadata: &Metadata) {
    let mut object = K::example();
    *object.metadata_mut() = metadata.clone();
    survive(&object);
}

fn survive_if_accepted<K: Example>(place: usize, with: &Json) {
    let mut json = body(&K::answer());
    let mut place = place;
    replace_scalar(&mut json, &mut place, with);
    if let Ok(object) = K::decode(&json) {
        survive(&object);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn objects_of_any_name_survive_being_encoded_and_decoded(metadata in metadata()) {
        for_every_kind!(survive_with, &metadata);
    }

    #[test]
    fn whatever_is_accepted_survives_being_encoded_and_decoded(place in 0..60_usize, content in free_form()) {
        for with in content.values() {
            for_every_kind!(survive_if_accepted, place, with);
        }
    }

    #[test]
    fn applications_survive_being_encoded_and_decoded(application in applications()) {
        survive(&application);
    }

    #[test]
    fn clusters_survive_being_encoded_and_decoded(cluster in clusters()) {
        survive(&cluster);
    }
}
