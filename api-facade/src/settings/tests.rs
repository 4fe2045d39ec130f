use std::path::Path;

use clap::Parser;

use super::*;
use crate::args::Args;
use crate::authn::Strategy;
use crate::authz::Authorization;

/// Every key that the original's template has, with the values of an installation with everything switched on.
const ORIGINAL: &str = r#"
host: 0.0.0.0
port: 8080
etcd:
  host: etcd.krake
  port: 2380
  retry_transactions: 1
tls:
  enabled: true
  cert: pki/system:api-server.pem
  key: pki/system:api-server-key.pem
  client_ca: pki/ca.pem
authentication:
  allow_anonymous: True
  strategy:
    keystone:
      enabled: True
      endpoint: http://keystone:5000/v3
    keycloak:
      enabled: False
      endpoint: http://localhost:9080
      realm: krake
    static:
      enabled: no
      name: system:admin
  cors-origin: "https://console.example.com"
authorization: RBAC
docs:
  problem-base-url: ""
log:
  version: 1
  level: WARNING
  disable_existing_loggers: false
  formatters: {krake: {format: "%(asctime)s %(message)s"}}
  handlers:
    console: {class: logging.StreamHandler, formatter: krake, stream: "ext://sys.stdout"}
    rotating: {class: logging.handlers.RotatingFileHandler, maxBytes: 2000000, backupCount: 3}
  root: {handlers: [console]}
  loggers: {krake: {handlers: [console], propagate: no}}
"#;

const EXAMPLE: &str = include_str!("../../example.yaml");

fn load(args: &[&str], file: Option<&str>) -> Result<(Settings, Vec<String>), String> {
    let args = Args::try_parse_from(["krake-api-facade"].iter().chain(args)).unwrap();
    let file = file.map(|text| File::parse(Path::new("api.yaml"), text.to_owned())).transpose();
    let loaded = file.and_then(|file| Settings::load(args.options, file.as_ref()));
    loaded.map_err(|invalid| invalid.to_string())
}

fn bare() -> Settings {
    load(&[], None).unwrap().0
}

/// The settings made by a file alone.
fn from(file: &str) -> Settings {
    load(&[], Some(file)).unwrap().0
}

fn refusal(file: &str) -> String {
    load(&[], Some(file)).unwrap_err()
}

#[test]
fn a_bare_command_line_serves_everybody_on_loopback() {
    let (settings, remarks) = load(&[], None).unwrap();
    assert_eq!(settings.api.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.api.tls, None);
    assert_eq!(settings.authentication.strategy, Strategy::None);
    assert!(settings.authentication.allow_anonymous && !settings.authentication.token_review);
    assert_eq!(settings.authorization, authz::Settings { authorization: Authorization::AlwaysAllow, strict: false });
    assert_eq!(settings.etcd.endpoints, ["http://127.0.0.1:2379"]);
    assert!(settings.management.sync && settings.management.kubeconfig.is_none());
    assert_eq!(remarks, Vec::<String>::new());
}

#[test]
fn the_file_of_the_original_is_read_as_it_is() {
    let (settings, remarks) = load(&[], Some(ORIGINAL)).unwrap();
    assert_eq!(settings.api.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.etcd.endpoints, ["http://etcd.krake:2380"]);
    let tls = settings.api.tls.unwrap();
    assert_eq!(tls.certificate, Path::new("pki/system:api-server.pem"));
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("pki/ca.pem")));
    assert!(settings.authentication.client_certificates && settings.authentication.allow_anonymous);
    let endpoint = "http://keystone:5000/v3".parse().unwrap();
    assert_eq!(settings.authentication.strategy, Strategy::Keystone { endpoint });
    assert_eq!(settings.authorization.authorization, Authorization::Rbac);
    assert_eq!(
        (settings.api.cors_origin.as_str(), settings.api.problem_base_url.as_str()),
        ("https://console.example.com", "")
    );
    assert_eq!(settings.log.level, LevelFilter::WARN);
    assert_eq!(remarks.len(), 1, "{remarks:?}");
}

#[test]
fn the_file_may_be_json() {
    let json = r#"{"port": 8081, "etcd": {"retry-transactions": 7}, "authentication": {"strategy": {"static": {"enabled": true, "name": "u"}}}, "authorization": "RBAC"}"#;
    let settings = from(json);
    assert_eq!((settings.api.listen.port(), settings.etcd.retry_transactions), (8081, 7));
    assert_eq!(settings.authentication.strategy, Strategy::Fixed { name: "u".to_owned() });
}

