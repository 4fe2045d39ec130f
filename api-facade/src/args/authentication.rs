//! Who makes a request and who may do what: flags, keys of the file and defaults.

use clap::Args as ClapArgs;
use clap::ValueEnum;
use url::Url;

use super::value;
use crate::authn::{self, Strategy};
use crate::authz::{self, Authorization};
use crate::config::{Findings, Section};
use crate::wording::shown;

pub(super) const STATIC_NAME: &str = "system";
pub(super) const KEYSTONE_ENDPOINT: &str = "http://localhost:5000/v3";
pub(super) const KEYCLOAK_ENDPOINT: &str = "http://localhost:9080";
pub(super) const KEYCLOAK_REALM: &str = "krake";

/// Who makes a request.
#[derive(ClapArgs, Clone, Debug, Default)]
#[command(next_help_heading = "Authentication and authorization")]
pub(crate) struct Authentication {
    /// Whether requests without credentials are let in, as user `system:anonymous`.
    ///
    /// Default: true while no way to authenticate is enabled and the file has no section `authentication`, else false.
    /// In the file: `authentication.allow_anonymous`.
    #[arg(long = "authentication-allow-anonymous", env = "KRAKE_AUTHENTICATION_ALLOW_ANONYMOUS", value_name = "BOOL")]
    #[arg(value_parser = value::switch, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_anonymous: Option<bool>,
    /// Whether `Authorization: Bearer TOKEN` may hold a token of the management cluster, such as that of a service
    /// account; the user is the one that the cluster names.
    ///
    /// Default: false. In the file: `authentication.token_review`.
    #[arg(long = "authentication-token-review", env = "KRAKE_AUTHENTICATION_TOKEN_REVIEW", value_name = "BOOL")]
    #[arg(value_parser = value::switch, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    token_review: Option<bool>,
    #[command(flatten)]
    strategies: Strategies,
    /// Who may do what: RBAC (what roles and role bindings say), always-allow or always-deny.
    ///
    /// Default: always-allow while no way to authenticate is enabled and anonymous requests are let in, else none: it
    /// must be given. In the file: `authorization`.
    #[arg(long, env = "KRAKE_AUTHORIZATION", value_name = "MODE", value_parser = authorization)]
    authorization: Option<Authorization>,
    /// Whether a role's rule for some namespaces grants nothing outside of them. Only with RBAC. In the original such a
    /// rule also grants lists across all namespaces, and kinds without namespaces.
    ///
    /// Default: false. In the file: `strict_authorization`.
    #[arg(long, env = "KRAKE_STRICT_AUTHORIZATION", value_name = "BOOL")]
    #[arg(value_parser = value::switch, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict_authorization: Option<bool>,
}

/// How users are known; of several that are enabled, the first counts.
#[derive(ClapArgs, Clone, Debug, Default)]
struct Strategies {
    /// Whether every request is made by one user, without any credentials. Of several strategies that are enabled the
    /// first counts: static, keystone, keycloak.
    ///
    /// Default: false. In the file: `authentication.strategy.static.enabled`.
    #[arg(long = "authentication-strategy-static-enabled", env = "KRAKE_AUTHENTICATION_STRATEGY_STATIC_ENABLED")]
    #[arg(value_name = "BOOL", value_parser = value::switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    static_enabled: Option<bool>,
    /// The name of that user.
    ///
    /// Default: system. In the file: `authentication.strategy.static.name`.
    #[arg(long = "authentication-strategy-static-name", env = "KRAKE_AUTHENTICATION_STRATEGY_STATIC_NAME")]
    #[arg(value_name = "USER", value_parser = value::filled)]
    static_name: Option<String>,
    /// Whether the header `Authorization` may hold a token of OpenStack Keystone.
    ///
    /// Default: false. In the file: `authentication.strategy.keystone.enabled`.
    #[arg(long = "authentication-strategy-keystone-enabled", env = "KRAKE_AUTHENTICATION_STRATEGY_KEYSTONE_ENABLED")]
    #[arg(value_name = "BOOL", value_parser = value::switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    keystone_enabled: Option<bool>,
    /// URL of Keystone, with its version.
    ///
    /// Default: `http://localhost:5000/v3`. In the file: `authentication.strategy.keystone.endpoint`.
    #[arg(long = "authentication-strategy-keystone-endpoint", env = "KRAKE_AUTHENTICATION_STRATEGY_KEYSTONE_ENDPOINT")]
    #[arg(value_name = "URL", value_parser = value::Discreet(value::url))]
    keystone_endpoint: Option<Url>,
    /// Whether the header `Authorization` may hold an access token of Keycloak.
    ///
    /// Default: false. In the file: `authentication.strategy.keycloak.enabled`.
    #[arg(long = "authentication-strategy-keycloak-enabled", env = "KRAKE_AUTHENTICATION_STRATEGY_KEYCLOAK_ENABLED")]
    #[arg(value_name = "BOOL", value_parser = value::switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    keycloak_enabled: Option<bool>,
    /// URL of Keycloak, without `/auth`.
    ///
    /// Default: `http://localhost:9080`. In the file: `authentication.strategy.keycloak.endpoint`.
    #[arg(long = "authentication-strategy-keycloak-endpoint", env = "KRAKE_AUTHENTICATION_STRATEGY_KEYCLOAK_ENDPOINT")]
    #[arg(value_name = "URL", value_parser = value::Discreet(value::url))]
    keycloak_endpoint: Option<Url>,
    /// Keycloak's realm of the users.
    ///
    /// Default: krake. In the file: `authentication.strategy.keycloak.realm`.
    #[arg(long = "authentication-strategy-keycloak-realm", env = "KRAKE_AUTHENTICATION_STRATEGY_KEYCLOAK_REALM")]
    #[arg(value_name = "REALM", value_parser = value::filled)]
    keycloak_realm: Option<String>,
}

