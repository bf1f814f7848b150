//! Row 6: resident memory of a process that holds a large cluster and has scored with it.

use std::process::Command;

use netmarks_core::application::Identity;
use netmarks_extender::protocol::decode;

use crate::report::Row;
use crate::synthetic::{LARGE, body, scoring};

/// In the child: builds the cluster, scores some pods, prints the resident set in kB, now and at its highest.
pub fn measure() {
    let (state, scoring) = scoring(LARGE);
    let body = body(5_000);
    for _ in 0..500 {
        let request = decode(&body, Identity::App.into()).unwrap();
        scoring.scorer.answer(request.pod, &request.nodes, |_| true).record(&request.nodes);
    }
    assert!(state.read(|index| index.pod_count()) >= LARGE.pods as usize);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    println!("{} {}", field("VmRSS:"), field("VmHWM:"));
}

pub fn rows() -> Vec<Row> {
    let child = Command::new(std::env::current_exe().unwrap()).arg("--measure-memory").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let text = String::from_utf8(child.stdout).unwrap();
    let mib: Vec<f64> =
        text.split_whitespace().map(|kilobytes| kilobytes.parse::<f64>().unwrap() / 1024.0).collect();
    vec![Row {
        target: 6,
        what: "resident memory: 5,000 nodes, 150,000 pods, 2,000 apps, 20,000 flows".to_owned(),
        value: mib[0],
        unit: "MB",
        at_most: Some(200.0),
        detail: format!("highest {:.0} MB, after 500 requests of 5,000 names", mib[1]),
    }]
}
