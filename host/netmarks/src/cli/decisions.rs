//! `netmarks decisions`: what was answered for which pod, and where it went.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::admin_server::AdminServer;
use super::events::Events;
use super::exit::Ended;
use super::output::OutputFormat;
use super::table::{Column, Table, paragraph};
use super::terminal::{print_remark, say, say_json, say_json_line, width};

const EXAMPLES: &str = "Examples:
  netmarks decisions
  netmarks decisions --follow
  netmarks decisions --pod shop/cart-0 --limit 1
  netmarks decisions --outcome differs
  netmarks decisions -o json | jq -r '.[] | select(.empty).pod'
  netmarks decisions --server https://netmarks.example:9822 --token-file token";

/// The longest pause before a lost stream is asked for again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Flags of `netmarks decisions`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Go on with new ones as they are made, until Ctrl-C
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
    /// Only those of this pod
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pod: Option<String>,
    /// Only those of pods of this application
    #[arg(long, value_name = "NAMESPACE/NAME")]
    application: Option<String>,
    /// Only those whose best node this is, or whose pod went there
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Only those that compare so with where the pod went
    #[arg(long, value_enum, conflicts_with = "follow")]
    outcome: Option<Outcome>,
    /// At most so many, the newest [default: 20]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    server: AdminServer,
    /// How to print them
    #[arg(long, short, value_enum, default_value_t)]
    output: OutputFormat,
}

/// How a decision compares with where the pod went.
#[derive(Clone, Copy, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// To a node of the best score
    Agrees,
    /// To another node
    Differs,
    /// No node had a score
    Empty,
    /// To no node yet
    Unknown,
}

