//! Reads request bodies within bounds: each body on its own, and all bodies under way together. Whatever arrives from outside
//! must not decide how much memory we use.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::arrivals::{Arrival, Arrivals};

/// Memory is accounted for in units of this many bytes.
const UNIT: usize = 4 * 1024;

/// Address space that is set aside for a body on the word of its sender; memory, and the budget, are taken as bytes arrive.
const TRUSTED: usize = 1024 * 1024;

/// How long a body waits for those that give way to it.
const GIVING_WAY: Duration = Duration::from_secs(1);

/// Bytes of a body that is refused that are read on in any case: none of them is kept.
const DISCARDED: usize = 16 * 1024 * 1024;

/// How long the rest of a body that is refused may take.
const REST: Duration = Duration::from_secs(2);

/// Holds the memory that all request bodies may use together.
#[derive(Clone, Debug)]
pub struct BodyBudget {
    units: Arc<Semaphore>,
    arrivals: Arc<Arrivals>,
    most_per_body: usize,
}

/// A body, and its share of the budget until it is dropped.
#[derive(Debug)]
pub struct BoundedBody {
    pub bytes: Bytes,
    _permit: Option<OwnedSemaphorePermit>,
}

/// A body that arrives.
#[derive(Debug)]
pub struct Arriving<'b> {
    budget: &'b BodyBudget,
    body: Body,
    /// Of what has arrived, in bytes.
    size: usize,
    arrival: Option<Arrival>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than one body may be.
    #[error("the body has more than {most} bytes")]
    TooLarge { most: usize },
    /// All bodies together are larger than they may be; this one is the newest, or gave way to a newer one while it arrived.
    #[error("too many bytes of requests are under way")]
    Overloaded,
    /// The connection broke.
    #[error("the body ended early")]
    Broken(#[source] axum::Error),
}

impl BodyBudget {
    /// A budget of `total` bytes, of which one body may take `most_per_body`.
    #[must_use]
    pub fn new(total: usize, most_per_body: usize) -> Self {
        let units = (total.max(most_per_body) / UNIT + 1).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), arrivals: Arc::default(), most_per_body }
    }

    /// Reads `body` to its end, as [`Arriving::next`] does.
    ///
    /// # Errors
    /// If it is too large, the budget is used up, or the connection breaks.
    pub async fn read(&self, body: Body) -> Result<BoundedBody, BodyError> {
        // The length that the client announced: a larger body than announced is cut off by hyper.
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(announced.min(TRUSTED).min(self.most_per_body));
        let mut arriving = self.begin(body);
        while let Some(piece) = arriving.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(BoundedBody { bytes: bytes.into(), _permit: arriving.permit })
    }

    /// Begins to read `body`, for whoever wants it piece by piece. What was read counts for the budget until the end, wherever it is by then.
    #[must_use]
    pub fn begin(&self, body: Body) -> Arriving<'_> {
        Arriving { budget: self, body, size: 0, arrival: None, permit: None }
    }

    /// Units that older bodies give up, and those that are free.
    async fn displace(&self, arrival: &Arrival, units: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let short = units.saturating_sub(self.units.available_permits());
        if !arrival.displace(short) {
            return Err(BodyError::Overloaded);
        }
        // Those that give way do so as soon as they run; somebody else may be quicker to take what they free.
        let free = tokio::time::timeout(GIVING_WAY, self.units.clone().acquire_many_owned(count(units)?));
        match arrival.given_up.run_until_cancelled(free).await {
            Some(Ok(Ok(permit))) => Ok(permit),
            _ => Err(BodyError::Overloaded),
        }
    }
}

