//! Who may do what. Source: sections 6.2 and 6.3 of the REST contract.

mod index;
mod rule;

use std::sync::Arc;

use clap::ValueEnum;
use krake_facade_store::Store;

use self::index::Current;
use self::rule::{Verdict, decide};
use crate::authn::User;
use crate::problem::Failure;

/// What a request does with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// POST to a collection.
    Create,
    /// GET of a collection, also as a watch.
    List,
    /// GET of an object.
    Get,
    /// PUT of an object or of one of its subresources.
    Update,
    /// DELETE of an object.
    Delete,
}

/// What a request wants to do.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    /// The group of the kind, such as `kubernetes`.
    pub(crate) api: &'static str,
    /// The plural of the kind, such as `applications`.
    pub(crate) plural: &'static str,
    /// The subresource, such as `status`.
    pub(crate) subresource: Option<&'static str>,
    /// The namespace; `None` for kinds without one and for all namespaces at once.
    pub(crate) namespace: Option<&'a str>,
    /// What is to be done.
    pub(crate) verb: Verb,
}

/// How permissions are decided: what the configuration says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The mode.
    pub(crate) authorization: Authorization,
    /// Whether a rule for some namespaces grants nothing outside of them. Only for [`Authorization::Rbac`]; off in the
    /// original.
    pub(crate) strict: bool,
}

/// How permissions are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Authorization {
    /// Everybody may do everything.
    #[default]
    AlwaysAllow,
    /// Nobody may touch any resource.
    AlwaysDeny,
    /// Users may do what the roles bound to them say.
    #[value(alias = "RBAC")]
    Rbac,
}

/// Decides about permissions. Clones share what they know.
#[derive(Clone)]
pub(crate) struct Authorizer {
    settings: Settings,
    current: Arc<Current>,
}

impl Authorizer {
    /// Decides as the settings say; roles and their bindings are in the store.
    #[must_use]
    pub(crate) fn new(settings: Settings, store: Store) -> Self {
        Self { settings, current: Arc::new(Current::new(store)) }
    }

    /// Refuses what is not permitted at this moment.
    ///
    /// # Errors
    /// [`Failure::Forbidden`], [`Failure::Anonymous`], or [`Failure::Store`] if the roles cannot be read.
    pub(crate) async fn permit(&self, user: &User, access: &Access<'_>) -> Result<(), Failure> {
        let verdict = match self.settings.authorization {
            Authorization::AlwaysAllow => Verdict::Granted,
            Authorization::AlwaysDeny => Verdict::Refused,
            Authorization::Rbac => {
                let index = self.current.index().await?;
                decide(user, index.rules_of(&user.0), access, self.settings.strict)
            }
        };
        if verdict != Verdict::Granted {
            let Access { api, plural, subresource, namespace, verb } = access;
            tracing::debug!(user = &*user.0, api, plural, subresource, namespace, ?verb, "forbidden");
        }
        match verdict {
            Verdict::Granted => Ok(()),
            Verdict::Anonymous => Err(Failure::Anonymous),
            Verdict::Refused => Err(Failure::Forbidden),
        }
    }

    /// Refuses what is permitted in no namespace at all. It is a first look, for requests that name theirs in the body.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(crate) async fn permit_somewhere(&self, user: &User, access: &Access<'_>) -> Result<(), Failure> {
        let lenient = Settings { strict: false, ..self.settings };
        let anywhere = Self { settings: lenient, current: self.current.clone() };
        anywhere.permit(user, &Access { namespace: None, ..*access }).await
    }

    /// The names of the roles that are bound to a user, sorted, each once, whether they exist or count or not.
    ///
    /// # Errors
    /// [`Failure::Store`] if they cannot be read.
    pub(crate) async fn roles_of(&self, user: &User) -> Result<Vec<String>, Failure> {
        let index = self.current.index().await?;
        Ok(index.roles_of(&user.0).map(str::to_owned).collect())
    }
}
