//! What figures are called and how they are written, for every form of the report.

use netmarks_core::units::bytes_per_second;
use netmarks_placement::{Figure, Interval};

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Bytes,
    Number,
    Milliseconds,
}

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Traffic,
    Response,
    Balance,
    Risk,
}

impl Group {
    /// In the order of a report.
    pub const ALL: [Self; 4] = [Self::Traffic, Self::Response, Self::Balance, Self::Risk];

    /// As a heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Traffic => "Traffic",
            Self::Response => "Response times",
            Self::Balance => "Balance",
            Self::Risk => "Risk",
        }
    }
}

/// A figure's name, unit and group.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    pub figure: Figure,
    pub text: &'static str,
    pub unit: Unit,
    pub group: Group,
}

const fn label(figure: Figure, text: &'static str, unit: Unit, group: Group) -> Label {
    Label { figure, text, unit, group }
}

/// All figures in the order of a report.
pub const LABELS: [Label; 25] = [
    label(Figure::BytesWithinNode, "bytes within a node", Unit::Percent, Group::Traffic),
    label(Figure::BytesWithinZone, "bytes within a zone, two nodes", Unit::Percent, Group::Traffic),
    label(Figure::BytesAcrossZones, "bytes across zones", Unit::Percent, Group::Traffic),
    label(Figure::CallsWithinNode, "calls within a node", Unit::Percent, Group::Traffic),
    label(Figure::CallsWithinZone, "calls within a zone, two nodes", Unit::Percent, Group::Traffic),
    label(Figure::CallsAcrossZones, "calls across zones", Unit::Percent, Group::Traffic),
    label(Figure::GainedAffinity, "gained affinity", Unit::Percent, Group::Traffic),
    label(Figure::NodeBytesPerSecond, "between nodes", Unit::Bytes, Group::Traffic),
    label(Figure::ZoneBytesPerSecond, "between zones", Unit::Bytes, Group::Traffic),
    label(Figure::PricePerMonth, "price in a month", Unit::Number, Group::Traffic),
    label(Figure::ResponseP50Ms, "response p50", Unit::Milliseconds, Group::Response),
    label(Figure::ResponseP99Ms, "response p99", Unit::Milliseconds, Group::Response),
    label(
        Figure::BytesWithinNodeLocalRouting,
        "routed locally: within a node",
        Unit::Percent,
        Group::Traffic,
    ),
    label(
        Figure::BytesAcrossZonesLocalRouting,
        "routed locally: across zones",
        Unit::Percent,
        Group::Traffic,
    ),
    label(
        Figure::ResponseP50MsLocalRouting,
        "routed locally: response p50",
        Unit::Milliseconds,
        Group::Response,
    ),
    label(
        Figure::ResponseP99MsLocalRouting,
        "routed locally: response p99",
        Unit::Milliseconds,
        Group::Response,
    ),
    label(
        Figure::BytesAcrossZonesZoneRouting,
        "routed in zones: across zones",
        Unit::Percent,
        Group::Traffic,
    ),
    label(
        Figure::ResponseP50MsZoneRouting,
        "routed in zones: response p50",
        Unit::Milliseconds,
        Group::Response,
    ),
    label(
        Figure::ResponseP99MsZoneRouting,
        "routed in zones: response p99",
        Unit::Milliseconds,
        Group::Response,
    ),
    label(Figure::CpuDeviation, "CPU deviation over nodes", Unit::Percent, Group::Balance),
    label(Figure::MemoryDeviation, "memory deviation over nodes", Unit::Percent, Group::Balance),
    label(Figure::CpuMost, "CPU of the fullest node", Unit::Percent, Group::Balance),
    label(Figure::LargestShareOnNode, "largest share on one node", Unit::Percent, Group::Risk),
    label(Figure::LargestShareInZone, "largest share in one zone", Unit::Percent, Group::Risk),
    label(Figure::PodsWithoutNode, "pods without a node", Unit::Number, Group::Risk),
];

impl Unit {
    /// A mean with half of its interval's width; bytes without it, which would not fit a column of a terminal.
    #[must_use]
    pub fn value(self, estimate: Interval) -> String {
        self.written(estimate, false)
    }

    /// The same of a difference, with its sign.
    #[must_use]
    pub fn difference(self, estimate: Interval) -> String {
        self.written(estimate, true)
    }

    /// A difference, or that it is not one.
    #[must_use]
    pub fn clear_difference(self, difference: Interval) -> String {
        if difference.is_clear() {
            self.difference(difference)
        } else if difference == Interval::default() {
            "none".to_owned()
        } else {
            "not clear".to_owned()
        }
    }

    /// One number, as at the end of an axis.
    #[must_use]
    pub fn number(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.1}%", value * 100.0),
            Self::Bytes if value < 0.0 => format!("-{}", bytes_per_second(-value)),
            Self::Bytes => bytes_per_second(value),
            Self::Number => format!("{value:.1}"),
            Self::Milliseconds => format!("{value:.2} ms"),
        }
    }

    fn written(self, Interval { mean, half_width }: Interval, signed: bool) -> String {
        let sign = if signed && mean > 0.0 { "+" } else { "" };
        match self {
            Self::Percent => {
                let unit = if signed { " pp" } else { "%" };
                format!("{sign}{:.1}{unit} ±{:.1}", mean * 100.0, half_width * 100.0)
            }
            Self::Bytes if mean < 0.0 => format!("-{}", bytes_per_second(-mean)),
            Self::Bytes => format!("{sign}{}", bytes_per_second(mean)),
            Self::Number => format!("{sign}{mean:.1} ±{half_width:.1}"),
            Self::Milliseconds => format!("{sign}{mean:.2} ms ±{half_width:.2}"),
        }
    }
}
