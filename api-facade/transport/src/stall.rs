//! Cuts off a peer that stops reading.
//!
//! A watch writes now and then, for days. If the peer's window is closed, such a write waits for ever, and nothing above
//! the socket can tell that from a quiet time. If the peer is gone without a word, the kernel takes what is written, and
//! tries to deliver it for a quarter of an hour unless it is told otherwise.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Makes the kernel give up a connection whose peer acknowledges nothing for `limit`. A quiet peer is asked as often
/// whether it is there.
///
/// # Errors
/// When the system does not know these options.
pub(crate) fn expect_answers(socket: &TcpStream, limit: Duration) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(limit).with_interval(limit / 3))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limit))?;
    Ok(())
}

/// A stream whose writes fail when the peer takes nothing for too long.
pub(crate) struct StallGuard<S> {
    stream: S,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    is_stalled: bool,
}

impl<S> StallGuard<S> {
    /// Guards a stream; `limit` is how long a single write may wait.
    #[must_use]
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, deadline: Box::pin(tokio::time::sleep(limit)), is_stalled: false }
    }

    fn check<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.is_stalled = false;
            return written;
        }
        if !self.is_stalled {
            self.is_stalled = true;
            self.deadline.as_mut().reset(Instant::now() + self.limit);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.check(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.check(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.check(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_reads_is_cut_off() {
        let (ours, _theirs) = duplex(4);
        let error = StallGuard::new(ours, LIMIT).write_all(b"longer than the window").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    async fn read_slowly(peer: &mut DuplexStream, times: usize) {
        let mut buffer = [0; 4];
        for _ in 0..times {
            tokio::time::sleep(LIMIT / 2).await;
            peer.read_exact(&mut buffer).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_that_reads_is_served() {
        let (ours, mut theirs) = duplex(4);
        let mut guarded = StallGuard::new(ours, LIMIT);
        let (written, ()) = tokio::join!(guarded.write_all(b"twelve bytes"), read_slowly(&mut theirs, 3));
        written.unwrap();
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_peer_that_is_gone_without_a_word_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        expect_answers(&socket, LIMIT).unwrap();
        let options = SockRef::from(&socket);
        assert_eq!((options.tcp_user_timeout().unwrap(), options.keepalive().unwrap()), (Some(LIMIT), true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_time_is_no_stall() {
        let (ours, _theirs) = duplex(64);
        let mut guarded = StallGuard::new(ours, LIMIT);
        tokio::time::sleep(LIMIT * 3).await;
        guarded.write_all(b"event").await.unwrap();
    }
}
