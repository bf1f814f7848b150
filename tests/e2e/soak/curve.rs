//! What a process holds over time, as figures and as a picture.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

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
