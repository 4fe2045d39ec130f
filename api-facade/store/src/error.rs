//! What can go wrong between us and etcd.

use std::error::Error as Cause;

use tonic::Code;

/// A failed operation on the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key is already taken.
    #[error("the key is already taken")]
    Exists,
    /// Somebody else wrote the key after it was read. Read again and decide again.
    #[error("the key was written by somebody else meanwhile")]
    Conflict,
    /// The revision asked for is no longer in etcd's history.
    #[error("the revision was compacted")]
    Compacted,
    /// The value does not fit into one etcd request. Trying again is pointless.
    #[error("the value is too large for etcd")]
    TooLarge,
    /// etcd did not answer, or not in time. Nothing was written.
    #[error("etcd is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A write was sent, and etcd did not answer, or not in time. Only reading again tells whether it happened.
    #[error("etcd did not say whether it wrote")]
    Undecided(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// etcd refused for a reason we do not expect.
    #[error("etcd refused the request")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stored bytes are not an object of their kind.
    #[error("the value of {key} is not an object of its kind")]
    Unreadable {
        /// The key that holds the value.
        key: String,
        /// What is wrong with the value.
        #[source]
        source: krake_facade_wire::StoredError,
    },
}

impl From<etcd_client::Error> for Error {
    fn from(error: etcd_client::Error) -> Self {
        let etcd_client::Error::GRpcStatus(status) = &error else {
            return Self::Unavailable(error.into());
        };
        match classify(status.code(), status.message()) {
            Class::Compacted => Self::Compacted,
            Class::TooLarge => Self::TooLarge,
            Class::Unavailable => Self::Unavailable(error.into()),
            Class::Refused => Self::Refused(error.into()),
        }
    }
}

impl Error {
    /// The error of a call that was to write something.
    pub(crate) fn of_write(error: etcd_client::Error) -> Self {
        let may_have_happened = may_have_happened(&error);
        match Self::from(error) {
            Self::Unavailable(source) if may_have_happened => Self::Undecided(source),
            other => other,
        }
    }
}

/// Not if there was no connection, and not if etcd has refused for lack of space or time: then it has not begun.
fn may_have_happened(error: &etcd_client::Error) -> bool {
    let etcd_client::Error::GRpcStatus(status) = error else { return false };
    let mut causes = std::iter::successors(status.source(), |&cause| cause.source());
    status.code() != Code::ResourceExhausted && !causes.any(<dyn Cause>::is::<tonic::ConnectError>)
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Compacted,
    TooLarge,
    Unavailable,
    Refused,
}

/// `OutOfRange` stands for three unrelated conditions in etcd and in gRPC itself, so the text decides.
fn classify(code: Code, text: &str) -> Class {
    match code {
        Code::OutOfRange if text.contains("compacted") => Class::Compacted,
        Code::InvalidArgument if text.contains("too large") || text.contains("too many operations") => Class::TooLarge,
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::ResourceExhausted => {
            Class::Unavailable
        }
        _ => Class::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_range_is_a_compaction_only_when_etcd_says_so() {
        assert_eq!(
            classify(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted"),
            Class::Compacted
        );
        assert_eq!(classify(Code::OutOfRange, "decoded message length too large"), Class::Refused);
    }

    #[test]
    fn a_request_over_the_limit_of_etcd_is_too_large() {
        assert_eq!(classify(Code::InvalidArgument, "etcdserver: request is too large"), Class::TooLarge);
        assert_eq!(classify(Code::InvalidArgument, "etcdserver: key is not provided"), Class::Refused);
    }

    #[test]
    fn a_write_that_was_sent_and_not_answered_is_undecided() {
        let unanswered = etcd_client::Error::GRpcStatus(tonic::Status::cancelled("Timeout expired"));
        assert!(matches!(Error::of_write(unanswered), Error::Undecided(_)));
        let refused: Box<dyn std::error::Error + Send + Sync> = tonic::ConnectError("connection refused".into()).into();
        let unsent = etcd_client::Error::GRpcStatus(tonic::Status::from_error(refused));
        assert!(matches!(Error::of_write(unsent), Error::Unavailable(_)));
    }

    #[test]
    fn a_call_that_ran_out_of_time_counts_as_unavailable() {
        assert_eq!(classify(Code::Cancelled, "Timeout expired"), Class::Unavailable);
    }
}
