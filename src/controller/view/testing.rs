//! A view that tests tell what there is.

use kube::runtime::watcher::Event;
use serde_json::Value;

use super::kept::{Kept, Listed, Store};
use super::{Inner, View};
use crate::engine::world::Workload;
use crate::watch::{Fault, Kind};

impl View {
    /// Everything was listed, and nothing is there.
    pub(in crate::controller) fn list_nothing(&self) {
        let Inner { pods, slices, services, workloads, .. } = &*self.0;
        self.list(pods);
        self.list(slices);
        self.list(services);
        workloads.iter().for_each(|kept| self.list(kept));
    }

    /// An object of a kind is there.
    pub(in crate::controller) fn put(&self, kind: &str, object: &Value) {
        let Inner { pods, slices, services, .. } = &*self.0;
        match kind {
            "Pod" => self.put_one(pods, object),
            "EndpointSlice" => self.put_one(slices, object),
            "Service" => self.put_one(services, object),
            kind => self.put_one(self.workloads(kind), object),
        }
    }

    /// The watch of a kind is lost.
    pub(in crate::controller) fn lose(&self, kind: &str) {
        let fault = Fault { act: "watch", cause: "cut".to_owned(), kind: Kind::Other };
        let Inner { pods, slices, services, .. } = &*self.0;
        match kind {
            "Pod" => pods.health.failed(&fault),
            "EndpointSlice" => slices.health.failed(&fault),
            "Service" => services.health.failed(&fault),
            kind => self.workloads(kind).health.failed(&fault),
        }
    }

    fn workloads(&self, kind: &str) -> &Kept<super::Workloads> {
        let place = Workload::ALL.iter().position(|of| of.name() == kind).unwrap();
        &self.0.workloads[place]
    }

    fn list<S: Store>(&self, kept: &Kept<S>) {
        let mut listed = Listed::default();
        for event in [Event::Init, Event::InitDone] {
            kept.take(event, &mut listed, &|change| self.tell(change));
        }
    }

    fn put_one<S: Store>(&self, kept: &Kept<S>, object: &Value) {
        let object = serde_json::from_str(&object.to_string()).unwrap();
        kept.take(Event::Apply(object), &mut Listed::default(), &|change| self.tell(change));
    }
}
