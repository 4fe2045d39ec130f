use clap::CommandFactory;

use super::*;

fn parse(args: &[&str]) -> Result<Args, clap::Error> {
    Args::try_parse_from(["krake-api-facade"].iter().chain(args))
}

#[test]
fn the_flags_are_consistent() {
    Args::command().debug_assert();
}

#[test]
fn the_help_names_every_default_and_every_key() {
    let command = Args::command();
    for (flag, default, keys) in [
        ("listen", format!("{}:{}", api::HOST, api::PORT), "`host` and `port`"),
        ("cors_origin", api::CORS_ORIGIN.to_owned(), "`authentication.cors_origin`"),
        ("problem_base_url", api::PROBLEM_BASE_URL.to_owned(), "`docs.problem_base_url`"),
        ("static_name", authentication::STATIC_NAME.to_owned(), "`authentication.strategy.static.name`"),
        (
            "keystone_endpoint",
            authentication::KEYSTONE_ENDPOINT.to_owned(),
            "`authentication.strategy.keystone.endpoint`",
        ),
        (
            "keycloak_endpoint",
            authentication::KEYCLOAK_ENDPOINT.to_owned(),
            "`authentication.strategy.keycloak.endpoint`",
        ),
        ("keycloak_realm", authentication::KEYCLOAK_REALM.to_owned(), "`authentication.strategy.keycloak.realm`"),
        ("endpoints", format!("http://{}:{}", etcd::HOST, etcd::PORT), "`etcd.endpoints`"),
        ("timeout_seconds", etcd::TIMEOUT_SECONDS.to_string(), "`etcd.timeout_seconds`"),
        ("retry_transactions", etcd::RETRY_TRANSACTIONS.to_string(), "`etcd.retry_transactions`"),
        ("sync", "on".to_owned(), "`management.sync`"),
        ("namespace", management::NAMESPACE.to_owned(), "`management.namespace`"),
        ("pod_name", management::POD_NAME.to_owned(), "`management.pod_name`"),
        ("health_address", process::HEALTH_ADDRESS.to_string(), "`health_address`"),
        ("log_format", "text".to_owned(), "`log_format`"),
        ("log_level", process::LOG_LEVEL.to_string(), "`log.level`"),
    ] {
        let described = command
            .get_arguments()
            .find(|arg| arg.get_id() == flag)
            .unwrap()
            .get_long_help()
            .unwrap()
            .to_string()
            .replace("Default: `http", "Default: http")
            .replace("`. In", ". In");
        assert!(described.contains(&format!("Default: {default}.")), "{flag}: {described}");
        assert!(described.contains(keys), "{flag}: {described}");
    }
}

#[test]
fn every_setting_has_a_variable_and_says_its_key() {
    let command = Args::command();
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_long().is_some());
    let own = ["config", "help", "version"];
    for arg in shown.filter(|arg| !own.contains(&arg.get_id().as_str())) {
        assert!(arg.get_env().is_some(), "{}", arg.get_id());
        assert!(arg.get_long_help().unwrap().to_string().contains("In the file: `"), "{}", arg.get_id());
    }
}

#[test]
fn the_flags_of_the_original_are_understood() {
    let flags = [
        "--host=0.0.0.0",
        "--port=8081",
        "--etcd-host=db",
        "--etcd-port=1",
        "--etcd-retry-transactions=3",
        "--docs-problem-base-url=http://a",
        "--tls-enabled",
        "--tls-client-ca=ca",
        "--tls-cert=cert",
        "--tls-key=key",
        "--authentication-cors-origin=http://b",
        "--authentication-allow-anonymous",
        "--authentication-strategy-keystone-enabled",
        "--authentication-strategy-keystone-endpoint=http://c",
        "--authentication-strategy-keycloak-enabled",
        "--authentication-strategy-keycloak-endpoint=http://d",
        "--authentication-strategy-keycloak-realm=r",
        "--authentication-strategy-static-enabled",
        "--authentication-strategy-static-name=u",
        "--authorization=RBAC",
    ];
    parse(&flags).unwrap();
    parse(&["bootstrap", "--db-host", "db", "--db-port", "1", "-f", "roles.yaml", "-"]).unwrap();
}

#[test]
fn a_password_in_a_wrong_url_is_not_shown() {
    for flag in [
        "--etcd-endpoints",
        "--etcd-host",
        "--authentication-strategy-keystone-endpoint",
        "--authentication-strategy-keycloak-endpoint",
    ] {
        let error = parse(&[flag, "htp://amy:secret@a b"]).unwrap_err().to_string();
        assert!(error.contains(flag) && error.contains("must be a"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn wrong_flags_are_refused() {
    for wrong in [
        &["--etcd-timeout-seconds", "0"][..],
        &["--retry-transactions", "101"],
        &["--etcd-endpoints", "http://a:1,b:2"],
        &["--authorization", "abac"],
        &["--listen", "127.0.0.1:1", "--port", "1"],
        &["--etcd-endpoints", "http://a:1", "--etcd-host", "a"],
        &["--tls-enabled=perhaps"],
        &["--sync", "perhaps"],
        &["bootstrap"],
        &["detach", "--force"],
    ] {
        assert!(parse(wrong).is_err(), "{wrong:?}");
    }
}
