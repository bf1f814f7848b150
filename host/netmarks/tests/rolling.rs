//! A rolling upgrade under load: three replicas behind a balancer are replaced one by one, as a Deployment does it with
//! `maxSurge: 1` and `maxUnavailable: 0`, and every request is answered, in full, by whichever replica.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail and speak as tests do"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::authority::{connect, install};
use crate::support::binary::Server;
use crate::support::connection::{Connection, Protocol, prioritize, read};
use crate::support::{NODES, client, eventually, request, series, worked_example_file};
use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures::SinkExt as _;
use futures::channel::mpsc;
use netmarks_test_cluster::Authority;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const REPLICAS: usize = 3;

/// Clients of each protocol. Enough for every replica to have some.
const CLIENTS: usize = 6;

/// Between the stop signal and the closing of a replica: for those who were on their way to it. Well below the five seconds
/// within which a request has to arrive, as the slow ones here take longer than this.
const DELAY: Duration = Duration::from_secs(2);

/// Between two looks of the balancer at who is ready.
const LOOK: Duration = Duration::from_millis(50);

/// One `netmarks serve`.
struct Replica {
    server: Server,
    address: SocketAddr,
    /// Base URL of its listener for probes.
    probes: String,
}

impl Replica {
    async fn start(tls: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = json!({
            "server": {
                "health_listen": "127.0.0.1:0",
                "shutdown_delay_seconds": DELAY.as_secs_f64(),
                "drain_seconds": 30,
                // As slow as the machine that runs the tests may be.
                "request_timeout_ms": 30_000,
                "max_concurrent": 64,
                "tls": {"cert_file": tls.join("tls.crt"), "key_file": tls.join("tls.key")},
            },
            "policy": {"limits": {"deadline_ms": 10_000}},
        });
        let file = folder.path().join("config.yaml");
        // JSON is YAML.
        std::fs::write(&file, config.to_string())?;
        let (file, snapshot) = (file.display().to_string(), worked_example_file().display().to_string());
        let server = Server::serve(folder, &["--config", &file, "--snapshot", &snapshot], &[]).await?;
        let line = server.logged("listening for probes")?.pop().context("no listener for probes")?;
        let probes = line["address"].as_str().context("no address")?;
        let address = server.url.strip_prefix("https://").context("not HTTPS")?;
        Ok(Self { address: address.parse()?, probes: format!("http://{probes}"), server })
    }

    /// How many requests it has answered with scores, and in any other way.
    async fn answered(&self) -> Result<(f64, f64)> {
        let page = client()?.get(format!("{}/metrics", self.probes)).send().await?.text().await?;
        let name = "netmarks_prioritize_answers_total";
        let scored = series(&page, &format!("{name}{{outcome=\"scored\"}}")).unwrap_or(0.0);
        let all = page.lines().filter(|line| line.starts_with(name));
        let all: f64 = all.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        Ok((scored, all - scored))
    }

    async fn refuses_connections(&self) -> Result<()> {
        eventually("its listener is closed", async || {
            Ok(TcpStream::connect(self.address).await.is_err().then_some(()))
        })
        .await
    }
}

/// Where a balancer may send connections.
#[derive(Clone, Debug, PartialEq)]
struct Endpoint {
    address: SocketAddr,
    probes: String,
    ready: bool,
}

/// Plays kubelet, EndpointSlice and kube-proxy: a new connection goes to the next replica that was ready at the last look and
/// is not being deleted, and stays there.
struct Balancer {
    address: SocketAddr,
    endpoints: watch::Sender<Vec<Endpoint>>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (endpoints, _) = watch::channel(Vec::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(look(endpoints.clone(), client()?));
        tasks.spawn(forward(listener, endpoints.clone()));
        Ok(Self { address, endpoints, _tasks: tasks })
    }

    fn add(&self, replica: &Replica) {
        let (address, probes) = (replica.address, replica.probes.clone());
        self.endpoints.send_modify(|all| all.push(Endpoint { address, probes, ready: false }));
    }

