//! A socket with or without TLS, as one type.

use actix_tls::accept::rustls_0_23::TlsStream;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What the kernel may hold for a client that doesn't read; without a bound it takes megabytes. A whole batch of a hub fits, so
/// that a client that does read gets it in one call.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// How long the kernel tries to bring out bytes that nobody acknowledges before it gives the connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);

/// A connected socket.
pub enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TlsStream<TcpStream>> for Socket {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl Socket {
    /// Sets what a long-lived connection of small frames needs.
    pub fn tune(&self) {
        let socket = socket2::SockRef::from(self.tcp());
        let tuned = socket
            .set_tcp_nodelay(true)
            .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER_BYTES))
            .and_then(|()| socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)));
        if let Err(error) = tuned {
            log::debug!(target: "palabre::session", "a socket could not be tuned: {error}");
        }
    }

    /// The other side's address.
    pub fn peer(&self) -> Option<IpAddr> {
        self.tcp().peer_addr().ok().map(|address| address.ip())
    }

    /// Ends both directions at once.
    pub fn cut(&self) {
        // Fails when the other side is gone already: as good.
        let _ = socket2::SockRef::from(self.tcp()).shutdown(Shutdown::Both);
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buf),
        }
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, chunk: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, chunk),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, chunk),
        }
    }

    /// As [`Socket::poll_write`], for several chunks at once.
    pub fn poll_write_vectored(&mut self, cx: &mut Context<'_>, chunks: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, chunks),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, chunks),
        }
    }

    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // A TCP stream has no buffer of its own to flush.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    /// Says that nothing more is coming.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}
