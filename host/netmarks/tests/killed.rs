//! SIGKILL at any moment of an upload, an activation or a rollback: what was live is live again.
//!
//! Each round starts the real program on the state folder that the last round left, and compares what is live with the
//! last set that was acknowledged and the one that was under way when it was killed: it must be one of the two, and
//! answer so. Then the next changes begin, and it is killed in the middle of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "the figures are worth reading where the test is run by hand")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::admin::{bytes, config};
use crate::support::{NODES, client, eventually, request, scores, worked_example_file};
use anyhow::{Context as _, Result, bail, ensure};
use netmarks_test_cluster::process::{Process, Program};
use serde_json::Value;

/// Servers side by side, each with a folder of its own.
const SERVERS: u64 = 2;

/// Kills that hit a change, where `NETMARKS_KILLS` names no other number; how many that takes depends on how fast the machine is.
const HITS: u64 = 60;

/// More kills for one that hits mean that they come too late.
const MOST_ROUNDS: u64 = 10;

/// Within how long kills come at first, and at least.
const WINDOW: Duration = Duration::from_millis(25);
const LEAST_WINDOW: Duration = Duration::from_millis(5);

/// Of the first server, where `NETMARKS_SEED` names no other.
const SEED: u64 = 0x006e_6574_6d61_726b;

fn told(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// SplitMix64: any good mixer will do, as long as a seed says it all.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What can be live under the name `netmarks`, by its normalisation, with its shares of the worked example.
const TRAFFIC: [(&str, [f64; 4]); 3] = [
    ("max", [0.5, 0.6875, 1.0, 0.0]),
    ("rank", [1.0 / 3.0, 2.0 / 3.0, 1.0, 0.0]),
    ("none", [1.0, 1.0, 1.0, 0.0]),
];

/// Weights of `spread`, which has no preference; 0 is without it.
const SPREAD: [f64; 3] = [0.0, 0.5, 0.2];

/// What answers: indexes of the two tables. Every pair has scores of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Live {
    traffic: usize,
    spread: usize,
}

impl Live {
    fn scores(self) -> Vec<i64> {
        let weight = SPREAD[self.spread];
        let shares = TRAFFIC[self.traffic].1.iter().map(|share| (share + weight) / (1.0 + weight));
        #[allow(clippy::cast_possible_truncation, reason = "0 to 10")]
        shares.map(|share| (share * 10.0).round() as i64).filter(|score| *score > 0).collect()
    }

    /// From what the admin listener lists.
    fn listed(report: &Value) -> Result<Self> {
        let mut live = Self { traffic: usize::MAX, spread: 0 };
        for policy in report["policies"].as_array().context("no list")? {
            ensure!(policy["degraded"].is_null(), "{policy}");
            if policy["state"] != "active" {
                ensure!(policy["state"] == "ready", "{policy}");
                continue;
            }
            let settings = &policy["settings"];
            let position = match policy["name"].as_str() {
                Some("netmarks") => TRAFFIC.iter().position(|(name, _)| settings["normalisation"] == **name),
                Some("spread") => SPREAD.iter().position(|weight| settings["weight"] == *weight),
                _ => None,
            };
            let position = position.with_context(|| policy.to_string())?;
            if policy["name"] == "spread" { live.spread = position } else { live.traffic = position }
        }
        ensure!(live.traffic < TRAFFIC.len(), "nothing is live: {report}");
        Ok(live)
    }
}

/// One call, and what it makes of its half of the set.
struct Step {
    method: reqwest::Method,
    path: String,
    body: Vec<u8>,
    then: usize,
}

/// Calls one after the other on one name. What was there, then what each call makes of it.
struct Chain {
    begin: usize,
    steps: Vec<Step>,
}

impl Chain {
    /// What may be there if `acknowledged` calls were answered.
    fn allowed(&self, acknowledged: usize) -> Vec<usize> {
        let states: Vec<usize> =
            std::iter::once(self.begin).chain(self.steps.iter().map(|step| step.then)).collect();
        states[acknowledged..].iter().copied().take(2).collect()
    }
}

fn put(name: &str, query: &str, body: Vec<u8>, then: usize) -> Step {
    let path = format!("/v1/policies/{name}?limits.deadline_ms=10000&{query}");
    Step { method: reqwest::Method::PUT, path, body, then }
}

fn post(path: &str, then: usize) -> Step {
    Step { method: reqwest::Method::POST, path: path.to_owned(), body: Vec::new(), then }
}