/// A decision in brief.
#[derive(Clone, Debug, Deserialize)]
struct Summary {
    at: f64,
    pod: String,
    best: Option<Best>,
    chosen: Option<String>,
    agrees: Option<bool>,
    empty: Option<String>,
    policies: Vec<String>,
    took_microseconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Best {
    node: String,
    score: u32,
}

pub(super) fn run(args: &Args) -> Result<()> {
    if args.follow {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(follow(args));
    }
    let Args { pod, application, node, outcome, limit, server, output, follow: _ } = args;
    let query = (
        [("brief", "true")],
        [("pod", pod), ("application", application), ("node", node)],
        [("outcome", outcome)],
        [("limit", limit)],
    );
    let answer: Value = server.call(Method::GET, "/v1/decisions", |request| {
        request.query(&query.0).query(&query.1).query(&query.2).query(&query.3)
    })?;
    match output {
        OutputFormat::Json => say_json(&answer),
        OutputFormat::Table => {
            let decisions: Vec<Summary> =
                serde_json::from_value(answer).context("the server answered something else")?;
            say(&table(&decisions, width()))
        }
    }
}

/// Prints decisions as they come, and comes back where it was when the server does.
async fn follow(args: &Args) -> Result<()> {
    let mut last = None;
    let mut pause = Duration::ZERO;
    loop {
        match open(args, last.as_deref()).await {
            Ok(response) => {
                if let Err(error) = print(args, response, &mut last, &mut pause).await {
                    print_remark(&format!("the stream ended: {error:#}; asking again"));
                }
            }
            // What is refused now is refused again.
            Err(error) if last.is_none() || error.is::<Ended>() => return Err(error),
            Err(error) => print_remark(&format!("{error:#}; asking again in {} s", pause.as_secs())),
        }
        pause = (pause * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
    }
}

async fn open(args: &Args, last: Option<&str>) -> Result<Response> {
    let Args { pod, application, node, server, .. } = args;
    let query = [("pod", pod), ("application", application), ("node", node)];
    let prepare = |request: reqwest::RequestBuilder| {
        let request = request.query(&query);
        match last {
            Some(last) => request.header("Last-Event-ID", last),
            None => request,
        }
    };
    server.send(Method::GET, "/v1/decisions/stream", prepare).await
}

async fn print(
    args: &Args,
    mut response: Response,
    last: &mut Option<String>,
    pause: &mut Duration,
) -> Result<()> {
    let mut events = Events::default();
    while let Some(part) = response.chunk().await? {
        *pause = Duration::ZERO;
        for event in events.take(&part)? {
            if let Some(id) = event.id {
                *last = Some(id);
            }
            if event.name != "decision" {
                continue;
            }
            match args.output {
                OutputFormat::Json => say_json_line(&serde_json::from_str::<Value>(&event.data)?)?,
                OutputFormat::Table => say(&line(&serde_json::from_str(&event.data)?, width()))?,
            }
        }
    }
    Ok(())
}

fn table(decisions: &[Summary], width: u16) -> String {
    if decisions.is_empty() {
        let none = "No decision is remembered. There is one each time kube-scheduler asks; `scoring.decisions` says how many are kept.";
        return paragraph("", none, width);
    }
    let mut table = Table::new([
        Column::new("TIME").spare(1),
        Column::new("POD"),
        Column::sentences("BEST"),
        Column::number("SCORE").spare(3),
        Column::sentences("WENT TO"),
        Column::new("AGREES").spare(2),
        Column::sentences("POLICIES").spare(5),
        Column::number("TOOK").spare(4),
    ]);
    let none = || "-".to_owned();
    for decision in decisions {
        let Summary { at, pod, best, chosen, agrees, empty, policies, took_microseconds } = decision;
        table.row([
            clock(*at),
            pod.clone(),
            best.as_ref().map_or_else(
                || empty.as_ref().map_or_else(none, |empty| format!("none: {empty}")),
                |best| best.node.clone(),
            ),
            best.as_ref().map_or_else(none, |best| best.score.to_string()),
            chosen.clone().unwrap_or_else(none),
            agrees.map_or_else(none, |agrees| if agrees { "yes" } else { "no" }.to_owned()),
            policies.join(", "),
            format!("{took_microseconds} us"),
        ]);
    }
    format!("{}\nTimes are UTC.", table.fit(width))
}

/// One decision in a sentence.
fn line(decision: &Summary, width: u16) -> String {
    let Summary { at, pod, best, chosen, agrees, empty, .. } = decision;
    let best = match (best, empty) {
        (Some(best), _) => format!("best {} with {}", best.node, best.score),
        (None, Some(empty)) => format!("no scores ({empty})"),
        (None, None) => "no scores".to_owned(),
    };
    let went = match (chosen, agrees) {
        (Some(node), Some(true)) => format!("; went to {node}, one of the best"),
        (Some(node), Some(false)) => format!("; went to {node} instead"),
        (Some(node), None) => format!("; went to {node}"),
        (None, _) => String::new(),
    };
    paragraph(&format!("{}  ", clock(*at)), &format!("{pod}: {best}{went}"), width)
}

/// Hours, minutes and seconds of a time, in UTC.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a day")]
fn clock(at: f64) -> String {
    let second = at.rem_euclid(86_400.0) as u32;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::widest;
    use super::*;

    fn decision(node: &str) -> Summary {
        let text = serde_json::json!({
            "serial": "a-1", "at": 1_764_268_061.5, "pod": "boutique/productcatalogservice-55f8f7c5d8-x7k2p",
            "best": {"node": node, "score": 10, "raw": 1.0}, "chosen": node, "agrees": true, "empty": null,
            "policies": ["netmarks", "load-blend"], "took_microseconds": 120,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn tables_and_lines_fit_80_columns() {
        for node in ["node-a", "ip-10-0-123-245.eu-west-1.compute.internal"] {
            let empty = Summary {
                best: None,
                chosen: None,
                agrees: None,
                empty: Some("no-metrics".into()),
                ..decision(node)
            };
            let all = [decision(node), empty];
            for width in [80, 120, 200] {
                let shown = table(&all, width);
                assert!(widest(&shown) <= usize::from(width), "{shown}");
                for decision in &all {
                    assert!(widest(&line(decision, width)) <= usize::from(width));
                }
            }
        }
        let shown = line(&decision("node-a"), 200);
        assert_eq!(
            shown.trim(),
            "18:27:41  boutique/productcatalogservice-55f8f7c5d8-x7k2p: best node-a with 10; went to node-a, one of the best"
        );
        assert!(table(&[], 80).starts_with("No decision is remembered."));
    }

    #[test]
    fn clocks_are_of_the_day() {
        assert_eq!([clock(0.0), clock(86_399.9), clock(-1.0)], ["00:00:00", "23:59:59", "23:59:59"]);
    }
}
