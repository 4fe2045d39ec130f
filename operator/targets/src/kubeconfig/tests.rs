use serde_json::{Value, json};

use super::*;

fn accepted() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [{ "name": "main", "context": { "cluster": "edge", "user": "krake" } }],
        "users": [{ "name": "krake", "user": { "token": "s3cret-token" } }],
        "clusters": [{ "name": "edge", "cluster": { "server": "https://edge.example.org:6443" } }],
    })
}

fn with(pointer: &str, key: &str, value: Value) -> Value {
    let mut file = accepted();
    file.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(key.into(), value);
    file
}

fn refusal(file: &Value) -> Refusal {
    file.to_string().parse::<Kubeconfig>().unwrap_err()
}

#[test]
fn inline_credentials_are_accepted_with_namespace_and_host() {
    let plain: Kubeconfig = accepted().to_string().parse().unwrap();
    assert_eq!((plain.default_namespace(), plain.server_host()), ("default", "edge.example.org"));
    let named: Kubeconfig = with("/contexts/0/context", "namespace", json!("shop")).to_string().parse().unwrap();
    assert_eq!(named.default_namespace(), "shop");
    assert_ne!(plain.hash(), named.hash());
    assert!("{}".parse::<Kubeconfig>().is_err());
}

#[test]
fn yaml_is_accepted_as_well_as_json() {
    let yaml = "
contexts: [{name: main, context: {cluster: edge, user: krake}}]
users: [{name: krake, user: {token: abc}}]
clusters:
- name: edge
  cluster:
    server: https://edge.example.org
";
    assert_eq!(yaml.parse::<Kubeconfig>().unwrap().server_host(), "edge.example.org");
}

#[test]
fn every_dangerous_field_is_refused_by_name() {
    let user = "/users/0/user";
    let cluster = "/clusters/0/cluster";
    let plugin = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "sh" });
    let table = [
        (user, "exec", plugin),
        (user, "auth-provider", json!({ "name": "gcp", "config": {} })),
        (user, "tokenFile", json!("/var/run/secrets/token")),
        (user, "client-certificate", json!("/etc/cert.pem")),
        (user, "client-key", json!("/etc/key.pem")),
        (user, "as", json!("admin")),
        (user, "as-uid", json!("1")),
        (user, "as-groups", json!(["system:masters"])),
        (user, "as-user-extra", json!({ "scopes": ["all"] })),
        (cluster, "certificate-authority", json!("/etc/ca.pem")),
        (cluster, "proxy-url", json!("http://proxy:3128")),
        (cluster, "insecure-skip-tls-verify", json!(true)),
    ];
    for (place, key, value) in table {
        let found = refusal(&with(place, key, value));
        assert!(matches!(found, Refusal::Forbidden { field, .. } if field == key), "{key}: {found:?}");
        assert!(found.to_string().contains(key) && found.to_string().contains("; "), "{found}");
    }
}

#[test]
fn anything_but_one_context_one_user_and_one_cluster_is_refused() {
    for what in ["contexts", "users", "clusters"] {
        let mut two = accepted();
        let list = two[what].as_array_mut().unwrap();
        let mut second = list[0].clone();
        second["name"] = json!("second");
        list.push(second);
        assert_eq!(refusal(&two), Refusal::NotExactlyOne { what: known(what), found: 2 });
        let mut none = accepted();
        none[what] = json!([]);
        assert_eq!(refusal(&none), Refusal::NotExactlyOne { what: known(what), found: 0 });
    }
}

fn known(what: &str) -> &'static str {
    match what {
        "contexts" => "contexts",
        "users" => "users",
        _ => "clusters",
    }
}

#[test]
fn a_context_must_name_the_user_and_the_cluster_that_are_there() {
    let cluster = refusal(&with("/contexts/0/context", "cluster", json!("other")));
    assert_eq!(cluster, Refusal::DanglingContext { what: "cluster", name: "other".into() });
    let user = refusal(&with("/contexts/0/context", "user", json!("other")));
    assert_eq!(user, Refusal::DanglingContext { what: "user", name: "other".into() });
}

#[test]
fn plain_http_is_accepted_on_loopback_only() {
    let address = |server: &str| with("/clusters/0/cluster", "server", json!(server)).to_string().parse::<Kubeconfig>();
    for good in ["https://10.0.0.1", "http://127.0.0.1:8001", "http://[::1]:8001", "http://localhost:1/clusters/7"] {
        assert!(address(good).is_ok(), "{good}");
    }
    for bad in ["http://10.0.0.1", "", "edge", "ftp://127.0.0.1", "https://"] {
        assert_eq!(address(bad).unwrap_err(), Refusal::BadServer, "{bad}");
    }
}

#[test]
fn a_server_on_the_operators_own_host_is_admitted_only_where_that_is_allowed() {
    let kubeconfig =
        |server: &str| with("/clusters/0/cluster", "server", json!(server)).to_string().parse::<Kubeconfig>().unwrap();
    for local in [
        "http://127.0.0.1:8001",
        "https://127.8.0.1:6443",
        "https://2852039166",
        "https://0xa9fea9fe",
        "https://169.254.169.254",
        "https://0.0.0.0",
        "https://[::1]:6443",
        "https://[::ffff:127.0.0.1]",
        "https://[fe80::1]",
        "https://LOCALHOST:6443",
        "https://a.localhost.:6443",
    ] {
        assert_eq!(kubeconfig(local).admitted(false).unwrap_err(), Refusal::LocalServer, "{local}");
        assert!(kubeconfig(local).admitted(true).is_ok(), "{local}");
    }
    for remote in ["https://10.0.0.1", "https://192.168.1.1:6443", "https://[fd00::1]", "https://edge.example.org"] {
        assert!(kubeconfig(remote).admitted(false).is_ok(), "{remote}");
    }
    assert!(Refusal::LocalServer.to_string().contains("--allow-local-targets"));
}

#[test]
fn size_and_syntax_are_checked_and_nothing_is_quoted() {
    assert_eq!(Kubeconfig::from_bytes(&vec![b'a'; MAX_BYTES + 1]).unwrap_err(), Refusal::TooLarge(MAX_BYTES + 1));
    assert_eq!(Kubeconfig::from_bytes(&[0xff, 0xfe]).unwrap_err(), Refusal::NotText);
    let broken = Kubeconfig::from_bytes(b"users:\n- name: a\n  user: {token: [s3cret-token}\n").unwrap_err();
    assert!(matches!(broken, Refusal::NotReadable { .. }), "{broken:?}");
    assert!(!format!("{broken} {broken:?}").contains("s3cret"));
}

#[test]
fn debug_output_shows_no_credentials() {
    let kubeconfig: Kubeconfig = accepted().to_string().parse().unwrap();
    assert!(!format!("{kubeconfig:?}").contains("s3cret"));
}
