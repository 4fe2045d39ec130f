use super::*;
use crate::json::Object;

const NOW: &str = "2026-11-22T21:38:07.714438+00:00";
const UID: &str = "26ddd8b9-c041-4e41-a2c9-d610a4aa1a35";

/// A kind with an object of it, as the contract shows it.
trait Example: Kind {
    const REQUEST: &'static str;
    const ANSWER: &'static str;

    fn answer() -> String {
        Self::ANSWER.replace("<uid>", UID).replace("<now>", NOW)
    }

    fn example() -> Self {
        Self::decode(&body(&Self::answer())).unwrap()
    }
}

/// Calls the function for every kind.
macro_rules! for_every_kind {
    ($function:ident $(, $argument:expr)*) => {
        $function::<Role>($($argument),*);
        $function::<RoleBinding>($($argument),*);
        $function::<GlobalMetric>($($argument),*);
        $function::<Metric>($($argument),*);
        $function::<GlobalMetricsProvider>($($argument),*);
        $function::<MetricsProvider>($($argument),*);
        $function::<Application>($($argument),*);
        $function::<Cluster>($($argument),*);
        $function::<GlobalInfrastructureProvider>($($argument),*);
        $function::<InfrastructureProvider>($($argument),*);
        $function::<GlobalCloud>($($argument),*);
        $function::<Cloud>($($argument),*);
        $function::<Project>($($argument),*);
        $function::<MagnumCluster>($($argument),*);
    };
}

mod containers;
mod examples;
mod round_trips;
mod updates;
mod validation;

fn body(text: &str) -> Json {
    json::parse(text.as_bytes()).unwrap()
}

fn members(text: &str) -> Object {
    body(text).as_object().cloned().unwrap()
}

fn text<K: Kind>(object: &K) -> String {
    String::from_utf8(object.to_bytes()).unwrap()
}

/// What the facade does with a creation request.
fn create<K: Kind>(request: &Json) -> K {
    let mut object = K::decode_new(request).unwrap();
    let metadata = object.metadata_mut();
    metadata.namespace = K::NAMESPACED.then(|| "testing".to_owned());
    metadata.uid = UID.to_owned();
    metadata.created = NOW.parse().unwrap();
    metadata.modified = metadata.created;
    object
}

/// The printed refusal, or nothing if the body is fine.
fn refusal<K: Kind>(outcome: Result<K, Invalid>) -> String {
    outcome.map_or_else(|invalid| invalid.to_string(), |_| String::new())
}

#[test]
fn every_kind_has_its_place() {
    fn place<K: Kind>(places: &mut Vec<(String, bool, bool)>) {
        places.push((format!("/{}/{} {}", K::API, K::PLURAL, K::KIND), K::NAMESPACED, K::HAS_STATUS));
    }
    let mut places = Vec::new();
    for_every_kind!(place, &mut places);
    let expected = [
        ("/core/roles Role", false, false),
        ("/core/rolebindings RoleBinding", false, false),
        ("/core/globalmetrics GlobalMetric", false, false),
        ("/core/metrics Metric", true, false),
        ("/core/globalmetricsproviders GlobalMetricsProvider", false, false),
        ("/core/metricsproviders MetricsProvider", true, false),
        ("/kubernetes/applications Application", true, true),
        ("/kubernetes/clusters Cluster", true, true),
        ("/infrastructure/globalinfrastructureproviders GlobalInfrastructureProvider", false, false),
        ("/infrastructure/infrastructureproviders InfrastructureProvider", true, false),
        ("/infrastructure/globalclouds GlobalCloud", false, true),
        ("/infrastructure/clouds Cloud", true, true),
        ("/openstack/projects Project", true, true),
        ("/openstack/magnumclusters MagnumCluster", true, true),
    ];
    assert_eq!(places, expected.map(|(place, namespaced, status)| (place.to_owned(), namespaced, status)));
}

#[test]
fn a_new_object_looks_as_the_contract_shows_it() {
    fn check<K: Example>() {
        assert_eq!(text(&create::<K>(&body(K::REQUEST))), K::answer());
    }
    for_every_kind!(check);
}

#[test]
fn an_object_survives_being_stored_and_sent_back() {
    fn check<K: Example>() {
        assert_eq!(text(&K::example()), K::answer());
        assert_eq!(text(&K::decode_stored(K::answer().as_bytes()).unwrap()), K::answer());
    }
    for_every_kind!(check);
}