/// The mode; a wrong one is refused in the original's words.
fn authorization(text: &str) -> Result<Authorization, String> {
    Authorization::from_str(text, false).map_err(|_| {
        format!("Unknown authorization strategy '{}'; must be RBAC, always-allow or always-deny", shown(text))
    })
}

impl Authentication {
    /// Takes from the section `authentication` what the command line left open. Who writes the section lets nobody in
    /// unseen: that is the original's default.
    pub(super) fn fill(&mut self, file: &mut Section<'_>) {
        file.parse("allow_anonymous", &mut self.allow_anonymous, value::switch);
        self.allow_anonymous.get_or_insert(false);
        file.parse("token_review", &mut self.token_review, value::switch);
        file.section("strategy", |file| self.strategies.fill(file));
    }

    /// Takes from the top of the file what the command line left open.
    pub(super) fn fill_authorization(&mut self, file: &mut Section<'_>) {
        file.string("authorization", &mut self.authorization, authorization);
        file.parse("strict_authorization", &mut self.strict_authorization, value::switch);
    }

    /// What is left open has its default, if one is safe.
    pub(super) fn resolve(
        self,
        client_certificates: bool,
        findings: &mut Findings,
    ) -> (authn::Settings, authz::Settings) {
        let Self { allow_anonymous, token_review, strategies, authorization, strict_authorization } = self;
        let token_review = token_review.unwrap_or(false);
        let strategy = strategies.resolve(findings);
        let tells_users_apart = strategy != Strategy::None || client_certificates || token_review;
        let allow_anonymous = allow_anonymous.unwrap_or(!tells_users_apart);
        if authorization.is_none() && (tells_users_apart || !allow_anonymous) {
            let modes = "with authentication there is no default: RBAC, always-allow or always-deny";
            findings.missing("authorization", modes);
        }
        let authorization = authorization.unwrap_or(Authorization::AlwaysAllow);
        let strict = strict_authorization.unwrap_or(false);
        (
            authn::Settings { strategy, token_review, client_certificates, allow_anonymous },
            authz::Settings { authorization, strict },
        )
    }
}

impl Strategies {
    /// Takes from the section what the command line left open. What is not enabled is not looked at closely.
    fn fill(&mut self, file: &mut Section<'_>) {
        file.section("static", |file| {
            file.parse("enabled", &mut self.static_enabled, value::switch);
            file.string("name", &mut self.static_name, value::filled);
        });
        file.section("keystone", |file| {
            file.parse("enabled", &mut self.keystone_enabled, value::switch);
            endpoint(file, self.keystone_enabled, &mut self.keystone_endpoint);
        });
        file.section("keycloak", |file| {
            file.parse("enabled", &mut self.keycloak_enabled, value::switch);
            endpoint(file, self.keycloak_enabled, &mut self.keycloak_endpoint);
            file.string("realm", &mut self.keycloak_realm, value::filled);
        });
    }

    /// The first that is enabled, in the original's order.
    fn resolve(self, findings: &mut Findings) -> Strategy {
        let enabled = [self.static_enabled, self.keystone_enabled, self.keycloak_enabled].map(|it| it == Some(true));
        if enabled.iter().filter(|enabled| **enabled).count() > 1 {
            findings.remark("several strategies of authentication are enabled; only the first is used, of: static, keystone, keycloak");
        }
        let url = |given: Option<Url>, default: &str| given.or_else(|| default.parse().ok());
        let chosen = match enabled {
            [true, _, _] => Some(Strategy::Fixed { name: self.static_name.unwrap_or_else(|| STATIC_NAME.to_owned()) }),
            [_, true, _] => {
                url(self.keystone_endpoint, KEYSTONE_ENDPOINT).map(|endpoint| Strategy::Keystone { endpoint })
            }
            [_, _, true] => url(self.keycloak_endpoint, KEYCLOAK_ENDPOINT).map(|endpoint| Strategy::Keycloak {
                endpoint,
                realm: self.keycloak_realm.unwrap_or_else(|| KEYCLOAK_REALM.to_owned()),
            }),
            [false, false, false] => None,
        };
        chosen.unwrap_or(Strategy::None)
    }
}

fn endpoint(file: &mut Section<'_>, enabled: Option<bool>, slot: &mut Option<Url>) {
    if enabled == Some(true) {
        file.string("endpoint", slot, value::url);
    } else {
        file.text("endpoint", &mut None);
    }
}
