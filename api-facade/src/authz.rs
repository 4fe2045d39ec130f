//! Who may do what. So far one rule for everybody; roles and bindings are a further variant of [`Authorization`].

use clap::ValueEnum;

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

/// How permissions are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Authorization {
    /// Everybody may do everything.
    #[default]
    AlwaysAllow,
    /// Nobody may touch any resource.
    AlwaysDeny,
}

impl Authorization {
    /// Refuses what is not permitted.
    ///
    /// # Errors
    /// [`Failure::Forbidden`].
    pub(crate) fn permit(self, user: &User, access: &Access<'_>) -> Result<(), Failure> {
        match self {
            Self::AlwaysAllow => Ok(()),
            Self::AlwaysDeny => {
                let Access { api, plural, subresource, namespace, verb } = access;
                tracing::debug!(user = &*user.0, api, plural, subresource, namespace, ?verb, "forbidden");
                Err(Failure::Forbidden)
            }
        }
    }
}
