//! Large answers: made in parts while they are read, by a bounded number of threads.

use std::io::{self, BufWriter, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

/// What is made at once. Less would mean more switches of threads, more would be memory that waits for a slow reader.
const PART: usize = 64 * 1024;

/// Parts that wait for the reader.
const AHEAD: usize = 2;

/// How long the whole answer may take to be read: whoever reads a byte a second must not hold the permit for long.
const WHOLE: Duration = Duration::from_secs(60);

/// A body that `write` makes on a blocking thread, a part at a time as the client reads. `permit` is held until it is made; an
/// answer that fails, or takes too long to be read, ends with an error and not as if it were whole.
pub fn streamed(
    permit: OwnedSemaphorePermit,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Body {
    let (parts, received) = mpsc::channel(AHEAD);
    let until = Instant::now() + WHOLE;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut writer = BufWriter::with_capacity(PART, PartWriter { parts: &parts, until });
        let written = write(&mut writer).and_then(|()| writer.flush());
        // What is left in it after an error must not be sent by its drop.
        drop(writer.into_parts());
        let last = match written {
            Ok(()) => Part::End,
            Err(error) => {
                tracing::debug!(%error, "an answer was not sent to its end");
                Part::Failed(error)
            }
        };
        // Nobody may be reading any more.
        drop(parts.blocking_send(last));
    });
    Body::new(StreamedBody { parts: received, ended: false })
}

enum Part {
    Data(Bytes),
    End,
    Failed(io::Error),
}

struct PartWriter<'a> {
    parts: &'a mpsc::Sender<Part>,
    until: Instant,
}

impl Write for PartWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was read too slowly"));
        }
        let part = Part::Data(Bytes::copy_from_slice(bytes));
        self.parts.blocking_send(part).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct StreamedBody {
    parts: mpsc::Receiver<Part>,
    ended: bool,
}

impl hyper::body::Body for StreamedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let part = std::task::ready!(self.parts.poll_recv(context));
        self.ended = !matches!(part, Some(Part::Data(_)));
        Poll::Ready(match part {
            Some(Part::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Part::End) => None,
            Some(Part::Failed(error)) => Some(Err(error)),
            // The thread ended without a word: it panicked.
            None => Some(Err(io::Error::other("the answer was not made to its end"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    fn permit(permits: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        permits.clone().try_acquire_owned().unwrap()
    }

    #[tokio::test]
    async fn it_is_whole_or_an_error() {
        let permits = Arc::new(Semaphore::new(1));
        let whole = vec![b'x'; 10 * PART + 1];
        let body = streamed(permit(&permits), {
            let whole = whole.clone();
            move |to| whole.chunks(100).try_for_each(|part| to.write_all(part))
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), whole);

        let failed = streamed(permits.clone().acquire_owned().await.unwrap(), |to| {
            to.write_all(b"begun")?;
            Err(io::Error::other("no more"))
        });
        failed.collect().await.unwrap_err();
    }

    mod hostile {
        use super::*;

        #[tokio::test]
        async fn an_unread_answer_is_made_no_further_than_a_few_parts_and_freed_with_its_connection() {
            let permits = Arc::new(Semaphore::new(1));
            let (made, mut seen) = tokio::sync::watch::channel(0);
            let mut body = streamed(permit(&permits), move |to| {
                loop {
                    to.write_all(&[0; PART])?;
                    made.send_modify(|parts| *parts += 1);
                }
            });
            body.frame().await.unwrap().unwrap();
            seen.wait_for(|parts| *parts >= AHEAD).await.unwrap();
            assert!(permits.clone().try_acquire_owned().is_err());
            drop(body);
            let _free = permits.acquire_owned().await.unwrap();
            assert!(*seen.borrow() <= AHEAD + 3, "{}", *seen.borrow());
        }
    }
}
