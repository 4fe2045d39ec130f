//! The body of every refusal (RFC 9457, formerly 7807). Which refusal an error deserves is decided by the facade.

use crate::json::write_str;
use crate::schema::{Value, enumeration};

enumeration! {
    /// What clients can tell problems apart by.
    pub enum Title {
        /// There is no such object.
        NotFound = "NOT_FOUND_ERROR",
        /// Others kept writing the object at the same time.
        Transaction = "TRANSACTION_ERROR",
        /// The change is not allowed, or is none.
        Update = "UPDATE_ERROR",
        /// Keystone refused the token.
        InvalidKeystoneToken = "INVALID_KEYSTONE_TOKEN",
        /// Keycloak refused the token.
        InvalidKeycloakToken = "INVALID_KEYCLOAK_TOKEN",
        /// The name is taken.
        AlreadyExists = "RESOURCE_ALREADY_EXISTS",
    }
}

impl Title {
    /// Its anchor in the documentation.
    #[must_use]
    pub fn slug(self) -> String {
        self.as_str().to_ascii_lowercase().replace('_', "-")
    }
}

/// A name as details show it: in quotes, as Python prints strings.
#[must_use]
pub fn quoted(name: &str) -> String {
    crate::python::quote(name)
}

/// The body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the problem is explained, or `about:blank`.
    pub r#type: String,
    /// What kind of problem it is, for those that have a name.
    pub title: Option<Title>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, for people.
    pub detail: Option<String>,
}

impl Problem {
    /// A problem without a name of its own.
    #[must_use]
    pub fn untitled(status: u16, detail: impl Into<String>) -> Self {
        Self { r#type: "about:blank".to_owned(), title: None, status, detail: Some(detail.into()) }
    }

    /// A problem that the documentation at `base_url` explains; an empty `base_url` means there is none.
    #[must_use]
    pub fn titled(base_url: &str, title: Title, status: u16, detail: impl Into<String>) -> Self {
        let mut problem = Self { title: Some(title), ..Self::untitled(status, detail) };
        if !base_url.is_empty() {
            problem.r#type = format!("{base_url}#{}", title.slug());
        }
        problem
    }

    /// The wire form; members without a value are left out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"{\"type\": ".to_vec();
        write_str(&self.r#type, &mut out);
        if let Some(title) = self.title {
            out.extend_from_slice(b", \"title\": ");
            title.write(&mut out);
        }
        out.extend_from_slice(format!(", \"status\": {}", self.status).as_bytes());
        if let Some(detail) = &self.detail {
            out.extend_from_slice(b", \"detail\": ");
            write_str(detail, &mut out);
        }
        out.push(b'}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_leaves_out_what_it_does_not_have() {
        assert_eq!(
            Problem::untitled(404, "404: Not Found").to_bytes(),
            br#"{"type": "about:blank", "status": 404, "detail": "404: Not Found"}"#
        );
        assert_eq!(
            Problem::titled("", Title::Update, 400, "x").to_bytes(),
            br#"{"type": "about:blank", "title": "UPDATE_ERROR", "status": 400, "detail": "x"}"#
        );
    }

    #[test]
    fn a_named_problem_points_into_the_documentation() {
        for (title, slug) in [
            (Title::NotFound, "not-found-error"),
            (Title::Transaction, "transaction-error"),
            (Title::Update, "update-error"),
            (Title::InvalidKeystoneToken, "invalid-keystone-token"),
            (Title::InvalidKeycloakToken, "invalid-keycloak-token"),
            (Title::AlreadyExists, "resource-already-exists"),
        ] {
            assert_eq!(Problem::titled("https://d", title, 409, "").r#type, format!("https://d#{slug}"));
        }
    }
}
