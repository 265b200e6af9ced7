//! The ports by which a Service is reached.

use crate::engine::world::{Port, Target};

/// A port of a Service and the one of the pods that it leads to, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) of_service: Option<u16>,
    pub(super) of_pods: Option<u16>,
}

impl Ports {
    pub(super) fn of(ports: &[Port], wanted: Option<i64>) -> Self {
        let found = match (wanted, ports) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(wanted), _) => ports
                .iter()
                .find(|port| port.port == wanted)
                .or_else(|| ports.iter().find(|port| port.target == Target::Number(wanted))),
        };
        let number = |port: i64| u16::try_from(port).ok();
        Self {
            of_service: found.and_then(|port| number(port.port)),
            of_pods: found.and_then(|port| match port.target {
                Target::Number(target) => number(target),
                Target::Named(_) => None,
            }),
        }
    }

    pub(super) fn is_open(self) -> bool {
        self.of_service.is_none() || self.of_pods.is_none()
    }
}