/// What is done in one round, both chains at once.
fn plan(random: &mut Random, live: Live) -> Result<(Chain, Chain)> {
    let next = (live.traffic + 1 + usize::try_from(random.below(2)).unwrap()) % TRAFFIC.len();
    let mut netmarks = bytes("netmarks")?;
    // Sometimes one that was never seen, which has to be compiled.
    if random.below(4) == 0 {
        netmarks.extend([0, 10, 1, b'v']);
        netmarks.extend(random.below(u64::MAX).to_le_bytes());
    }
    let query = format!("normalisation={}", TRAFFIC[next].0);
    let kind = random.below(3);
    let steps = match kind {
        0 => vec![put("netmarks", &format!("mode=active&{query}"), netmarks, next)],
        1 => vec![
            put("netmarks", &format!("mode=ready&{query}"), netmarks, live.traffic),
            post("/v1/policies/netmarks/activate", next),
        ],
        _ => vec![
            put("netmarks", &format!("mode=active&{query}"), netmarks, next),
            post("/v1/rollback", live.traffic),
        ],
    };
    let other = (live.spread + 1 + usize::try_from(random.below(2)).unwrap()) % SPREAD.len();
    let others = match (kind, other) {
        // A rollback is about the whole set, so nothing else happens meanwhile.
        (2, _) => Vec::new(),
        (_, 0) => vec![Step {
            method: reqwest::Method::DELETE,
            path: "/v1/policies/spread".to_owned(),
            body: Vec::new(),
            then: 0,
        }],
        (_, other) => {
            vec![put("spread", &format!("mode=active&weight={}", SPREAD[other]), bytes("spread")?, other)]
        }
    };
    Ok((Chain { begin: live.traffic, steps }, Chain { begin: live.spread, steps: others }))
}

/// One server, its folder, and what it may have live.
struct Victim {
    process: Process,
    client: reqwest::Client,
    random: Random,
    allowed: (Vec<usize>, Vec<usize>),
    /// Within how long after the first byte of the first call a kill comes. It follows the machine: where calls are slow,
    /// kills that come too early would never see one take place, and where they are fast, few kills would hit one.
    window: Duration,
    /// Kills inside of a call.
    hits: u64,
    /// Of those, how often the call under way had taken place.
    took_place: u64,
}

impl Victim {
    fn new(folder: &Path, seed: u64) -> Result<Self> {
        let file = folder.join("config.yaml");
        fs::write(&file, config(folder).to_string())?;
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--config"];
        let mut arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let snapshot = worked_example_file().display().to_string();
        arguments.extend([file.display().to_string(), "--snapshot".to_owned(), snapshot]);
        let program = Program::new("netmarks", env!("CARGO_BIN_EXE_netmarks"), arguments, folder);
        Ok(Self {
            process: program.start()?,
            client: client()?,
            random: Random(seed),
            allowed: (vec![0], vec![0]),
            window: WINDOW,
            hits: 0,
            took_place: 0,
        })
    }

    /// The URLs of the two listeners, once both are in the log.
    async fn urls(&mut self) -> Result<(String, String)> {
        eventually("both listeners are in the log", async || {
            if let Err(ended) = self.process.check_alive() {
                // They will not be there however long one waits.
                return Ok(Some(Err(ended)));
            }
            let url = |message: &str| -> Result<Option<String>> {
                Ok(self.process.addresses(message)?.pop().map(|address| format!("http://{address}")))
            };
            Ok(url("listening")?.zip(url("listening for changes of policies")?).map(Ok))
        })
        .await?
    }

    /// What is live now: allowed, and what answers.
    async fn live(&mut self, extender: &str, admin: &str) -> Result<Live> {
        let report: Value = self.client.get(format!("{admin}/v1/policies")).send().await?.json().await?;
        let live = Live::listed(&report)?;
        let (traffic, spread) = &self.allowed;
        ensure!(
            traffic.contains(&live.traffic) && spread.contains(&live.spread),
            "{live:?} is live, where netmarks may be {traffic:?} and spread {spread:?}; {}",
            self.process.log_tail()
        );
        let answer = self.client.post(format!("{extender}/prioritize")).body(request(&NODES).to_string());
        let answer = scores(&answer.send().await?.error_for_status()?.text().await?)?;
        let answer: Vec<i64> = answer.into_iter().map(|(_, score)| score).collect();
        ensure!(answer == live.scores(), "{live:?} answers {answer:?}");
        Ok(live)
    }

