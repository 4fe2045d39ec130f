//! Who calls, and what the management cluster lets them do. Nothing is remembered: it is asked each time.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api as Kind, api::PostParams};

use super::{Api, failure::Failure};

const SCHEME: &str = "bearer ";

/// What is asked for, in the words of RBAC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    /// The verb.
    pub(super) verb: &'static str,
    /// The resource of `kubernetes.krake.dev`.
    pub(super) resource: &'static str,
    /// Its subresource.
    pub(super) subresource: Option<&'static str>,
    /// The namespace.
    pub(super) namespace: &'a str,
    /// The object, if it is about one.
    pub(super) name: Option<&'a str>,
}

/// A user of the management cluster.
#[derive(Debug)]
pub(super) struct Caller(UserInfo);

impl FromRequestParts<Api> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Failure> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let token = header.and_then(bearer).ok_or(Failure::Unauthenticated)?;
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let reviews = Kind::<TokenReview>::all(api.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await.map_err(Failure::Review)?;
        let status = answer.status.filter(|status| status.authenticated == Some(true));
        status.and_then(|status| status.user).map(Self).ok_or(Failure::Unauthenticated)
    }
}

impl Caller {
    /// Refuses what the caller may not do.
    ///
    /// # Errors
    /// [`Failure::Forbidden`], or [`Failure::Review`] if the management cluster does not answer.
    pub(super) async fn permit(&self, api: &Api, access: Access<'_>) -> Result<(), Failure> {
        let Self(UserInfo { username, groups, uid, extra }) = self;
        let Access { verb, resource, subresource, namespace, name } = access;
        let attributes = ResourceAttributes {
            group: Some("kubernetes.krake.dev".into()),
            verb: Some(verb.into()),
            resource: Some(resource.into()),
            subresource: subresource.map(str::to_owned),
            namespace: Some(namespace.to_owned()),
            name: name.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: username.clone(),
            groups: groups.clone(),
            uid: uid.clone(),
            extra: extra.clone(),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let reviews = Kind::<SubjectAccessReview>::all(api.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await.map_err(Failure::Review)?;
        if answer.status.is_some_and(|status| status.allowed) {
            return Ok(());
        }
        let resource = subresource.map_or(resource.to_owned(), |part| format!("{resource}/{part}"));
        Err(Failure::Forbidden { verb, resource })
    }
}

/// The token in a header of the scheme `Bearer`, however that is spelled.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then_some(token)
}
