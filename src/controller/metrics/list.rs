//! The lists with which the Metrics APIs answer, read item by item: one that cannot be read spoils what it is of and nothing else.
//!
//! Of the API server's own types only what is needed is read, in place; nothing of what could not be read is shown.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{ByPod, OfContainer, Usage};
use super::failed::Failed;
use crate::engine::units::{GoDuration, Quantity};
use crate::offload::Time;
use crate::offload::evaluate::{Fault, Milli, Value};

/// As much of a list as is the same for all of them.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    /// Go writes `null` for a list without items.
    #[serde(borrow, default, deserialize_with = "present")]
    items: Option<Option<Vec<&'a RawValue>>>,
}

fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Default, Deserialize)]
struct ListMeta<'a> {
    #[serde(borrow, default, rename = "continue")]
    continues: Option<&'a RawValue>,
}

const PARTIAL: &str = "it is only a part of the list";
const NO_NAME: &str = "an item has no name";
const NO_ITEM: &str = "an item is no object";
const TIMESTAMP: &str = "the timestamp is missing or cannot be read";
const WINDOW: &str = "the window cannot be read";
const VALUE: &str = "the value is missing or no quantity";
const CONTAINERS: &str = "the containers cannot be read";

/// The items of a list of a kind, and whether there are more that it lacks.
fn items<'a>(bytes: &'a [u8], expected: &str) -> Result<(Vec<&'a RawValue>, bool), Failed> {
    let unreadable = |why: &str| Failed::Unreadable(why.to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("it is no text"))?;
    let list: List<'_> = serde_json::from_str(text)
        .map_err(|error| unreadable(if error.is_eof() { "it ends in the middle" } else { "it is no list in JSON" }))?;
    let kind = list.kind.and_then(self::text).unwrap_or_default();
    if kind != expected {
        return Err(Failed::Unreadable(format!("it is no {expected}")));
    }
    let items = list.items.ok_or_else(|| unreadable("it has no items"))?.unwrap_or_default();
    let metadata: ListMeta<'_> = list.metadata.and_then(read).unwrap_or_default();
    let partial = metadata.continues.and_then(self::text).is_some_and(|token| !token.is_empty());
    Ok((items, partial))
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    // Borrowed where nothing is escaped, which a plain `Cow` would never be.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    read::<Text<'_>>(raw).map(|text| text.0)
}

/// A moment, to the millisecond.
fn moment(raw: Option<&RawValue>) -> Result<Time, &'static str> {
    let text = raw.and_then(text).ok_or(TIMESTAMP)?;
    text.parse::<Timestamp>().map(|timestamp| Time(timestamp.as_millisecond())).map_err(|_| TIMESTAMP)
}

/// A quantity: a text, or a number as Kubernetes takes it as well.
fn milli(raw: &RawValue) -> Option<Milli> {
    let text = text(raw).unwrap_or_else(|| raw.get().into());
    Quantity::parse(&text).map(Milli::of)
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    namespace: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
}

impl<'a> Named<'a> {
    fn of(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(read).unwrap_or_default()
    }

    fn name(&self) -> Option<Cow<'a, str>> {
        self.name.and_then(text).filter(|name| !name.is_empty())
    }

    fn namespace(&self) -> Option<Cow<'a, str>> {
        self.namespace.and_then(text).filter(|namespace| !namespace.is_empty())
    }

    /// Whether it is of this kind, or does not say.
    fn may_be(&self, kind: &str) -> bool {
        self.kind.and_then(text).is_none_or(|own| own.is_empty() || own == kind)
    }
}

/// An item of a `PodMetricsList`.
#[derive(Deserialize)]
struct PodItem<'a> {
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    window: Option<&'a RawValue>,
    #[serde(borrow, default)]
    containers: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ContainerItem<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

/// Names that are the same for many pods.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// The usage of the pods of these namespaces, from a list that may be of others too.
pub(super) fn usages(bytes: &[u8], namespaces: &[&str]) -> Result<Vec<ByPod<Usage>>, Failed> {
    let (items, partial) = items(bytes, "PodMetricsList")?;
    let mut answers: Vec<ByPod<Usage>> = namespaces.iter().map(|_| ByPod::default()).collect();
    let places: HashMap<&str, usize> =
        namespaces.iter().enumerate().map(|(place, namespace)| (*namespace, place)).collect();
    let mut names = Names::default();
    let mut beside = partial.then_some(PARTIAL);
    for raw in items {
        let Some(item) = read::<PodItem<'_>>(raw) else {
            beside = Some(NO_ITEM);
            continue;
        };
        let named = Named::of(item.metadata);
        let (Some(name), Some(namespace)) = (named.name(), named.namespace()) else {
            beside = Some(NO_NAME);
            continue;
        };
        let answer = places.get(namespace.as_ref()).and_then(|place| answers.get_mut(*place));
        if let Some(answer) = answer {
            answer.put(&name, usage(&item, &mut names));
        }
    }
    if let Some(why) = beside {
        answers.iter_mut().for_each(|answer| answer.beside(why));
    }
    Ok(answers)
}