impl Arriving<'_> {
    /// The next piece, `None` at the end. Where the budget runs short, bodies that began earlier and are not complete give way. A body that is
    /// too large is read on for a while and forgotten: a client that is cut off in the middle of sending does not read why.
    ///
    /// # Errors
    /// If it is too large, the budget is used up, or the connection breaks. Nothing follows then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let piece = self.piece().await;
        if matches!(piece, Err(BodyError::TooLarge { .. })) {
            // Does not help if the client is slow as well.
            drop(tokio::time::timeout(REST, self.discard()).await);
        }
        piece
    }

    /// Does `work` with what has arrived, unless the body has to give way meanwhile: its share of the budget is free at once then.
    ///
    /// # Errors
    /// If it has to give way. Nothing follows then.
    pub async fn unless_given_up<T>(&mut self, work: impl Future<Output = T>) -> Result<T, BodyError> {
        let Some(arrival) = &self.arrival else { return Ok(work.await) };
        match arrival.given_up.run_until_cancelled(work).await {
            Some(done) => Ok(done),
            None => {
                self.permit = None;
                Err(BodyError::Overloaded)
            }
        }
    }

    /// Reads on, up to as much as a body may have, or as most clients send at all.
    async fn discard(&mut self) {
        let mut left = self.budget.most_per_body.max(DISCARDED);
        while let Some(Ok(frame)) = self.body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        let too_large = BodyError::TooLarge { most: self.budget.most_per_body };
        loop {
            let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX);
            if self.size.saturating_add(announced) > self.budget.most_per_body {
                return Err(too_large);
            }
            let Some(frame) = self.frame().await? else {
                // It waits for its client no longer, so it gives way to nobody.
                self.arrival = None;
                return Ok(None);
            };
            let Ok(piece) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
            let size = self.size + piece.len();
            if size > self.budget.most_per_body {
                return Err(too_large);
            }
            self.take_room(size.div_ceil(UNIT)).await?;
            self.size = size;
            return Ok(Some(piece));
        }
    }

    /// The next frame, unless the body has to give way.
    async fn frame(&mut self) -> Result<Option<Result<Frame<Bytes>, axum::Error>>, BodyError> {
        match &self.arrival {
            None => Ok(self.body.frame().await),
            Some(arrival) => {
                let frame = arrival.given_up.run_until_cancelled(self.body.frame());
                frame.await.ok_or(BodyError::Overloaded)
            }
        }
    }

    /// Holds so many units of the budget.
    async fn take_room(&mut self, units: usize) -> Result<(), BodyError> {
        let budget = self.budget;
        let missing = units.saturating_sub(self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if missing > 0 {
            let more = match budget.units.clone().try_acquire_many_owned(count(missing)?) {
                Ok(more) => more,
                Err(_) => {
                    let arrival = self.arrival.get_or_insert_with(|| budget.arrivals.begin());
                    budget.displace(arrival, missing).await?
                }
            };
            match &mut self.permit {
                Some(held) => held.merge(more),
                None => self.permit = Some(more),
            }
        }
        // A whole body waits for its client no longer, so it gives way to nobody. Most come in one piece and never do.
        if self.body.is_end_stream() {
            self.arrival = None;
        } else {
            self.arrival.get_or_insert_with(|| budget.arrivals.begin()).holds(units);
        }
        Ok(())
    }
}