    /// Starts, looks, changes, kills.
    async fn round(&mut self, fresh: bool) -> Result<()> {
        if !fresh {
            fs::remove_file(&self.process.program().log)?;
            self.process.restart()?;
        }
        let (extender, admin) = self.urls().await?;
        let before = self.allowed.clone();
        let live = self.live(&extender, &admin).await?;
        let under_way = |allowed: &[usize], live: usize| allowed.len() == 2 && allowed[1] == live;
        self.took_place += u64::from(under_way(&before.0, live.traffic) || under_way(&before.1, live.spread));

        let (netmarks, spread) = plan(&mut self.random, live)?;
        // Sometimes later, as the compiler takes longer.
        let late = self.random.below(4) == 0;
        let latest = if late { self.window * 5 } else { self.window };
        let moment = Duration::from_micros(self.random.below(u64::try_from(latest.as_micros()).unwrap()));
        let acknowledged = (tokio::sync::watch::channel(0_usize), tokio::sync::watch::channel(0_usize));
        let calls = async {
            tokio::join!(
                call_all(&self.client, &admin, &netmarks, &acknowledged.0.0),
                call_all(&self.client, &admin, &spread, &acknowledged.1.0),
            )
        };
        let begun = Instant::now();
        tokio::select! {
            // Biased to neither: a call that was answered at the moment of the kill may count as either.
            () = tokio::time::sleep(moment) => {}
            (netmarks, spread) = calls => {
                netmarks?;
                spread?;
                // All is over before the moment: it is killed idle.
                tokio::time::sleep(moment.saturating_sub(begun.elapsed())).await;
            }
        }
        self.process.kill()?;
        let (done, also_done) = (*acknowledged.0.1.borrow(), *acknowledged.1.1.borrow());
        let hit = done < netmarks.steps.len() || also_done < spread.steps.len();
        self.hits += u64::from(hit);
        if !late && !hit {
            self.window = self.window.mul_f64(0.9).max(LEAST_WINDOW);
        } else if !late && done + also_done == 0 {
            self.window = self.window.mul_f64(1.1);
        }
        self.allowed = (netmarks.allowed(done), spread.allowed(also_done));
        Ok(())
    }
}

async fn call_all(
    client: &reqwest::Client,
    admin: &str,
    chain: &Chain,
    acknowledged: &tokio::sync::watch::Sender<usize>,
) -> Result<()> {
    for step in &chain.steps {
        let url = format!("{admin}{}", step.path);
        let response = client.request(step.method.clone(), url).body(step.body.clone()).send().await?;
        let status = response.status();
        if !status.is_success() {
            bail!("{} answered {status}: {}", step.path, response.text().await?);
        }
        acknowledged.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Kills, those within a change, and those after it had taken place.
async fn all_rounds(seed: u64, hits: u64) -> Result<[u64; 3]> {
    let folder = tempfile::tempdir()?;
    let mut victim = Victim::new(folder.path(), seed)?;
    let mut rounds = 0;
    while victim.hits < hits {
        ensure!(rounds < MOST_ROUNDS * hits, "only {} of {rounds} kills hit a change", victim.hits);
        victim.round(rounds == 0).await.with_context(|| format!("round {rounds} of seed {seed:#x}"))?;
        rounds += 1;
    }
    // What so many deaths left behind is cleared away by the next change.
    fs::remove_file(&victim.process.program().log)?;
    victim.process.restart()?;
    let (extender, admin) = victim.urls().await?;
    let live = victim.live(&extender, &admin).await?;
    let chain = Chain {
        begin: live.spread,
        steps: vec![put("spread", "mode=active&weight=7", bytes("spread")?, live.spread)],
    };
    call_all(&victim.client, &admin, &chain, &tokio::sync::watch::channel(0).0).await?;
    for (place, most) in [("state", 4), ("state/blobs", 11), ("state/compiled", 11)] {
        let names = fs::read_dir(folder.path().join(place))?.map(|file| Ok(file?.file_name()));
        let names: Vec<_> = names.collect::<Result<_>>()?;
        let hidden = names.iter().any(|name| name.to_string_lossy().starts_with('.'));
        ensure!(names.len() <= most && !hidden, "{place} holds {names:?}");
    }
    Ok([rounds, victim.hits, victim.took_place])
}

#[test]
fn every_set_has_scores_of_its_own() {
    let sets = (0..3).flat_map(|traffic| (0..3).map(move |spread| Live { traffic, spread }.scores()));
    let mut all: Vec<_> = sets.collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_live_is_lost_whatever_the_moment_of_death() {
    let begun = Instant::now();
    let (seed, hits) = (told("NETMARKS_SEED").unwrap_or(SEED), told("NETMARKS_KILLS").unwrap_or(HITS));
    let round = |index| all_rounds(seed.wrapping_add(index), hits.div_ceil(SERVERS));
    let servers = futures::future::try_join_all((0..SERVERS).map(round));
    let (mut kills, mut hits, mut took_place) = (0, 0, 0);
    for [killed, hit, took] in servers.await.unwrap() {
        (kills, hits, took_place) = (kills + killed, hits + hit, took_place + took);
    }
    println!(
        "seed {seed:#x}: {kills} kills, {hits} of them within a change, {took_place} of which had taken place; {:?}",
        begun.elapsed()
    );
    assert!(took_place > 0 && took_place < hits, "kills before and after the change took place");
}
