//! One watch from its list to its first fault: events become facts, and facts go into the world.

use std::borrow::Cow;
use std::fmt::Debug;
use std::mem::take;
use std::pin::pin;

use futures::StreamExt as _;
use kube::api::{Api, ApiResource, DynamicObject, ObjectMeta, PartialObjectMeta};
use kube::client::Client;
use kube::runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::Fault;
use super::resources::{Needed, Watched};
use super::slim::{PodPorts, Slim, Spec};
use super::{Change, WATCH_TIMEOUT, Watches};
use crate::engine::parse::{Member, Node, Value as Tree};
use crate::engine::world::{Fact, Name};

/// Lists and watches a resource until something goes wrong, which is returned. (A watch that the API server ends in good
/// order is taken up where it stood, without a word.)
pub(super) async fn follow(watches: &Watches, watched: Watched, api: &ApiResource, client: &Client) -> Fault {
    match watched.needed {
        Needed::Metadata => {
            let api = Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), api);
            take_over(watches, watched, api, |object| (&object.metadata, None)).await
        }
        Needed::Spec | Needed::SpecIfServed => {
            let api = Api::<Slim<Spec<Value>>>::all_with(client.clone(), api);
            take_over(watches, watched, api, |object| (&object.metadata, Some(Cow::Borrowed(&object.body.spec)))).await
        }
        Needed::PodPorts => {
            let api = Api::<Slim<Spec<PodPorts>>>::all_with(client.clone(), api);
            take_over(watches, watched, api, |object| (&object.metadata, object.body.spec.json().map(Cow::Owned))).await
        }
    }
}

async fn take_over<K>(
    watches: &Watches,
    watched: Watched,
    api: Api<K>,
    parts: impl Fn(&K) -> (&ObjectMeta, Option<Cow<'_, Value>>) + Send + Sync,
) -> Fault
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let fact = |object: &K| {
        let (metadata, spec) = parts(object);
        Fact::of(watched.resource, &node(metadata, spec.as_deref()), "")
    };
    let mut listed = Vec::new();
    events(api, |event| match event {
        // What was known counts until the list is complete: then what is no longer in it is gone.
        Event::Init => listed.clear(),
        Event::InitApply(object) => listed.extend(fact(&object)),
        Event::InitDone => watches.replace(watched, take(&mut listed)),
        Event::Apply(object) => {
            // Most changes are of the status, and tell nothing that is kept.
            if let Some(fact) = fact(&object).filter(|fact| !watches.world().knows(fact)) {
                let change = Change::Of(watched.resource, named(object.meta()));
                watches.change(change, |world| world.put(fact));
            }
        }
        Event::Delete(object) => {
            let name = named(object.meta());
            let change = Change::Of(watched.resource, name.clone());
            watches.change(change, |world| world.remove(watched.resource, &name));
        }
    })
    .await
}

/// Hands on what a watch tells, until something goes wrong, which is returned.
pub(crate) async fn events<K>(api: Api<K>, mut take: impl FnMut(Event<K>) + Send) -> Fault
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut events = pin!(watcher(api, watcher::Config::default().timeout(WATCH_TIMEOUT)));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => take(event),
            Err(error) => return Fault::of(&error),
        }
    }
    Fault::stopped()
}

/// The name of an object that the API server told of.
pub(crate) fn named(metadata: &ObjectMeta) -> Name {
    let ObjectMeta { name, namespace, .. } = metadata;
    Name::new(namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
}

/// The parts of an object that a fact is made of, as a tree.
fn node<'a>(metadata: &'a ObjectMeta, spec: Option<&'a Value>) -> Node<'a> {
    let member = |key: &'static str, value| Member { key: key.into(), key_at: Default::default(), value };
    let text = |text: &'a Option<String>| Node::new(Tree::Text(text.as_deref().unwrap_or_default().into()));
    let created = metadata.creation_timestamp.as_ref().map(|at| at.0.to_string()).unwrap_or_default();
    let metadata = [
        member("name", text(&metadata.name)),
        member("namespace", text(&metadata.namespace)),
        member("creationTimestamp", Node::new(Tree::Text(created.into()))),
    ];
    let mut members = vec![member("metadata", Node::new(Tree::Map(metadata.into())))];
    members.extend(spec.map(|spec| member("spec", Node::from(spec))));
    Node::new(Tree::Map(members))
}
