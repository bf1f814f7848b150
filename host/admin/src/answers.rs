//! Answers that take a moment to make: made on other threads, a few at once, compressed, and not sent again to who has them.
//!
//! A page asks again and again, and there may be hundreds of pages: whoever asks the same about the cluster within a second gets the
//! same bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::HeaderMap;
use axum::http::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::content::{Coding, Content, Effort};
use crate::error_answer::ErrorAnswer;

/// An answer as JSON.
///
/// # Errors
/// If it cannot be written; plain data always can.
pub(crate) fn json(answer: &impl Serialize) -> Result<Vec<u8>, ErrorAnswer> {
    serde_json::to_vec(answer).map_err(|error| ErrorAnswer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        reason: format!("the answer could not be written: {error}"),
    })
}

/// Answers that are made at once.
const MADE_AT_ONCE: usize = 2;

/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// How long an answer is given again without making it again.
const FRESH: Duration = Duration::from_secs(1);

/// Answers that are kept, and the largest of them in bytes.
const KEPT: usize = 32;
const LARGEST_KEPT: usize = 512 * 1024;

/// An answer that was made, and when.
type Made = Option<(Instant, Content)>;

/// Makes answers.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    permits: Arc<Semaphore>,
    /// By what was asked, and in which coding. Whoever asks for what is being made waits for it.
    kept: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<Made>>>>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MADE_AT_ONCE)), kept: Arc::default() }
    }
}

impl Answers {
    /// The JSON that `make` makes on another thread, unless the same was asked, as `asked`, within the last second.
    pub(crate) async fn json(
        &self,
        headers: &HeaderMap,
        asked: String,
        make: impl FnOnce() -> Result<Vec<u8>, ErrorAnswer> + Send + 'static,
    ) -> Result<Response<Body>, ErrorAnswer> {
        let coding = Coding::of(headers);
        let made = self.slot(&format!("{coding:?} {asked}"));
        let mut made = made.lock().await;
        if let Some((at, content)) = made.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(content.answer(headers));
        }
        let content = self.make(coding, make).await?;
        let answer = content.answer(headers);
        *made = (content.size() <= LARGEST_KEPT).then(|| (Instant::now(), content));
        Ok(answer)
    }

    /// The JSON that `make` makes, each time: for what must show a change at once.
    pub(crate) async fn json_of_now(
        &self,
        headers: &HeaderMap,
        make: impl FnOnce() -> Result<Vec<u8>, ErrorAnswer> + Send + 'static,
    ) -> Result<Response<Body>, ErrorAnswer> {
        Ok(self.make(Coding::of(headers), make).await?.answer(headers))
    }

    async fn make(
        &self,
        coding: Coding,
        make: impl FnOnce() -> Result<Vec<u8>, ErrorAnswer> + Send + 'static,
    ) -> Result<Content, ErrorAnswer> {
        let turn = tokio::time::timeout(TURN, self.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = turn else { return Err(ErrorAnswer::busy()) };
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            make().map(|plain| Content::new("application/json", plain, coding, Effort::Speed))
        });
        work.await.map_err(|error| ErrorAnswer {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: format!("the answer could not be made: {error}"),
        })?
    }

    /// The place of what is asked, old ones making room for it.
    fn slot(&self, asked: &str) -> Arc<tokio::sync::Mutex<Made>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = kept.get(asked) {
            return slot.clone();
        }
        if kept.len() >= KEPT {
            let is_over = |made: &tokio::sync::Mutex<Made>| {
                // What is locked is being made.
                made.try_lock().is_ok_and(|made| made.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH))
            };
            kept.retain(|_, slot| !is_over(slot));
        }
        let slot = Arc::default();
        // Where all are in use this one is made for this request alone.
        if kept.len() < KEPT {
            kept.insert(asked.to_owned(), Arc::clone(&slot));
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn headers(given: &[(header::HeaderName, &str)]) -> HeaderMap {
        given.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[tokio::test]
    async fn what_is_asked_at_once_is_made_once_and_sent_once() {
        let (answers, made) = (Answers::default(), Arc::new(AtomicUsize::new(0)));
        let ask = |headers: HeaderMap| {
            let (answers, made) = (answers.clone(), made.clone());
            async move {
                let make = move || {
                    made.fetch_add(1, Ordering::Relaxed);
                    Ok(vec![b'x'; 4096])
                };
                answers.json(&headers, "map".to_owned(), make).await.unwrap()
            }
        };
        let brotli = headers(&[(header::ACCEPT_ENCODING, "br, gzip;q=0.8")]);
        let all = futures::future::join_all((0..500).map(|_| ask(brotli.clone()))).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
        let first = &all[0];
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "br");
        let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let again = ask(headers(&[(header::IF_NONE_MATCH, &format!("\"a\", {etag}"))])).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let plain = ask(headers(&[(header::ACCEPT_ENCODING, "gzip;q=0")])).await;
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }

    mod hostile {
        use super::*;

        #[tokio::test]
        async fn as_many_questions_as_there_are_texts_keep_a_bounded_number_of_answers() {
            let answers = Answers::default();
            for question in 0..10 * KEPT {
                let make = || Ok(vec![b'x'; 10]);
                answers.json(&HeaderMap::new(), question.to_string(), make).await.unwrap();
            }
            assert!(answers.kept.lock().unwrap().len() <= KEPT);
            let large = || Ok((0..=250u8).cycle().take(LARGEST_KEPT * 2).collect());
            answers.json(&HeaderMap::new(), "0".to_owned(), large).await.unwrap();
            let kept = answers.kept.lock().unwrap().clone();
            let sizes = kept.values().filter_map(|slot| slot.try_lock().ok()?.as_ref().map(|it| it.1.size()));
            assert!(sizes.sum::<usize>() <= KEPT * LARGEST_KEPT);
        }
    }
}
