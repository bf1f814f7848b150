//! The stream of a connection and the bodies on it, as they tell its activity what moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::activity::Activity;

/// A socket, below TLS: what it takes has left this program.
#[derive(Debug)]
pub(crate) struct TrackedStream<S> {
    inner: S,
    activity: Arc<Activity>,
}

impl<S> TrackedStream<S> {
    pub(crate) fn new(inner: S, activity: Arc<Activity>) -> Self {
        Self { inner, activity }
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.activity.write_stalled(),
            Poll::Ready(_) => self.activity.wrote(),
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TrackedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TrackedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// The body of a request.
#[derive(Debug)]
pub(crate) struct RequestBody<B> {
    inner: B,
    activity: Arc<Activity>,
    awaited: bool,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, activity: Arc<Activity>) -> Self {
        Self { inner, activity, awaited: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        match (frame.is_pending(), self.awaited) {
            (true, false) => self.activity.body_awaited(),
            (false, true) => self.activity.body_moved(),
            _ => {}
        }
        self.awaited = frame.is_pending();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for RequestBody<B> {
    fn drop(&mut self) {
        if self.awaited {
            self.activity.body_moved();
        }
    }
}

/// What a connection takes of an answer at once: what it has taken it holds, however slowly its client reads.
const PART: usize = 16 * 1024;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody<B> {
    inner: B,
    activity: Arc<Activity>,
    awaited: bool,
    /// What of the last frame is not taken yet.
    rest: Bytes,
    /// How much of the answer was counted and is not taken yet.
    counted: usize,
    /// Whether `inner` has no more.
    ended: bool,
    /// Whether the request was answered with success.
    success: bool,
}

impl<B: Body> AnswerBody<B> {
    pub(crate) fn new(inner: B, success: bool, activity: Arc<Activity>) -> Self {
        let ended = inner.is_end_stream();
        let counted = inner.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
        activity.answer_begun(counted);
        Self { inner, activity, awaited: false, rest: Bytes::new(), counted, ended, success }
    }
}

impl<B> AnswerBody<B> {
    fn next_part(&mut self) -> Frame<Bytes> {
        let part = self.rest.split_to(self.rest.len().min(PART));
        let known = part.len().min(self.counted);
        self.counted -= known;
        self.activity.answer_moved(known);
        Frame::data(part)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_part())));
        }
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        match (frame.is_pending(), self.awaited) {
            (true, false) => self.activity.answer_awaited(),
            (false, true) => self.activity.answer_produced(),
            _ => {}
        }
        self.awaited = frame.is_pending();
        self.ended = matches!(frame, Poll::Ready(None)) || self.inner.is_end_stream();
        frame.map(|frame| match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                self.rest = data;
                Some(Ok(self.next_part()))
            }
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

impl<B> Drop for AnswerBody<B> {
    fn drop(&mut self) {
        if self.awaited {
            self.activity.answer_produced();
        }
        self.activity.answer_moved(self.counted);
        self.activity.answer_ended();
        if self.success && self.ended && self.rest.is_empty() {
            self.activity.proven();
        }
    }
}
