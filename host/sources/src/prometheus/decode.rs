//! The answer of the query API, decoded straight into samples.
//!
//! It is where the time of a refresh goes: no tree of values and no map of labels is built, label texts are borrowed from the
//! body, and each application's name is allocated once per answer.

use std::collections::HashSet;
use std::fmt;

use foldhash::fast::RandomState;
use netmarks_core::application::Application;
use netmarks_core::bounded::{NAME, NAMESPACE, REASON, shortened};
use netmarks_core::flow::book::Sample;
use netmarks_core::go_json::Text;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::choice::EdgeLabels;
use super::warnings::Warnings;

/// One decoded answer.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// One per series that names both ends.
    pub samples: Vec<Sample>,
    /// Series that were left out: an end is empty, `unknown` or longer than a name in Kubernetes, or the value is not a finite
    /// number.
    pub skipped: u64,
    /// What the metrics store warned of, a partial answer included.
    pub warnings: Warnings,
    /// The error that the API reported instead of an answer.
    pub error: Option<ApiError>,
    /// The type of the result, where it was not the expected `vector`.
    pub unexpected_type: Option<String>,
}

/// An error as the API reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// `bad_data`, `execution`, `timeout` and the like.
    pub kind: String,
    /// What was wrong.
    pub message: String,
}

/// Holds the application names of one refresh, so that the many flows of one share its text.
#[derive(Debug, Default)]
pub struct Interner {
    known: HashSet<Application, RandomState>,
    key: String,
}

impl Interner {
    fn application(&mut self, namespace: &str, name: &str) -> Option<Application> {
        let usable = |text: &str, most: usize| !text.is_empty() && text.len() <= most && text != "unknown";
        if !usable(namespace, NAMESPACE) || !usable(name, NAME) {
            return None;
        }
        self.key.clear();
        self.key.push_str(namespace);
        self.key.push('/');
        self.key.push_str(name);
        if let Some(known) = self.known.get(self.key.as_str()) {
            return Some(known.clone());
        }
        let application = Application::new(namespace, name);
        self.known.insert(application.clone());
        Some(application)
    }
}

/// Decodes the body of an answer.
///
/// # Errors
/// For what is not JSON, or not of the shape that the API documents.
pub fn decode(
    body: &[u8],
    labels: &EdgeLabels,
    interner: &mut Interner,
) -> Result<Answer, serde_json::Error> {
    let mut decoding = Decoding { labels, interner, answer: Answer::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    Envelope(&mut decoding).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(decoding.answer)
}

struct Decoding<'s> {
    labels: &'s EdgeLabels,
    interner: &'s mut Interner,
    answer: Answer,
}

/// As much of a message as is kept.
fn short(Text(text): &Text<'_>) -> String {
    shortened(text, REASON).into_owned()
}

/// `{"status", "data", "errorType", "error", "warnings", ...}`
struct Envelope<'d, 's>(&'d mut Decoding<'s>);

impl<'de> DeserializeSeed<'de> for Envelope<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the query API")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut status = None;
        let mut error = ApiError::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "status" => status = Some(map.next_value::<Text<'_>>()?.0 == "success"),
                "errorType" => error.kind = short(&map.next_value::<Text<'_>>()?),
                "error" => error.message = short(&map.next_value::<Text<'_>>()?),
                "data" => map.next_value_seed(Data(self.0))?,
                "warnings" => {
                    for Text(warning) in map.next_value::<Option<Vec<Text<'_>>>>()?.unwrap_or_default() {
                        self.0.answer.warnings.push(&warning);
                    }
                }
                // VictoriaMetrics says so where Thanos warns.
                "isPartial" => {
                    if map.next_value::<Option<bool>>()? == Some(true) {
                        self.0.answer.warnings.push("the answer is partial");
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match status {
            Some(true) => Ok(()),
            Some(false) => {
                self.0.answer.error = Some(error);
                Ok(())
            }
            None => Err(M::Error::missing_field("status")),
        }
    }
}

/// `{"resultType", "result"}`, or null beside an error.
struct Data<'d, 's>(&'d mut Decoding<'s>);

impl<'de> DeserializeSeed<'de> for Data<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an answer")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "resultType" => {
                    let found: Text<'_> = map.next_value()?;
                    if found.0 != "vector" {
                        self.0.answer.unexpected_type = Some(short(&found));
                    }
                }
                // The type comes first in every store that was seen; of another type nothing is read.
                "result" if self.0.answer.unexpected_type.is_none() => map.next_value_seed(Vector(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// `[series, ...]`
struct Vector<'d, 's>(&'d mut Decoding<'s>);

impl<'de> DeserializeSeed<'de> for Vector<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Vector<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector of series")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut series: S) -> Result<(), S::Error> {
        let mut edge = Edge::default();
        while let Some(value) = series.next_element_seed(Series { labels: self.0.labels, edge: &mut edge })? {
            let ends = value.filter(|value| value.is_finite()).and_then(|value| {
                let source = self.0.interner.application(&edge.source_namespace, &edge.source_name)?;
                let destination =
                    self.0.interner.application(&edge.destination_namespace, &edge.destination_name)?;
                Some(Sample { source, destination, value })
            });
            match ends {
                Some(sample) => self.0.answer.samples.push(sample),
                None => self.0.answer.skipped += 1,
            }
        }
        Ok(())
    }
}

/// The texts of one series; one is reused for all.
#[derive(Default)]
struct Edge {
    source_namespace: String,
    source_name: String,
    destination_namespace: String,
    destination_name: String,
}

/// `{"metric": {...}, "value": [time, "number"]}`; gives the value if there is one.
struct Series<'s> {
    labels: &'s EdgeLabels,
    edge: &'s mut Edge,
}

impl<'de> DeserializeSeed<'de> for Series<'_> {
    type Value = Option<f64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<f64>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Series<'_> {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<f64>, M::Error> {
        let Self { labels, edge } = self;
        let Edge { source_namespace, source_name, destination_namespace, destination_name } = &mut *edge;
        for text in [source_namespace, source_name, destination_namespace, destination_name] {
            text.clear();
        }
        let mut value = None;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "metric" => map.next_value_seed(Metric { labels, edge: &mut *edge })?,
                "value" => {
                    let (_, Text(number)) = map.next_value::<(IgnoredAny, Text<'_>)>()?;
                    value = Some(
                        number
                            .parse()
                            .map_err(|_| M::Error::custom(format_args!("`{number}` is not a number")))?,
                    );
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(value)
    }
}

/// `{"label": "value", ...}`
struct Metric<'s> {
    labels: &'s EdgeLabels,
    edge: &'s mut Edge,
}

impl<'de> DeserializeSeed<'de> for Metric<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Metric<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a series")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Self { labels, edge } = self;
        while let Some((Text(label), Text(value))) = map.next_entry()? {
            // One label may stand for more than one text: both ends can share their namespace.
            let texts = [
                (&labels.source_namespace, &mut edge.source_namespace),
                (&labels.source_name, &mut edge.source_name),
                (&labels.destination_namespace, &mut edge.destination_namespace),
                (&labels.destination_name, &mut edge.destination_name),
            ];
            for (wanted, text) in texts {
                if *wanted == label {
                    // The last of two counts, as in Go.
                    text.clear();
                    text.push_str(&value);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
