//! The real program in a process of its own, fed by [`Feed`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use netmarks_test_cluster::process::{Process, Program};
use tempfile::TempDir;

use crate::connection::{Connection, get};
use crate::feed::Feed;

const PROGRAM: &str = env!("CARGO_BIN_EXE_netmarks");

/// Settings with which it waits for every answer, so that a machine that is busy with other things makes it slower and not empty.
pub const PATIENT: [(&str, &str); 2] =
    [("POLICY_LIMITS_DEADLINE_MS", "10000"), ("SERVER_REQUEST_TIMEOUT_MS", "30000")];

/// Ready later than this is never.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often is looked whether something is there.
const LOOK: Duration = Duration::from_millis(2);

/// `netmarks serve`; killed when dropped.
pub struct Served {
    process: Process,
    pub address: SocketAddr,
    /// From exec to ready.
    pub start: Duration,
    _folder: TempDir,
}

impl Served {
    /// Starts it with these settings (`scoring.top` is `SCORING_TOP`) and waits until it is ready.
    pub fn start(feed: &Feed, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        feed.write_kubeconfig(&kubeconfig);
        let kubeconfig = kubeconfig.to_str().unwrap();
        let mut arguments =
            vec!["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--kubeconfig", kubeconfig];
        let url = feed.metrics_url();
        arguments.extend(url.iter().flat_map(|url| ["--metrics-url", url]));
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let mut program = Program::new("netmarks", PROGRAM, arguments, folder.path());
        // What was just answered must not change what is measured next.
        let settings = settings.iter().chain(&[("SCORING_ASSUME_SECONDS", "0")]);
        program.environment =
            settings.map(|(name, value)| (format!("NETMARKS_{name}"), (*value).to_owned())).collect();
        let started = Instant::now();
        let mut process = program.start().unwrap();
        let mut look = |what: &mut dyn FnMut(&Process) -> bool| {
            while !what(&process) {
                process.check_alive().unwrap();
                assert!(started.elapsed() < PATIENCE, "it is not ready: {}", process.log_tail());
                std::thread::sleep(LOOK);
            }
        };
        let mut address: Option<SocketAddr> = None;
        look(&mut |process| {
            address = process.addresses("listening").unwrap().first().map(|address| address.parse().unwrap());
            address.is_some()
        });
        let address = address.unwrap();
        let mut probe = Connection::open(address).unwrap();
        look(&mut |_| probe.ask(&get("/readyz")).unwrap().status == 200);
        let start = started.elapsed();
        Self { process, address, start, _folder: folder }
    }

    /// A number of the metrics page; 0 if the series is not there yet.
    pub fn metric(&self, series: &str) -> f64 {
        let mut connection = Connection::open(self.address).unwrap();
        let page = String::from_utf8(connection.ask(&get("/metrics")).unwrap().body.to_vec()).unwrap();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// A field of its status, in MB of 2^20 bytes.
    pub fn memory(&self, field: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Resident memory by what it is of, in MB: the program's file, other files, the rest.
    pub fn mappings(&self) -> [(&'static str, f64); 3] {
        let mut sums =
            [("the program's code and data", 0.0), ("other files", 0.0), ("heap, stacks and pools", 0.0)];
        let (text, mut of) = (self.proc("smaps"), 2);
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or_default();
            if first == "Rss:" {
                sums[of].1 += words.next().unwrap().parse::<f64>().unwrap() / 1024.0;
            } else if !first.ends_with(':') {
                let path = words.nth(4).unwrap_or_default();
                of = if path == PROGRAM {
                    0
                } else if path.starts_with('/') {
                    1
                } else {
                    2
                };
            }
        }
        sums
    }

    /// CPU that all its threads have used, user and system.
    pub fn cpu(&self) -> Duration {
        // Of Linux, whatever its own clock runs at.
        const TICKS_PER_SECOND: u32 = 100;
        let stat = self.proc("stat");
        // Its name may have spaces.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().unwrap());
        Duration::from_secs(1) * ticks.sum::<u32>() / TICKS_PER_SECOND
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id().unwrap())).unwrap()
    }
}
