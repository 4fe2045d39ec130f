//! How many files and sockets the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit to what the system permits. Many systems give a process 1024 for the sake of old programs that use
/// `select`, and let it ask for more; an operator needs about six for each target cluster, a facade one for each watch. Go does
/// the same for every program. Where it is not permitted the limit stays as it is.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map(|()| (soft, hard))
        } else {
            Ok((soft, hard))
        }
    });
    match raised {
        Ok((before, now)) => tracing::debug!(before, now, "open files permitted"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the limit of open files stays as it is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_as_high_as_is_permitted() {
        let (_, permitted) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, permitted / 2, permitted).unwrap();
        raise_limit();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (permitted, permitted));
    }
}
