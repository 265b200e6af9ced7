//! What Prometheus answers to an instant query.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::controller::metrics::failed::Failed;
use crate::controller::metrics::words::line;
use crate::offload::Time;
use crate::offload::evaluate::{Fault, Milli, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: String,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
    #[serde(default)]
    error_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    histogram: Option<IgnoredAny>,
}

/// What it says in an answer that is an error; nothing if it is no answer of Prometheus'.
pub(super) fn error(bytes: &[u8]) -> Option<String> {
    serde_json::from_slice::<Answer<'_>>(bytes).ok()?.error
}

/// A value for each series.
pub(super) fn series(bytes: &[u8], window: Option<Duration>) -> Result<Vec<Value>, Failed> {
    let unreadable = |why: &str| Failed::Unreadable(why.to_owned());
    let answer: Answer<'_> = serde_json::from_slice(bytes).map_err(|error| {
        unreadable(if error.is_eof() { "it ends in the middle" } else { "it is not what Prometheus answers" })
    })?;
    if answer.status != "success" {
        return Err(refused(answer.error_type.as_deref(), answer.error.as_deref()));
    }
    // What it says of the expression itself is for people who write one. Anything else means that something is missing: Thanos says so
    // of a store that does not answer, and a sum without it would be too small.
    let of_expression =
        |warning: &&String| warning.starts_with("PromQL info:") || warning.starts_with("PromQL warning:");
    if let Some(warning) = answer.warnings.iter().flatten().find(|warning| !of_expression(warning)) {
        return Err(Failed::Unreadable(format!("it may lack something: {}", line(warning))));
    }
    let data = answer.data.ok_or_else(|| unreadable("it has no data"))?;
    match data.result_type.as_str() {
        "scalar" => Ok(vec![value(data.result, window)?]),
        "vector" => {
            let all: Vec<&RawValue> = read(data.result).ok_or_else(|| unreadable("its result is no list"))?;
            all.into_iter().map(|raw| of_series(raw, window)).collect()
        }
        "matrix" | "string" => Err(Failed::Answered(Fault::Refused("the expression gives no value of now".to_owned()))),
        _ => Err(unreadable("its result is of an unknown type")),
    }
}

/// By the types of errors that Prometheus documents.
fn refused(type_: Option<&str>, said: Option<&str>) -> Failed {
    let said = line(said.unwrap_or("it does not say why"));
    match type_ {
        Some("bad_data" | "execution" | "not_found") => Failed::Answered(Fault::Refused(said)),
        _ => Failed::unavailable(said),
    }
}

fn of_series(raw: &RawValue, window: Option<Duration>) -> Result<Value, Failed> {
    let unreadable = |why: &str| Failed::Unreadable(why.to_owned());
    let series: Series<'_> = read(raw).ok_or_else(|| unreadable("a series is no object"))?;
    match (series.value, series.histogram) {
        (Some(raw), None) => value(raw, window),
        (_, Some(_)) => Err(Failed::Answered(Fault::Refused("a series is a histogram, and no number".to_owned()))),
        (None, None) => Err(unreadable("a series has no value")),
    }
}