#[test]
fn little_or_nothing_in_the_file_leaves_the_defaults() {
    assert_eq!(from(""), bare());
    assert_eq!(from("etcd: {}\ndocs: {}\n"), bare());
    let mut expected = bare();
    expected.api.listen.set_port(8081);
    assert_eq!(from("port: 8081"), expected);
}

#[test]
fn the_example_says_the_defaults_and_names_every_key() {
    assert_eq!(from(EXAMPLE), bare());
    for key in ["host", "endpoints", "pod_name", "token_review", "strict_authorization", "log_format", "realm", "level"]
    {
        assert!(EXAMPLE.contains(&format!("{key}:")), "{key}");
    }
}

#[test]
fn the_command_line_comes_before_the_file() {
    let file = "port: 1\netcd: {endpoints: ['http://a:1', 'http://b:2'], timeout_seconds: 9}\nmanagement: {sync: off}";
    assert_eq!(from(file).etcd.endpoints, ["http://a:1", "http://b:2"]);
    let flags = ["--port", "2", "--etcd-host", "c", "--sync", "on", "--etcd-endpoints"];
    let (settings, _) = load(&flags[..6], Some(file)).unwrap();
    assert_eq!(settings.api.listen.to_string(), "127.0.0.1:2");
    assert_eq!(settings.etcd.endpoints, ["http://c:2379"]);
    assert_eq!(settings.etcd.timeout, Duration::from_secs(9));
    assert!(settings.management.sync && !from(file).management.sync);
    let (settings, _) = load(&["--listen", "127.0.0.1:3"], Some(file)).unwrap();
    assert_eq!(settings.api.listen.to_string(), "127.0.0.1:3");
    let (settings, _) = load(&["--etcd-endpoints", "http://d:4"], Some("etcd: {host: e}")).unwrap();
    assert_eq!(settings.etcd.endpoints, ["http://d:4"]);
}

#[test]
fn a_flag_without_a_value_switches_on() {
    let tls = ["--tls-enabled", "--tls-cert", "c", "--tls-key", "k"];
    let (settings, _) = load(&tls, Some("tls: {enabled: false}")).unwrap();
    let expected = tls::Settings { certificate: "c".into(), key: "k".into(), client_ca: None };
    assert_eq!(settings.api.tls, Some(expected));
    let (settings, _) = load(&["--tls-enabled=false"], Some(ORIGINAL)).unwrap();
    assert!(settings.api.tls.is_none() && !settings.authentication.client_certificates);
}

#[test]
fn an_unknown_key_is_a_mistake_at_every_level() {
    for (file, expected) in [
        ("prot: 1", "field 'prot': unknown key; known here: authentication, authorization, default_role_bindings, "),
        ("etcd:\n  hots: a", "field 'etcd.hots': unknown key; known here: endpoints, host, port, "),
        (
            "docs: {url: a}",
            "field 'docs.url': unknown key; known here: problem_base_url (line 1, column 8 of api.yaml)",
        ),
        (
            "tls:\n  ca: a",
            "field 'tls.ca': unknown key; known here: cert, client_ca, enabled, key (line 2, column 3 of ",
        ),
        ("authentication: {a: 1}", "field 'authentication.a': unknown key; "),
        ("authentication: {strategy: {ldap: {}}}", "field 'authentication.strategy.ldap': unknown key; "),
        ("authentication: {strategy: {static: {user: a}}}", "field 'authentication.strategy.static.user': unknown "),
        ("management: {lease: a}", "field 'management.lease': unknown key; "),
    ] {
        let refusal = refusal(file);
        assert!(refusal.starts_with("Parsing configuration failed with error(s):\n - "), "{refusal}");
        assert!(refusal.contains(expected), "{refusal}");
        assert!(refusal.contains(" of api.yaml)"), "{refusal}");
    }
}

