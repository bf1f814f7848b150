//! Swapping what answers while it is being asked: every answer is of one generation, and none is lost.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "the figures are worth reading where the test is run by hand")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::admin::{Administered, BY_RANK, BY_SPREAD, BY_TRAFFIC, bytes};
use crate::support::{NODES, client, request, scores};
use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 4;

/// How long it goes on at least; the bench does the same for a minute.
const DURATION: Duration = Duration::from_secs(5);

/// How many swaps it takes at least: each kind twice, however slowly they go beside clients that never pause.
const SWAPS: u64 = 10;

/// What one client was answered, and how often.
type Tally = BTreeMap<(u16, Vec<i64>), u64>;

/// Asks over one connection that is kept, until told to stop.
async fn hammer(url: String, stop: CancellationToken) -> Result<Tally> {
    let (client, body) = (client()?, request(&NODES).to_string());
    let mut tally = Tally::new();
    while !stop.is_cancelled() {
        let response = client.post(&url).body(body.clone()).send().await.context("a request failed")?;
        let status = response.status();
        let text = response.text().await.context("an answer broke off")?;
        let answer = match status {
            StatusCode::OK => scores(&text)?.into_iter().map(|(_, score)| score).collect(),
            _ => Vec::new(),
        };
        *tally.entry((status.as_u16(), answer)).or_default() += 1;
    }
    Ok(tally)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_of_one_generation_and_none_is_lost() {
    let running = Administered::start(tempfile::tempdir().unwrap(), |_| ()).await.unwrap();
    let stop = CancellationToken::new();
    let url = format!("{}/prioritize", running.server.url);
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(hammer(url.clone(), stop.clone()))).collect();

    let (netmarks, spread) = (bytes("netmarks").unwrap(), bytes("spread").unwrap());
    let (begun, mut swaps) = (Instant::now(), 0_u64);
    let mut generation = 1;
    while begun.elapsed() < DURATION || swaps < SWAPS {
        let put = async |query: &str, bytes: &Vec<u8>| running.put("netmarks", query, bytes.clone()).await;
        let (outcome, expected): (_, &[i64]) = match swaps % 5 {
            0 => (put("mode=active&normalisation=rank", &netmarks).await, &BY_RANK),
            1 => (put("mode=active", &spread).await, &BY_SPREAD),
            2 => (running.post("/v1/rollback").await, &BY_RANK),
            // Another artefact each time: it has to be compiled while everything else goes on.
            3 => {
                let mut fresh = netmarks.clone();
                fresh.extend([0, 10, 1, b'v']);
                fresh.extend(swaps.to_le_bytes());
                (put("mode=active", &fresh).await, &BY_TRAFFIC)
            }
            _ => (put("mode=active&normalisation=rank&weight=2", &netmarks).await, &BY_RANK),
        };
        let outcome = outcome.unwrap().ok().unwrap();
        let now = outcome["generation"].as_u64().unwrap();
        assert_eq!((now, &outcome["changed"]), (generation + 1, &true.into()));
        generation = now;
        assert_eq!(running.scores().await.unwrap(), expected, "the next request sees generation {now}");
        swaps += 1;
    }
    stop.cancel();
    let mut all = Tally::new();
    for client in clients {
        for (answer, count) in client.await.unwrap().unwrap() {
            *all.entry(answer).or_default() += count;
        }
    }
    let known = [BY_TRAFFIC.to_vec(), BY_RANK.to_vec(), BY_SPREAD.to_vec()];
    let of_one_generation = |(status, answer): &(u16, Vec<i64>)| *status == 200 && known.contains(answer);
    let strange: Vec<_> = all.iter().filter(|(answer, _)| !of_one_generation(answer)).collect();
    let asked: u64 = all.values().sum();
    println!("{asked} answers over {swaps} swaps in {:?}: {all:?}", begun.elapsed());
    assert!(strange.is_empty(), "failed or mixed: {strange:?}");
    assert_eq!(all.len(), 3, "each of the three was live under load: {all:?}");
    assert!(asked > swaps * 10, "{asked} answers over {swaps} swaps");
}
