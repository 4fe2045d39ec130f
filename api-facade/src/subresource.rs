//! The parts of an object that have a door of their own. All of the contract's are PUT, all answer with the whole object,
//! and none changes `modified`. Source: section 1.21 of the REST contract.

pub(crate) mod binding;
pub(crate) mod complete;
pub(crate) mod placement;
pub(crate) mod retry;
pub(crate) mod shutdown;
pub(crate) mod status;

use axum::response::Response;
use subtle::ConstantTimeEq;

use krake_facade_wire::ResourceRef;

use crate::call::Call;
use crate::problem::Failure;
use crate::resource::{Outcome, Resource, json};
use crate::served::Served;

/// Changes the object a request names, and shows it.
async fn change<K: Served>(
    resource: &Resource<K>,
    call: &Call,
    change: impl Fn(&mut K) -> Result<(), Failure>,
) -> Result<Response, Failure> {
    let bytes = resource.change(call, |stored: &mut K| change(stored).map(|()| Outcome::Write)).await?;
    Ok(json(bytes))
}

/// Refuses a hook call whose token is not the one the application was given.
fn check_token(expected: Option<&str>, given: Option<&str>) -> Result<(), Failure> {
    let is_right =
        expected.zip(given).is_some_and(|(expected, given)| expected.as_bytes().ct_eq(given.as_bytes()).into());
    if is_right { Ok(()) } else { Err(Failure::WrongToken) }
}

/// An object depends on what it is bound to, and is listed once for it.
fn own(owners: &mut Vec<ResourceRef>, owner: &ResourceRef) {
    if !owners.contains(owner) {
        owners.push(owner.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_needs_the_token_the_application_was_given() {
        assert!(check_token(Some("secret"), Some("secret")).is_ok());
        for (expected, given) in
            [(Some("secret"), Some("guess")), (Some("secret"), None), (None, Some("x")), (None, None)]
        {
            assert!(matches!(check_token(expected, given), Err(Failure::WrongToken)));
        }
    }
}