fn usage(item: &PodItem<'_>, names: &mut Names) -> Result<Usage, &'static str> {
    let timestamp = moment(item.timestamp)?;
    let window =
        item.window.and_then(text).and_then(|window| GoDuration::parse(&window).ok()?.to_std()).ok_or(WINDOW)?;
    let containers: Option<Vec<ContainerItem<'_>>> =
        item.containers.map_or(Ok(None), |raw| read(raw).ok_or(CONTAINERS))?;
    let mut of_container = |container: &ContainerItem<'_>| -> Result<OfContainer, &'static str> {
        let raw: Option<BTreeMap<String, &RawValue>> =
            container.usage.map_or(Ok(None), |raw| read(raw).ok_or(CONTAINERS))?;
        // What is no quantity spoils its own resource only.
        let readable =
            raw.into_iter().flatten().filter_map(|(resource, raw)| Some((names.get(&resource), milli(raw)?)));
        let usages: Box<[(Arc<str>, Milli)]> = readable.collect();
        Ok((names.get(&container.name), usages))
    };
    let containers: Result<Box<[OfContainer]>, _> = containers.iter().flatten().map(&mut of_container).collect();
    Ok(Usage { timestamp, window, containers: containers? })
}

/// An item of a `MetricValueList` of either version, or of an `ExternalMetricValueList`.
#[derive(Deserialize)]
struct ValueItem<'a> {
    #[serde(borrow, default, rename = "describedObject")]
    described: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    /// custom.metrics.k8s.io/v1beta2
    #[serde(borrow, default, rename = "windowSeconds")]
    window_seconds: Option<&'a RawValue>,
    /// custom.metrics.k8s.io/v1beta1 and external.metrics.k8s.io/v1beta1
    #[serde(borrow, default)]
    window: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

impl ValueItem<'_> {
    fn value(&self) -> Result<Value, &'static str> {
        let timestamp = moment(self.timestamp)?;
        let seconds = self.window_seconds.or(self.window).filter(|raw| raw.get() != "null");
        let window = seconds.map(|raw| read::<u64>(raw).ok_or(WINDOW)).transpose()?.map(Duration::from_secs);
        let milli = self.value.and_then(milli).ok_or(VALUE)?;
        Ok(Value { milli, timestamp, window })
    }
}

/// A value for each pod of a namespace.
pub(super) fn pods(bytes: &[u8], namespace: &str) -> Result<ByPod<Value>, Failed> {
    let (items, partial) = items(bytes, "MetricValueList")?;
    let mut answer = ByPod::default();
    if partial {
        answer.beside(PARTIAL);
    }
    for raw in items {
        let Some(item) = read::<ValueItem<'_>>(raw) else {
            answer.beside(NO_ITEM);
            continue;
        };
        let described = Named::of(item.described);
        match described.name() {
            None => answer.beside(NO_NAME),
            Some(_) if !described.may_be("Pod") => answer.beside("an item is of no pod"),
            Some(_) if described.namespace().is_some_and(|own| own != namespace) => {
                answer.beside("an item is of another namespace");
            }
            Some(name) => answer.put(&name, item.value()),
        }
    }
    Ok(answer)
}

/// The value of the one object with this name.
pub(super) fn object(bytes: &[u8], kind: &str, name: &str) -> Result<Value, Failed> {
    let (items, partial) = items(bytes, "MetricValueList")?;
    let unreadable = |why: &str| Failed::Unreadable(why.to_owned());
    let raw = match items.as_slice() {
        [raw] if !partial => raw,
        [] if !partial => return Err(Failed::Answered(Fault::NoSeries)),
        _ => return Err(unreadable("it is of several objects")),
    };
    let item = read::<ValueItem<'_>>(raw).ok_or_else(|| unreadable(NO_ITEM))?;
    let described = Named::of(item.described);
    if !described.may_be(kind) || described.name().is_some_and(|own| own != name) {
        return Err(unreadable("it is of another object"));
    }
    item.value().map_err(unreadable)
}

/// A value for each series. They are summed: none may be lost.
pub(super) fn series(bytes: &[u8]) -> Result<Vec<Value>, Failed> {
    let (items, partial) = items(bytes, "ExternalMetricValueList")?;
    let unreadable = |why: &str| Failed::Unreadable(why.to_owned());
    if partial {
        return Err(unreadable(PARTIAL));
    }
    let value = |raw: &&RawValue| read::<ValueItem<'_>>(raw).ok_or(NO_ITEM).and_then(|item| item.value());
    items.iter().map(value).collect::<Result<_, _>>().map_err(unreadable)
}
