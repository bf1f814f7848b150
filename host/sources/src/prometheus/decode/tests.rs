//! Answers as stores write them, and others.

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
    assert_eq!(answer.warnings.texts(), ["the answer is partial", "slow"]);
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
fn of_a_label_that_stands_twice_the_last_counts() {
    let answer = read(
        r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"sn":"shop","s":"web","dn":"shop","d":"db","d":"cache"},"value":[1,"1"]}
        ]}}"#,
    );
    assert_eq!(answer.samples[0].destination.as_str(), "shop/cache");
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

mod hostile {
    use super::*;

    #[test]
    fn labels_longer_than_a_name_in_kubernetes_are_no_flow() {
        for (namespace, name, samples) in [(63, 253, 1), (64, 253, 0), (63, 254, 0), (63, 1 << 20, 0)] {
            let (namespace, name) = ("n".repeat(namespace), "x".repeat(name));
            let series = format!(
                r#"{{"metric":{{"sn":"a","s":"web","dn":"{namespace}","d":"{name}"}},"value":[1,"7"]}}"#
            );
            let answer = read(&format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#
            ));
            assert_eq!((answer.samples.len(), answer.skipped), (samples, 1 - samples as u64));
        }
    }

    #[test]
    fn messages_are_kept_in_part() {
        let long = "x".repeat(1 << 20);
        let error = read(&format!(
            r#"{{"status":"error","errorType":"{long}","error":"{long}","warnings":["{long}"]}}"#
        ));
        let ApiError { kind, message } = error.error.unwrap();
        assert_eq!((kind.len(), message.len()), (REASON, REASON));
        assert_eq!(error.warnings.texts()[0].len(), REASON);
        let other = read(&format!(r#"{{"status":"success","data":{{"resultType":"{long}","result":[]}}}}"#));
        assert_eq!(other.unexpected_type.unwrap().len(), REASON);
    }
}