#[test]
fn what_the_server_decides_is_ignored_in_a_new_object() {
    fn check<K: Example>() {
        let mut request = members(K::REQUEST);
        let decided = r#"{"name": "demo", "uid": null, "created": 5, "modified": "x", "deleted": [], "unknown": 1}"#;
        request.insert("metadata".into(), body(decided));
        request.insert("status".into(), body(r#"{"state": 5}"#));
        request.insert("unknown".into(), Json::Null);
        assert_eq!(text(&create::<K>(&request.into())), K::answer());
    }
    for_every_kind!(check);
}

#[test]
fn a_complete_object_has_what_the_server_decided() {
    fn check<K: Example>() {
        for field in ["uid", "created", "modified"] {
            let without = K::ANSWER.replacen(&format!("\"{field}\": "), "\"unknown\": ", 1).replace("<now>", NOW);
            let expected = format!("{{'metadata': {{'{field}': ['Missing data for required field.']}}}}");
            assert_eq!(refusal(K::decode(&body(&without))), expected);
        }
        let without = K::answer().replacen(r#""inherit_labels": false, "#, "", 1);
        assert_eq!(text(&K::decode(&body(&without)).unwrap()), K::answer());
        let mut without = members(&K::answer());
        without.shift_remove("status");
        let expected = if K::HAS_STATUS { "{'status': ['Missing data for required field.']}" } else { "" };
        assert_eq!(refusal(K::decode(&without.into())), expected);
    }
    for_every_kind!(check);
}

#[test]
fn anything_but_an_object_is_refused_as_a_whole() {
    fn check<K: Example>() {
        for other in ["[]", "\"text\"", "7", "null"] {
            assert_eq!(refusal(K::decode_new(&body(other))), "{'_schema': ['Invalid input type.']}");
        }
        let nothing = refusal(K::decode_new(&body("{}")));
        assert!(nothing.starts_with("{'metadata': ['Missing data for required field.'], '"), "{nothing}");
    }
    for_every_kind!(check);
}

#[test]
fn the_envelope_may_be_left_out_but_not_be_wrong() {
    fn check<K: Example>() {
        let with = |envelope: &str| refusal(K::decode_new(&body(&K::REQUEST.replacen('{', envelope, 1))));
        assert_eq!(with(&format!(r#"{{"api": "{}", "kind": "{}", "#, K::API, K::KIND)), "");
        assert_eq!(
            with(r#"{"api": "other", "kind": null, "#),
            format!("{{'api': ['Must be equal to {}.'], 'kind': ['Field may not be null.']}}", K::API)
        );
    }
    for_every_kind!(check);
}

#[test]
fn values_of_older_versions_get_the_defaults() {
    fn check<K: Example>() {
        let mut stored = members(&K::answer());
        stored.shift_remove("status");
        stored.insert("future".into(), Json::Null);
        let mut metadata = stored.get("metadata").and_then(Json::as_object).cloned().unwrap();
        for field in ["labels", "inherit_labels", "finalizers", "deleted", "owners"] {
            metadata.shift_remove(field);
        }
        stored.insert("metadata".into(), metadata.into());
        let mut bytes = Vec::new();
        json::write(&stored.into(), &mut bytes);
        assert_eq!(text(&K::decode_stored(&bytes).unwrap()), K::answer());
        assert!(matches!(K::decode_stored(b"{"), Err(StoredError::Syntax(_))));
        assert!(matches!(K::decode_stored(b"{}"), Err(StoredError::Schema(_))));
    }
    for_every_kind!(check);
}

#[test]
fn the_command_line_may_send_one_kind_unchanged() {
    fn collect<K: Kind>(kinds: &mut Vec<&'static str>) {
        kinds.extend(K::IDENTICAL_PUT_IS_FINE.then_some(K::KIND));
    }
    let mut kinds = Vec::new();
    for_every_kind!(collect, &mut kinds);
    assert_eq!(kinds, ["GlobalMetricsProvider"]);
}

#[test]
fn nothing_secret_is_shown_for_debugging() {
    fn shown<K: Example>(from: &str, to: &str) -> String {
        let secret = K::answer().replace(from, to);
        assert!(secret.contains("hush"), "{secret}");
        format!("{:?}", K::decode(&body(&secret)).unwrap())
    }
    let influx = r#""type": "influx", "influx": {"url": "u", "token": "hush", "org": "o", "bucket": "b"}"#;
    let static_values = r#""type": "static", "static": {"metrics": {"m": 1.0, "n": 0.5}}"#;
    let password = r#""auth": {"type": "password", "password": {"user": {"id": "u", "password": "hush"}, "project": {"id": "p"}}}"#;
    let credential =
        r#""auth": {"type": "application_credential", "application_credential": {"id": "i", "secret": "s"}}"#;
    let all = [
        shown::<Application>(r#""complete_token": null"#, r#""complete_token": "hush""#),
        shown::<Application>(r#""shutdown_key": null"#, r#""shutdown_key": "hush""#),
        shown::<Cluster>(r#""token": "t""#, r#""token": "hush""#),
        shown::<MetricsProvider>(static_values, influx),
        shown::<GlobalInfrastructureProvider>(r#""token": "t""#, r#""token": "hush""#),
        shown::<InfrastructureProvider>(r#""password": "p""#, r#""password": "hush""#),
        shown::<GlobalCloud>(r#""password": "p""#, r#""password": "hush""#),
        shown::<Cloud>(r#""password": "p""#, r#""password": "hush""#),
        shown::<Project>(credential, password),
        shown::<Project>(r#""secret": "s""#, r#""secret": "hush""#),
        format!("{:?}", ApplicationComplete { token: Some("hush".into()) }),
        format!("{:?}", ApplicationShutdown { token: Some("hush".into()) }),
    ];
    for shown in all {
        assert!(!shown.contains("hush") && !shown.contains("192.0.2.1"), "{shown}");
    }
}