fn count(units: usize) -> Result<u32, BodyError> {
    u32::try_from(units).map_err(|_| BodyError::Overloaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(chunks: usize, bytes: usize) -> Body {
        let chunk = Bytes::from(vec![b'x'; bytes]);
        Body::from_stream(futures::stream::iter(
            (0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
        ))
    }

    #[tokio::test]
    async fn a_body_without_an_announced_length_is_bounded_too() {
        let budget = BodyBudget::new(1 << 20, 100_000);
        assert_eq!(budget.read(chunked(10, 10_000)).await.unwrap().bytes.len(), 100_000);
        assert!(matches!(budget.read(chunked(11, 10_000)).await, Err(BodyError::TooLarge { most: 100_000 })));
        assert!(matches!(budget.read(Body::from(vec![0; 100_001])).await, Err(BodyError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_read_on_so_that_its_sender_reads_why() {
        let budget = BodyBudget::new(1 << 20, 100_000);
        let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = read.clone();
        let chunks = (0..15).map(move |_| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 10_000]))
        });
        let body = Body::from_stream(futures::stream::iter(chunks));
        assert!(matches!(budget.read(body).await, Err(BodyError::TooLarge { .. })));
        assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), 15);
    }

    #[tokio::test]
    async fn bodies_under_way_share_one_budget_and_give_it_back() {
        let budget = BodyBudget::new(200_000, 150_000);
        let first = budget.read(Body::from(vec![0; 150_000])).await.unwrap();
        assert!(matches!(budget.read(chunked(10, 10_000)).await, Err(BodyError::Overloaded)));
        drop(first);
        assert_eq!(budget.read(chunked(10, 10_000)).await.unwrap().bytes.len(), 100_000);
    }

    #[tokio::test]
    async fn pieces_count_for_the_budget_until_the_end() {
        let budget = BodyBudget::new(200_000, 150_000);
        let mut arriving = budget.begin(chunked(15, 10_000));
        for _ in 0..15 {
            assert_eq!(arriving.next().await.unwrap().unwrap().len(), 10_000);
        }
        assert!(arriving.next().await.unwrap().is_none());
        let next = budget.read(Body::from(vec![0; 100_000]));
        assert!(matches!(next.await, Err(BodyError::Overloaded)));
        drop(arriving);
        assert!(budget.read(Body::from(vec![0; 100_000])).await.is_ok());
        let mut large = budget.begin(chunked(16, 10_000));
        for _ in 0..15 {
            large.next().await.unwrap();
        }
        assert!(matches!(large.next().await, Err(BodyError::TooLarge { most: 150_000 })));
    }

    /// Announces much and sends nothing.
    struct Silent;

    impl hyper::body::Body for Silent {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
            std::task::Poll::Pending
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(64 << 20)
        }
    }

    /// Sends `bytes` and then nothing.
    fn stalling(bytes: usize) -> Body {
        let sent = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; bytes]))]);
        Body::from_stream(futures::StreamExt::chain(sent, futures::stream::pending()))
    }

    /// Comes in pieces, and says when the last one has come.
    struct Pieces(Vec<Bytes>);

    impl hyper::body::Body for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
            std::task::Poll::Ready(self.0.pop().map(|piece| Ok(hyper::body::Frame::data(piece))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    #[tokio::test]
    async fn a_body_that_is_whole_gives_way_to_nobody() {
        let budget = BodyBudget::new(200_000, 150_000);
        let piece = Bytes::from(vec![b'x'; 75_000]);
        let mut whole = budget.begin(Body::new(Pieces(vec![piece.clone(), piece])));
        for _ in 0..2 {
            assert_eq!(whole.next().await.unwrap().unwrap().len(), 75_000);
        }
        let newer = budget.read(Body::from(vec![0; 100_000]));
        assert!(matches!(newer.await, Err(BodyError::Overloaded)));
        assert!(whole.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_body_that_is_being_written_gives_way_at_once() {
        let budget = BodyBudget::new(200_000, 150_000);
        let mut slow = budget.begin(stalling(150_000));
        assert_eq!(slow.next().await.unwrap().unwrap().len(), 150_000);
        assert_eq!(slow.unless_given_up(std::future::ready(7)).await.unwrap(), 7);
        let writing = slow.unless_given_up(std::future::pending::<()>());
        let (written, newer) = tokio::join!(writing, budget.read(Body::from(vec![0; 100_000])));
        assert!(matches!(written, Err(BodyError::Overloaded)));
        assert_eq!(newer.unwrap().bytes.len(), 100_000);
    }

    mod hostile {
        use super::*;

        #[tokio::test]
        async fn bodies_that_arrive_for_ever_give_way_to_new_ones() {
            let budget = BodyBudget::new(200_000, 150_000);
            let mut slow: Vec<_> = (0..2).map(|_| Box::pin(budget.read(stalling(90_000)))).collect();
            for read in &mut slow {
                assert!(futures::poll!(read.as_mut()).is_pending());
            }
            let (first, mut second) = (slow.remove(0), slow.remove(0));
            let (first, whole) = tokio::join!(first, budget.read(Body::from(vec![0; 100_000])));
            assert!(matches!(first, Err(BodyError::Overloaded)), "the oldest gives way");
            assert_eq!(whole.unwrap().bytes.len(), 100_000);
            assert!(futures::poll!(second.as_mut()).is_pending(), "and no more than needed");
        }

        #[tokio::test]
        async fn clients_that_announce_and_never_send_take_nothing_from_others() {
            let budget = BodyBudget::new(256 << 20, 64 << 20);
            let mut silent: Vec<_> = (0..2_000).map(|_| Box::pin(budget.read(Body::new(Silent)))).collect();
            for read in &mut silent {
                assert!(futures::poll!(read.as_mut()).is_pending());
            }
            assert_eq!(budget.read(Body::from(vec![0; 50 << 20])).await.unwrap().bytes.len(), 50 << 20);
        }
    }
}
