//! One token that is cancelled when the process is asked to end.
//!
//! `main` takes it once and hands it to everything that runs. Nothing here ends the process.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Why signals cannot be received.
#[derive(Debug, thiserror::Error)]
#[error("listening for {name}")]
pub struct Error {
    name: &'static str,
    source: std::io::Error,
}

/// A token cancelled by the first SIGTERM or SIGINT. Must be called inside a tokio runtime.
///
/// # Errors
/// When the runtime cannot listen for signals; the process should then not start.
pub fn token() -> Result<CancellationToken, Error> {
    let terminate = listen("SIGTERM", SignalKind::terminate())?;
    let interrupt = listen("SIGINT", SignalKind::interrupt())?;
    let token = CancellationToken::new();
    // Lives as long as the process: there is nobody left to await it when the signal never comes.
    tokio::spawn(cancel_on_first(terminate, interrupt, token.clone()).instrument(tracing::info_span!("shutdown")));
    Ok(token)
}

fn listen(name: &'static str, kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(|source| Error { name, source })
}

async fn cancel_on_first(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let reason = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(reason, "stopping");
    token.cancel();
}
