//! What a process holds over time, as figures and as a picture, and whether that is too much.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tokio::time::Instant;

/// So many requests are enough for [`Growth::judge`], also where they are not spread evenly: those that count are half of them.
pub(super) const ENOUGH: u64 = 30_000;

/// What is lost by each request must be below half a kilobyte.
const BYTES: f64 = 512.0;

/// What the allocator and the rings do beside it.
const SLACK_MB: f64 = 4.0;

/// Descriptors come and go with connections.
const DESCRIPTORS: f64 = 24.0;

/// A leak that must be found: bytes of each request, and how many times the bound all of them must be.
const LEAK: f64 = 1024.0;
const CLEARLY: f64 = 1.2;

/// What is drawn of a moment.
type Figure = fn(&Point) -> f64;

/// At one moment.
struct Point {
    seconds: f64,
    megabytes: f64,
    descriptors: f64,
    requests: f64,
    changes: f64,
}

/// Moments in their order.
#[derive(Default)]
pub(super) struct Curve {
    begun: Option<Instant>,
    points: Vec<Point>,
}

/// From the second quarter of the time to the last: what is there when everything was done once, and what came to it.
pub(super) struct Growth {
    pub(super) megabytes: f64,
    pub(super) descriptors: f64,
    pub(super) requests: f64,
    changes: f64,
    level: f64,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { megabytes, descriptors, requests, changes, level } = self;
        write!(
            f,
            "from {level:.1} MB it grew by {megabytes:.1} MB and {descriptors} descriptors in {requests} requests and {changes} \
             changes of pods"
        )
    }
}

impl Growth {
    /// Fails if it is too much, and if so few requests came that a leak would be no more than what is allowed.
    pub(super) fn judge(&self) -> Result<()> {
        let bound = self.requests * BYTES / 1e6 + SLACK_MB;
        let leak = self.requests * LEAK / 1e6;
        ensure!(leak >= CLEARLY * bound, "too few requests to tell anything: {self}");
        ensure!(self.megabytes < bound, "more than {bound:.1} MB: {self}");
        ensure!(self.descriptors < DESCRIPTORS, "more than {DESCRIPTORS} descriptors: {self}");
        Ok(())
    }
}

impl Curve {
    /// What the process `id` holds now, after so many requests and changes of pods.
    pub(super) fn look(&mut self, id: u32, requests: u64, changes: u64) -> Result<()> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        let now = Instant::now();
        self.points.push(Point {
            seconds: now.duration_since(*self.begun.get_or_insert(now)).as_secs_f64(),
            megabytes: kilobytes * 1024.0 / 1e6,
            descriptors: std::fs::read_dir(format!("/proc/{id}/fd"))?.count() as f64,
            requests: requests as f64,
            changes: changes as f64,
        });
        Ok(())
    }

    pub(super) fn growth(&self) -> Result<Growth> {
        let quarter = self.points.len() / 4;
        let middle = |points: &[Point], value: Figure| -> Result<f64> {
            let mut values: Vec<f64> = points.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().context("too few moments")
        };
        let second = self.points.get(quarter..2 * quarter).context("too few moments")?;
        let last = self.points.get(3 * quarter..).context("too few moments")?;
        let grown = |value| Ok::<_, anyhow::Error>(middle(last, value)? - middle(second, value)?);
        Ok(Growth {
            megabytes: grown(|point| point.megabytes)?,
            descriptors: grown(|point| point.descriptors)?,
            requests: grown(|point| point.requests)?,
            changes: grown(|point| point.changes)?,
            level: middle(second, |point| point.megabytes)?,
        })
    }

    /// Writes `soak.csv` and `soak.svg` into the folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let mut table = String::from("seconds,megabytes,descriptors,requests,pod_changes\n");
        for Point { seconds, megabytes, descriptors, requests, changes } in &self.points {
            writeln!(table, "{seconds:.1},{megabytes:.2},{descriptors},{requests},{changes}")?;
        }
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
        };
        write("soak.csv", &table)?;
        write("soak.svg", &self.picture()?)
    }

    fn picture(&self) -> Result<String> {
        let (left, width, height) = (70.0, 760.0, 150.0);
        let whole = self.points.last().context("too few moments")?.seconds.max(1.0);
        let requests = self.points.last().map_or(0.0, |point| point.requests);
        let mut svg = String::from(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 450" font-family="sans-serif" font-size="13" fill="#333"><rect width="860" height="450" fill="#fff"/>"##,
        );
        let kinds: [(&str, Figure, f64); 2] = [
            ("resident memory, MB", |point| point.megabytes, 30.0),
            ("open descriptors", |point| point.descriptors, 230.0),
        ];
        for (name, value, top) in kinds {
            let most = self.points.iter().map(value).fold(1.0, f64::max);
            write!(svg, r##"<text x="{left}" y="{}" font-weight="bold">{name}</text>"##, top - 8.0)?;
            for part in [0.0, 0.5, 1.0] {
                let y = top + height * (1.0 - part);
                write!(
                    svg,
                    r##"<path d="M{left} {y}h{width}" stroke="#ddd"/><text x="{}" y="{}" text-anchor="end">{:.0}</text>"##,
                    left - 8.0,
                    y + 4.0,
                    most * part
                )?;
            }
            let place = |point: &Point| {
                format!(
                    "{:.1},{:.1}",
                    left + width * point.seconds / whole,
                    top + height * (1.0 - value(point) / most)
                )
            };
            let line: Vec<String> = self.points.iter().map(place).collect();
            write!(
                svg,
                r##"<polyline points="{}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>"##,
                line.join(" ")
            )?;
        }
        write!(
            svg,
            r##"<text x="{left}" y="420">0</text><text x="{}" y="420" text-anchor="end">{:.0} minutes, {requests} requests</text></svg>"##,
            left + width,
            whole / 60.0
        )?;
        svg.push('\n');
        Ok(svg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two minutes of so many requests, each of which loses so many bytes and descriptors. Beside that the first quarter takes 20 MB that
    /// stay, and one more is there in every other moment.
    fn growth(requests: f64, lost: f64, descriptors: f64) -> Growth {
        let point = |second: u32| {
            let seconds = f64::from(second);
            let requests = requests * seconds / 120.0;
            let begun = 20.0 * (seconds / 30.0).min(1.0);
            Point {
                seconds,
                megabytes: 40.0 + begun + f64::from(second % 2) + requests * lost / 1e6,
                descriptors: 60.0 + requests * descriptors,
                requests,
                changes: 0.0,
            }
        };
        Curve { begun: None, points: (0..=120).map(point).collect() }.growth().unwrap()
    }

    #[test]
    fn a_kilobyte_lost_by_each_request_is_found_and_nothing_else_is() {
        let enough = ENOUGH as f64;
        for requests in [enough, 4.0 * enough] {
            growth(requests, 0.0, 0.0).judge().unwrap();
            // Half of the bound.
            growth(requests, BYTES / 2.0, 0.0).judge().unwrap();
            let found = growth(requests, LEAK, 0.0).judge().unwrap_err().to_string();
            assert!(found.contains("more than") && found.contains("MB"), "{found}");
            let found = growth(requests, 0.0, 0.01).judge().unwrap_err().to_string();
            assert!(found.contains("24 descriptors"), "{found}");
        }
    }

    #[test]
    fn what_a_few_requests_lose_is_not_judged() {
        for lost in [0.0, LEAK] {
            let found = growth(20_000.0, lost, 0.0).judge().unwrap_err().to_string();
            assert!(found.contains("too few requests"), "{found}");
        }
    }
}