    fn remove(&self, replica: &Replica) {
        self.endpoints.send_modify(|all| all.retain(|endpoint| endpoint.address != replica.address));
    }

    async fn wait_ready(&self, replica: &Replica) -> Result<()> {
        let ready = |all: &Vec<Endpoint>| {
            all.iter().any(|endpoint| endpoint.address == replica.address && endpoint.ready)
        };
        let mut changes = self.endpoints.subscribe();
        tokio::time::timeout(crate::support::LIMIT, changes.wait_for(ready))
            .await
            .context("it is not ready")??;
        Ok(())
    }
}

async fn look(endpoints: watch::Sender<Vec<Endpoint>>, client: reqwest::Client) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let all = endpoints.borrow().clone();
        for endpoint in all {
            let answer = client.get(format!("{}/readyz", endpoint.probes)).send().await;
            let ready = answer.is_ok_and(|answer| answer.status() == StatusCode::OK);
            endpoints.send_if_modified(|all| {
                let found = all.iter_mut().find(|found| found.address == endpoint.address);
                found.is_some_and(|found| std::mem::replace(&mut found.ready, ready) != ready)
            });
        }
    }
}

async fn forward(listener: TcpListener, endpoints: watch::Sender<Vec<Endpoint>>) {
    let mut connections = JoinSet::new();
    for turn in 0.. {
        let (mut client, _) = listener.accept().await.unwrap();
        let ready: Vec<SocketAddr> =
            endpoints.borrow().iter().filter(|endpoint| endpoint.ready).map(|found| found.address).collect();
        // With nobody ready the connection is dropped, like one that is refused: the client finds out and complains.
        let Some(&replica) = ready.get(turn % ready.len().max(1)) else { continue };
        connections.spawn(async move {
            if let Ok(mut replica) = TcpStream::connect(replica).await {
                for stream in [&client, &replica] {
                    stream.set_nodelay(true).unwrap();
                }
                let _ = tokio::io::copy_bidirectional(&mut client, &mut replica).await;
            }
        });
    }
}

/// What all clients share.
struct Load {
    authority: Authority,
    balancer: SocketAddr,
    expected: Bytes,
    answered: [AtomicU64; 2],
    connections: AtomicUsize,
    enough: CancellationToken,
}

impl Load {
    fn counts(&self) -> [u64; 2] {
        [self.answered[0].load(Ordering::Relaxed), self.answered[1].load(Ordering::Relaxed)]
    }

    async fn connect(&self, address: SocketAddr, protocol: Protocol) -> Result<Connection> {
        let stream = connect(&self.authority, address, &[protocol.name()]).await?;
        Connection::open(stream, protocol).await
    }

