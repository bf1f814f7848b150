//! The answer of the query API, decoded straight into samples.
//!
//! Apart from the client because it is where the time of a refresh goes: no tree of values and no map of labels is
//! built, label texts are borrowed from the body, and each application's name is allocated once per answer.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use foldhash::fast::RandomState;
use netmarks_core::application::Application;
use netmarks_core::flow::book::Sample;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::choice::EdgeLabels;

/// One decoded answer.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// One per series that names both ends.
    pub samples: Vec<Sample>,
    /// Series that were left out: an end is empty or `unknown`, or the value is not a finite number.
    pub skipped: u64,
    /// What the metrics store warned of, a partial answer included.
    pub warnings: Vec<String>,
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
        let usable = |text: &str| !text.is_empty() && text != "unknown";
        if !usable(namespace) || !usable(name) {
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

/// A text borrowed from the body where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
                "errorType" => error.kind = map.next_value()?,
                "error" => error.message = map.next_value()?,
                "data" => map.next_value_seed(Data(self.0))?,
                "warnings" => {
                    self.0
                        .answer
                        .warnings
                        .extend(map.next_value::<Option<Vec<String>>>()?.unwrap_or_default());
                }
                // VictoriaMetrics says so where Thanos warns.
                "isPartial" => {
                    if map.next_value()? {
                        self.0.answer.warnings.push("the answer is partial".to_owned());
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
                        self.0.answer.unexpected_type = Some(found.0.into_owned());
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
                    text.push_str(&value);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> EdgeLabels {
        let [source_namespace, source_name, destination_namespace, destination_name] =
            ["sn", "s", "dn", "d"].map(str::to_owned);
        EdgeLabels { source_namespace, source_name, destination_namespace, destination_name }
    }

    fn read(body: &str) -> Answer {
        decode(body.as_bytes(), &labels(), &mut Interner::default()).unwrap()
    }

    #[test]
    fn series_become_samples_whatever_else_they_carry() {
        let answer = read(
            r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[
                {"metric":{"sn":"shop","s":"web","dn":"shop","d":"d\u0062","zone":"z"},"value":[1.5,"2e3"]},
                {"value":[1,"0.25"],"metric":{"d":"web","dn":"shop","sn":"shop","s":"db"}}
            ],"stats":{"seriesFetched":"2"}},"warnings":["slow"],"infos":["x"]}"#,
        );
        let edges: Vec<_> = answer
            .samples
            .iter()
            .map(|sample| (sample.source.as_str(), sample.destination.as_str(), sample.value))
            .collect();
        assert_eq!(edges, [("shop/web", "shop/db", 2_000.0), ("shop/db", "shop/web", 0.25)]);
        assert_eq!(answer.warnings, ["the answer is partial", "slow"]);
        assert_eq!((answer.skipped, answer.error, answer.unexpected_type), (0, None, None));
    }

    #[test]
    fn series_without_two_known_ends_or_a_number_are_skipped_and_counted() {
        let answer = read(
            r#"{"status":"success","data":{"resultType":"vector","result":[
                {"metric":{"sn":"a","s":"web","dn":"a"},"value":[1,"1"]},
                {"metric":{"sn":"a","s":"web","dn":"a","d":"unknown"},"value":[1,"1"]},
                {"metric":{"sn":"unknown","s":"web","dn":"a","d":"db"},"value":[1,"1"]},
                {"metric":{"sn":"a","s":"web","dn":"a","d":"db"},"value":[1,"NaN"]},
                {"metric":{"sn":"a","s":"web","dn":"a","d":"db"},"value":[1,"+Inf"]},
                {"metric":{"sn":"a","s":"web","dn":"a","d":"db"},"histogram":[1,{"count":"1"}]},
                {"metric":{"sn":"a","s":"web","dn":"a","d":"db"},"value":[1,"7"]}
            ]}}"#,
        );
        assert_eq!((answer.samples.len(), answer.skipped), (1, 6));
    }

    #[test]
    fn an_error_and_another_type_are_told_apart_from_an_empty_answer() {
        let empty = read(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#);
        assert_eq!(empty, Answer::default());
        let scalar = read(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#);
        assert_eq!(scalar.unexpected_type.as_deref(), Some("scalar"));
        let error = read(r#"{"status":"error","data":null,"errorType":"bad_data","error":"parse error"}"#);
        let expected = ApiError { kind: "bad_data".to_owned(), message: "parse error".to_owned() };
        assert_eq!(error.error, Some(expected));
    }

    #[test]
    fn what_is_not_an_answer_is_an_error() {
        for body in [
            "",
            "<html>login</html>",
            "{}",
            "[]",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}"#,
            r#"{"status":"success"} trailing"#,
        ] {
            let answer = decode(body.as_bytes(), &labels(), &mut Interner::default());
            assert!(answer.is_err(), "{body}: {answer:?}");
        }
    }
}
