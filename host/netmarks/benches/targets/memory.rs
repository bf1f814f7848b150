//! Row 6: resident memory of the program that holds a large cluster and has scored with it; and what of it is for what.

use crate::connection::{Connection, post};
use crate::feed::Feed;
use crate::report::Figure;
use crate::served::{PATIENT, Served};
use crate::synthetic::{Size, body};

const REQUESTS: u32 = 500;

pub fn figures(size: Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: &str, value: f64, detail: String| {
        figures.push(Figure { row: "6", name: format!("memory: {name}"), value, unit: "MB", detail });
    };
    let mut before = 0.0;
    // Each in a process of its own: what is freed is not given back at once.
    let none = Size { nodes: 0, pods: 0, applications: size.applications, flows: 0 };
    let nodes = Size { nodes: size.nodes, ..none };
    let pods = Size { pods: size.pods, ..nodes };
    let steps =
        [("the program, ready", none), ("nodes", nodes), ("pods and applications", pods), ("flows", size)];
    for (name, size) in steps {
        let feed = Feed::start(size);
        let served = Served::start(&feed, &PATIENT);
        let resident = served.memory("VmRSS");
        add(&format!("by step, {name}"), resident - before, format!("{resident:.1} in all"));
        before = resident;
        if name == "flows" {
            ask(&served, size.nodes);
            let resident = served.memory("VmRSS");
            add(
                "by step, requests and what is remembered of them",
                resident - before,
                format!("{resident:.1} in all"),
            );
            for (name, megabytes) in served.mappings() {
                add(&format!("by kind, {name}"), megabytes, String::new());
            }
            let (_, bytes) = feed.listed();
            let highest = served.memory("VmHWM");
            let detail = format!(
                "highest {highest:.1}, after {REQUESTS} requests of {} names; {} MB of pods listed",
                size.nodes,
                bytes >> 20
            );
            add("resident", resident, detail);
            add("highest", highest, String::new());
        }
    }
    figures
}

/// Requests of so many names.
fn ask(served: &Served, names: u32) {
    let mut connection = Connection::open(served.address).unwrap();
    let request = post("/prioritize", &body(names));
    for _ in 0..REQUESTS {
        let answer = connection.ask(&request).unwrap();
        assert!(answer.status == 200 && answer.body.len() > 2, "it scores");
    }
}