    /// A client that never pauses, and takes a new connection only where the server ended the last one.
    async fn run(self: Arc<Self>, protocol: Protocol) -> Result<()> {
        let body = request(&NODES).to_string();
        let base = format!("https://{}", self.balancer);
        while !self.enough.is_cancelled() {
            self.connections.fetch_add(1, Ordering::Relaxed);
            let mut connection = self.connect(self.balancer, protocol).await.context("no connection")?;
            while !self.enough.is_cancelled() && connection.is_usable().await {
                let Some(answer) = connection.send(prioritize(&base, body.clone())?).await? else { break };
                ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
                let answer = read(answer).await.context("the answer is cut off")?;
                ensure!(answer == self.expected, "another answer: {answer:?}");
                self.answered[protocol as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Sends half of a request to this very replica. The rest follows through the sender.
    async fn begin(&self, replica: SocketAddr, protocol: Protocol) -> Result<Slow> {
        let mut connection = self.connect(replica, protocol).await?;
        let (mut rest, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(0);
        let request = prioritize(&format!("https://{replica}"), Body::from_stream(body))?;
        let answer = tokio::spawn(async move {
            let answer = connection.send(request).await?.context("it was not sent")?;
            ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
            read(answer).await
        });
        let whole = self::request(&NODES).to_string();
        let (first, second) = whole.split_at(whole.len() / 2);
        // Returns when it was taken to be written, right behind the head of the request.
        rest.send(Ok(Bytes::copy_from_slice(first.as_bytes()))).await?;
        Ok(Slow { rest, second: Bytes::copy_from_slice(second.as_bytes()), answer })
    }
}

/// A request of which the server has the first half.
struct Slow {
    rest: mpsc::Sender<Result<Bytes, std::io::Error>>,
    second: Bytes,
    answer: tokio::task::JoinHandle<Result<Bytes>>,
}

impl Slow {
    async fn finish(mut self) -> Result<Bytes> {
        self.rest.send(Ok(self.second)).await?;
        drop(self.rest);
        self.answer.await?
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_loses_no_request() {
    let authority = Authority::new("ours").unwrap();
    let tls = tempfile::tempdir().unwrap();
    install(&authority, tls.path()).unwrap();
    crate::support::client().unwrap();

    let balancer = Balancer::start().await.unwrap();
    let mut old = Vec::new();
    for _ in 0..REPLICAS {
        let replica = Replica::start(tls.path()).await.unwrap();
        balancer.add(&replica);
        balancer.wait_ready(&replica).await.unwrap();
        old.push(replica);
    }

    // What one of them says is what all of them must say.
    let first = old.first().unwrap().address;
    let stream = connect(&authority, first, &["h2"]).await.unwrap();
    let mut connection = Connection::open(stream, Protocol::Http2).await.unwrap();
    let question = prioritize(&format!("https://{first}"), request(&NODES).to_string()).unwrap();
    let expected = read(connection.send(question).await.unwrap().unwrap()).await.unwrap();
    assert_eq!(crate::support::scores(std::str::from_utf8(&expected).unwrap()).unwrap().len(), 3);
    drop(connection);

    let load = Arc::new(Load {
        authority,
        balancer: balancer.address,
        expected,
        answered: [AtomicU64::new(0), AtomicU64::new(0)],
        connections: AtomicUsize::new(0),
        enough: CancellationToken::new(),
    });
    let mut clients = JoinSet::new();
    for protocol in Protocol::BOTH.repeat(CLIENTS) {
        clients.spawn(load.clone().run(protocol));
    }

    let mut new = Vec::new();
    for (number, mut leaving) in old.into_iter().enumerate() {
        let replica = Replica::start(tls.path()).await.unwrap();
        balancer.add(&replica);
        balancer.wait_ready(&replica).await.unwrap();
        new.push(replica);

        let (others, before) = (leaving.answered().await.unwrap().1, load.counts());
        assert_eq!(others, 0.0, "it gave answers without scores");
        let mut slow = Vec::new();
        for protocol in Protocol::BOTH {
            slow.push(load.begin(leaving.address, protocol).await.unwrap());
        }
        // A pod that is being deleted is not an endpoint from then on, whatever it says of itself.
        leaving.server.signal().unwrap();
        balancer.remove(&leaving);
        leaving.refuses_connections().await.unwrap();
        let after = load.counts();
        for slow in slow {
            assert_eq!(slow.finish().await.unwrap(), load.expected);
        }
        let ended = leaving.server.ended().await.unwrap();
        assert!(ended.contains("exit status: 0"), "{ended}");

        let [http_1, http_2] = [after[0] - before[0], after[1] - before[1]];
        eprintln!(
            "replica {number} stopping: {http_1} HTTP/1.1 and {http_2} HTTP/2 requests, and 2 slow ones"
        );
        assert!(http_1 > 0 && http_2 > 0);
        if let Some(ended) = clients.try_join_next() {
            panic!("a client gave up: {:?}", ended.unwrap());
        }
    }

    load.enough.cancel();
    while let Some(ended) = clients.join_next().await {
        ended.unwrap().unwrap();
    }
    for replica in &new {
        let (scored, others) = replica.answered().await.unwrap();
        assert!(scored > 0.0 && others == 0.0, "{scored} scored, {others} otherwise");
    }
    let connections = load.connections.load(Ordering::Relaxed);
    eprintln!("{:?} requests over HTTP/1.1 and HTTP/2, {connections} connections, none lost", load.counts());
    assert!(connections > 2 * CLIENTS, "nobody moved");
}
