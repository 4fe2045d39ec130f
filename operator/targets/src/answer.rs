//! What a target says, as far as it is passed on. It ends up in statuses, Events and logs, and anybody may answer at the
//! address of a kubeconfig: so it is bounded, and quoted only if it is what an API server says.

use http::StatusCode;
use kube::core::Status;
use serde::de::Error as _;

/// Characters of one message that are passed on. What API servers say about an invalid object seldom has more than some
/// hundred.
const LONGEST: usize = 1024;

/// Characters of a version; `v1.37.2+k3s1-something` has twenty.
const LONGEST_VERSION: usize = 64;

/// The reason that kube gives when the body of an error is not what an API server sends. The message is the body then.
const NOT_KUBERNETES: &str = "Failed to parse error data";

/// The innermost cause of a failed call: free of the layers that the client wraps around it.
pub(crate) fn cause(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return said(status);
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    shortened(&innermost.to_string())
}

/// The message of an unwelcome answer. A body that is not a Kubernetes `Status` is not quoted.
pub(crate) fn said(status: &Status) -> String {
    if status.is_failure() && status.reason != NOT_KUBERNETES {
        return shortened(&status.message);
    }
    match StatusCode::from_u16(status.code) {
        Ok(code) => format!("it answered {code}, and not as a Kubernetes API server does"),
        Err(_) => "it answered, and not as a Kubernetes API server does".to_owned(),
    }
}

/// The error without anything that a target could have made long.
pub(crate) fn tidied(error: kube::Error) -> kube::Error {
    match error {
        kube::Error::Api(mut status) => {
            status.message = said(&status);
            status.reason = shortened(&status.reason);
            if let Some(details) = &mut status.details {
                details.causes.clear();
                for text in [&mut details.name, &mut details.group, &mut details.kind, &mut details.uid] {
                    *text = shortened(text);
                }
            }
            status.metadata = None;
            kube::Error::Api(status)
        }
        // Its message quotes what it does not understand.
        kube::Error::SerdeError(error) => {
            kube::Error::SerdeError(serde_json::Error::custom(shortened(&error.to_string())))
        }
        other => other,
    }
}

/// The version that an API server reports; empty when it is none.
pub(crate) fn version(said: &str) -> String {
    let is_plausible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_' | '~');
    let is_version = said.len() <= LONGEST_VERSION && said.chars().all(is_plausible);
    if is_version { said.to_owned() } else { String::new() }
}

fn shortened(text: &str) -> String {
    if text.chars().nth(LONGEST).is_none() {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn invalid(message: &str) -> Box<Status> {
        Status::failure(message, "Invalid").with_code(422).boxed()
    }

    #[test]
    fn the_cause_is_the_innermost_error() {
        assert_eq!(cause(&kube::Error::Service("connection refused".into())), "connection refused");
    }

    #[test]
    fn what_an_api_server_says_is_quoted_up_to_a_bound() {
        assert_eq!(said(&invalid("spec.replicas must be positive")), "spec.replicas must be positive");
        let long = said(&invalid(&"ä".repeat(5000)));
        assert_eq!((long.chars().count(), long.chars().last()), (LONGEST, Some('…')));
        assert_eq!(said(&invalid(&long)), long);
        assert_eq!(said(&invalid(&"ä".repeat(LONGEST))), "ä".repeat(LONGEST));
    }

    #[test]
    fn nothing_in_a_tidied_error_is_long() {
        let long = "x".repeat(100_000);
        let details = json!({ "name": long, "causes": [{ "message": long }], "kind": "pods" });
        let mut status = Status::failure(&long, &long).with_code(422);
        status.details = serde_json::from_value(details).unwrap();
        let quoting = serde_json::from_value::<u8>(json!(long)).unwrap_err();
        for error in [kube::Error::Api(status.boxed()), kube::Error::SerdeError(quoting)] {
            let tidied = tidied(error);
            let shown = format!("{tidied} {tidied:?}").len();
            assert!(shown < 10 * LONGEST, "{shown}");
        }
    }

    #[test]
    fn a_version_is_one_or_empty() {
        assert_eq!(version("v1.37.2+k3s1"), "v1.37.2+k3s1");
        for odd in ["<html>", "v1 37", &"1".repeat(65)] {
            assert_eq!(version(odd), "");
        }
    }
}