/// A moment in seconds, and a number in a text.
fn value(raw: &RawValue, window: Option<Duration>) -> Result<Value, Failed> {
    let unreadable = || Failed::Unreadable("a value is no moment and number".to_owned());
    let (seconds, text): (f64, String) = read(raw).ok_or_else(unreadable)?;
    let number: f64 = text.parse().map_err(|_| unreadable())?;
    let milli = Milli::of_float(number).map_err(Failed::Answered)?;
    // The conversion of a float saturates, and no moment there is counts.
    #[allow(clippy::cast_possible_truncation)]
    let timestamp = Time((seconds * 1000.0).round() as i64);
    Ok(Value { milli, timestamp, window })
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    const AT: Time = Time(1_435_781_451_781);

    fn read_answer(answer: &Json) -> Result<Vec<i64>, Fault> {
        let values = series(answer.to_string().as_bytes(), None).map_err(|failed| failed.fault())?;
        assert!(values.iter().all(|value| value.timestamp == AT && value.window.is_none()), "{values:?}");
        Ok(values.iter().map(|value| value.milli.0).collect())
    }

    fn success(result_type: &str, result: Json) -> Json {
        json!({"status": "success", "data": {"resultType": result_type, "result": result}})
    }

    fn one(value: &str) -> Json {
        json!({"metric": {"__name__": "up", "job": "a"}, "value": [1_435_781_451.781, value]})
    }

    #[test]
    fn vectors_and_scalars() {
        let vector = |all: &[&str]| success("vector", all.iter().map(|value| one(value)).collect());
        // All series, which were once not summed.
        assert_eq!(read_answer(&vector(&["1", "2.5", "-3e-3"])), Ok(vec![1000, 2500, -3]));
        // No series is no recovery, which it once was; it is judged as what it is.
        assert_eq!(read_answer(&vector(&[])), Ok(vec![]));
        assert_eq!(read_answer(&success("scalar", json!([1_435_781_451.781, "7"]))), Ok(vec![7000]));
        for none in ["NaN", "+Inf", "-Inf"] {
            assert_eq!(read_answer(&vector(&["1", none])), Err(Fault::NoNumber), "{none}");
        }
        let window = Some(Duration::from_secs(300));
        let values = series(vector(&["1"]).to_string().as_bytes(), window).unwrap();
        assert_eq!(values, [Value { milli: Milli(1000), timestamp: AT, window }]);
    }

    /// Each row: an answer, and what people read.
    #[test]
    fn other_answers() {
        let failed = |type_: &str, error: &str| json!({"status": "error", "errorType": type_, "error": error});
        let warned = |warning: &str| {
            let mut answer = success("vector", json!([one("1")]));
            answer["warnings"] = json!([warning]);
            answer["infos"] = json!(["PromQL info: metric might not be a counter"]);
            answer
        };
        let unreadable = "the answer of its source cannot be read: ";
        let refuses = "its source refuses to answer: ";
        for (answer, text) in [
            (json!(null), format!("{unreadable}it is not what Prometheus answers")),
            (json!({}), format!("{unreadable}it is not what Prometheus answers")),
            (json!([]), format!("{unreadable}it is not what Prometheus answers")),
            (json!({"status": "success"}), format!("{unreadable}it has no data")),
            (json!({"status": "success", "data": []}), format!("{unreadable}it is not what Prometheus answers")),
            (success("vector", json!({})), format!("{unreadable}its result is no list")),
            (success("vector", json!(null)), format!("{unreadable}its result is no list")),
            (success("vector", json!([1])), format!("{unreadable}a series is no object")),
            (success("vector", json!([{}])), format!("{unreadable}a series has no value")),
            (success("vector", json!([{"value": [1]}])), format!("{unreadable}a value is no moment and number")),
            (success("vector", json!([{"value": [1, 2]}])), format!("{unreadable}a value is no moment and number")),
            (success("vector", json!([{"value": ["1", "2"]}])), format!("{unreadable}a value is no moment and number")),
            (
                success("vector", json!([{"value": [1, "lots"]}])),
                format!("{unreadable}a value is no moment and number"),
            ),
            (success("scalar", json!([])), format!("{unreadable}a value is no moment and number")),
            (success("streams", json!([])), format!("{unreadable}its result is of an unknown type")),
            (
                success("vector", json!([{"histogram": [1, {}]}])),
                format!("{refuses}a series is a histogram, and no number"),
            ),
            (success("matrix", json!([])), format!("{refuses}the expression gives no value of now")),
            (success("string", json!([1, "a"])), format!("{refuses}the expression gives no value of now")),
            (failed("bad_data", "parse error\n"), format!("{refuses}parse error")),
            (failed("execution", "many-to-many"), format!("{refuses}many-to-many")),
            (failed("timeout", "query timed out"), "its source did not answer: query timed out".to_owned()),
            (failed("", ""), "its source did not answer: ".to_owned()),
            (json!({"status": "error"}), "its source did not answer: it does not say why".to_owned()),
            (warned("No StoreAPIs matched"), format!("{unreadable}it may lack something: No StoreAPIs matched")),
        ] {
            assert_eq!(read_answer(&answer).unwrap_err().to_string(), text, "{answer}");
        }
        for warning in
            ["PromQL info: metric might not be a counter", "PromQL warning: quantile value should be between 0 and 1"]
        {
            assert_eq!(read_answer(&warned(warning)), Ok(vec![1000]), "{warning}");
        }
        let cut = success("vector", json!([one("1")])).to_string();
        let failed = series(cut.get(..60).unwrap().as_bytes(), None).unwrap_err();
        assert_eq!(failed, Failed::Unreadable("it ends in the middle".to_owned()));
        assert_eq!(error(br#"{"status":"error","errorType":"bad_data","error":"why"}"#).as_deref(), Some("why"));
        assert_eq!(error(b"<html>secret"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(at in any::<prop::sample::Index>(), byte in any::<u8>(), bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut body = success("vector", json!([one("1"), one("2")])).to_string().into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            for body in [body, bytes] {
                _ = series(&body, None);
                _ = error(&body);
            }
        }
    }
}
