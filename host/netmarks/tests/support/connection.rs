//! One HTTP connection by hand: nothing is pooled, and no request is sent twice behind a test's back.

use anyhow::{Context as _, Result};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use super::LIMIT;

/// What h2 says of a request beyond the last one that the server's GOAWAY, one without an error, lets through.
const GO_AWAY: &str = "connection error received: not a result of an error";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2];

    /// Its name in ALPN.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

pub struct Connection {
    sender: Sender,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: Protocol,
    ) -> Result<Self> {
        let stream = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await?;
                Self { sender: Sender::Http1(sender), task: tokio::spawn(connection) }
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                Self { sender: Sender::Http2(sender), task: tokio::spawn(connection) }
            }
        })
    }

    /// Whether it takes another request, after the one before is done; not if the server ended it.
    pub async fn is_usable(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// The answer; none if the connection ended before a byte of the request was written, or over HTTP/2 with the server's
    /// word that it did not process it. Go's client, too, sends such a request again, and no other one with a body.
    ///
    /// # Errors
    /// If the request was sent, wholly or in part, and is lost.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Option<Response<Incoming>>> {
        let sent = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        };
        sent.map(Some).or_else(|mut error: TrySendError<_>| {
            let unsent = error.take_message().is_some();
            let error = anyhow::Error::from(error.into_error());
            // hyper keeps a request that meets the GOAWAY on its way to the connection.
            let unprocessed = error.chain().any(|cause| cause.to_string() == GO_AWAY);
            if unsent || unprocessed { Ok(None) } else { Err(error.context("the request is lost")) }
        })
    }

    /// Waits until the server has ended it; says whether in good order.
    pub async fn ended(self) -> Result<hyper::Result<()>> {
        // The sender must live as long: a client that has no use for its connection ends it, too.
        let ended = tokio::time::timeout(LIMIT, self.task).await;
        drop(self.sender);
        Ok(ended.context("the connection does not end")??)
    }
}

/// `POST /prioritize` below `base`.
pub fn prioritize(base: &str, body: impl Into<Body>) -> Result<Request<Body>> {
    let request = Request::post(format!("{base}/prioritize")).header(header::HOST, "localhost");
    Ok(request.body(body.into())?)
}

pub async fn read(answer: Response<Incoming>) -> Result<Bytes> {
    Ok(axum::body::to_bytes(Body::new(answer.into_body()), 1 << 20).await?)
}
