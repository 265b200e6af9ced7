//! What is judged: of which kind it is, where it stands, and who reads it.

use std::sync::LazyLock;

use super::configuration::Configuration;
use super::world::World;
use crate::api;

/// The kinds that are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `deployment.beamlit.com/v1alpha1 ModelDeployment`.
    ModelDeployment,
    /// `deployment.beamlit.com/v1alpha1 OffloadAutoscaler`.
    OffloadAutoscaler,
    /// `authorization.beamlit.com/v1alpha1 Policy`.
    Policy,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ModelDeployment, Self::OffloadAutoscaler, Self::Policy];

    /// The kind's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelDeployment => "ModelDeployment",
            Self::OffloadAutoscaler => "OffloadAutoscaler",
            Self::Policy => "Policy",
        }
    }

    /// The kind's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::ModelDeployment | Self::OffloadAutoscaler => api::DEPLOYMENT_GROUP,
            Self::Policy => api::AUTHORIZATION_GROUP,
        }
    }

    /// The kind of that group, version and name, if it is judged here.
    #[must_use]
    pub fn of(group: &str, version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && version == api::VERSION && known.name() == kind)
    }
}

/// What is known about where an object stands.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The object's namespace.
    pub namespace: &'a str,
    /// The object's name, empty if it has none yet.
    pub name: &'a str,
    /// What the operator was configured to.
    pub configuration: &'a Configuration,
    /// What is known of other objects.
    pub world: &'a World,
}

impl<'a> Surroundings<'a> {
    /// An object of which nothing but the namespace is known, where nobody has configured anything.
    #[must_use]
    pub fn alone(namespace: &'a str) -> Self {
        static NOTHING: LazyLock<(Configuration, World)> = LazyLock::new(Default::default);
        let (configuration, world) = &*NOTHING;
        Self { namespace, name: "", configuration, world }
    }
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The webhook: the API server has judged what is not ours (metadata), and dropped what nobody knows.
    Review,
    /// The reconciler, as the webhook. But the object is stored: of several that claim the same, the one that was there first has it.
    Stored,
    /// `check`: nobody has looked at the file before.
    File,
}