#[test]
fn a_wrong_value_is_named_with_its_place_and_what_would_be_right() {
    for (file, expected) in [
        (
            "port: http",
            "field 'port': must be a whole number from 0 to 65535, not 'http' (line 1, column 1 of api.yaml)",
        ),
        ("host: 1", "field 'host': must be a string, not the number 1"),
        ("etcd: []", "field 'etcd': must be a section of keys and values, not a list"),
        ("etcd:", "field 'etcd': must be a section of keys and values, not empty"),
        ("etcd: {endpoints: http://a:1}", "field 'etcd.endpoints': must be a list of at least one string"),
        ("etcd: {endpoints: [a]}", "field 'etcd.endpoints': must be a URL such as http://127.0.0.1:2379 (line"),
        ("etcd: {endpoints: ['http://a:1'], port: 1}", "field 'etcd.endpoints': stands beside"),
        ("etcd: {retry_transactions: -1}", "field 'etcd.retry_transactions': must be a whole number from 0 to 100"),
        ("tls: {enabled: perhaps}", "field 'tls.enabled': must be true or false, not 'perhaps'"),
        ("tls: {enabled: true, cert: '', key: k}", "field 'tls.cert': must not be empty"),
        ("authorization: ABAC", "field 'authorization': Unknown authorization strategy 'ABAC'; must be RBAC, "),
        ("authentication: {strategy: {keystone: {enabled: true, endpoint: localhost:5000}}}", "must be a URL such as"),
        ("log: {level: LOUD}", "field 'log.level': must be error, warn, info, debug or trace, not 'LOUD'"),
        ("log_format: xml", "field 'log_format': must be one of: text, json; not 'xml'"),
        ("health_address: localhost", "field 'health_address': must be an address with a port"),
    ] {
        let refusal = refusal(file);
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_url_that_may_hold_a_password_is_not_shown() {
    for file in [
        "etcd: http://amy:secret@a",
        "etcd: {endpoints: http://amy:secret@a}",
        "etcd: {endpoints: ['htp://amy:secret@a']}",
        "etcd: {host: 'amy:secret@a b'}",
        "authentication: {strategy: {keystone: {enabled: true, endpoint: 'http://amy:secret@a:x'}}}",
    ] {
        let refusal = refusal(file);
        assert!(refusal.contains("must be a") && !refusal.contains("secret"), "{refusal}");
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let refusal = refusal("port: x\ntls: {enabled: true}\netcd: {hots: a}");
    assert_eq!(refusal.lines().count(), 5, "{refusal}");
    assert!(
        refusal.contains("\n - field 'tls.cert': missing; HTTPS needs it, as this key or as --tls-cert"),
        "{refusal}"
    );
    assert!(refusal.contains("\n - field 'tls.key': missing; "), "{refusal}");
}

#[test]
fn what_is_not_enabled_may_be_anything() {
    let file = "tls: {enabled: false, cert: '', key: '', client_ca: ''}\n\
                authentication: {allow_anonymous: true, strategy: {keystone: {endpoint: ''}, keycloak: {}, static: {}}}";
    assert_eq!(from(file), bare());
}

#[test]
fn who_writes_of_authentication_lets_nobody_in_unseen_and_says_who_may_what() {
    let settings = from("authentication: {strategy: {static: {enabled: true}}}\nauthorization: always-allow");
    assert!(!settings.authentication.allow_anonymous);
    for file in [
        "authentication: {}",
        "authentication: {strategy: {keystone: {enabled: true}}}",
        "authentication: {allow_anonymous: true, token_review: true}",
        "tls: {enabled: true, cert: c, key: k, client_ca: a}",
    ] {
        let refusal = refusal(file);
        assert!(
            refusal.contains("field 'authorization': missing; with authentication there is no default"),
            "{refusal}"
        );
    }
    assert!(load(&["--authentication-strategy-keycloak-enabled"], None).is_err());
    let (settings, _) = load(&["--authentication-strategy-keycloak-enabled", "--authorization", "RBAC"], None).unwrap();
    assert!(!settings.authentication.allow_anonymous);
    let endpoint = "http://localhost:9080".parse().unwrap();
    assert_eq!(settings.authentication.strategy, Strategy::Keycloak { endpoint, realm: "krake".to_owned() });
}

#[test]
fn of_several_strategies_the_first_is_used_and_that_is_said() {
    let file = "authentication: {strategy: {keycloak: {enabled: true}, static: {enabled: true}}}\nauthorization: RBAC";
    let (settings, remarks) = load(&[], Some(file)).unwrap();
    assert_eq!(settings.authentication.strategy, Strategy::Fixed { name: "system".to_owned() });
    assert!(remarks.iter().any(|remark| remark.contains("only the first is used")), "{remarks:?}");
}

#[test]
fn an_open_api_beyond_loopback_and_unused_keys_are_remarked() {
    let remarks = |args: &[&str], file: &str| load(args, Some(file)).unwrap().1.join("\n");
    assert!(remarks(&["--listen", "0.0.0.0:1"], "").contains("whoever reaches 0.0.0.0:1 may do everything"));
    assert_eq!(remarks(&["--listen", "[::1]:1"], ""), "");
    assert_eq!(remarks(&["--listen", "0.0.0.0:1", "--authorization", "RBAC"], ""), "");
    assert!(remarks(&[], "default_roles: []").contains("`default_roles` is not used"));
    assert_eq!(remarks(&[], "log: {level: DEBUG}"), "");
    assert!(remarks(&[], "log: {level: DEBUG, version: 1}").contains("only `level` is used"));
}
