//! The resources and the operator's configuration as types: what users write, from which the CRDs and the engine's schema are made.

mod crd;
mod metric;
mod model_deployment;
mod offload_autoscaler;
mod operator_configuration;
mod policy;
mod quantity;

pub use crd::{all_crds, spec_schema};
pub use metric::*;
pub use model_deployment::*;
pub use offload_autoscaler::*;
pub use operator_configuration::*;
pub use policy::*;
pub use quantity::{IntOrString, QUANTITY_PATTERN};

/// API group of `ModelDeployment` and `OffloadAutoscaler`.
pub const DEPLOYMENT_GROUP: &str = "deployment.beamlit.com";
/// API group of `Policy`.
pub const AUTHORIZATION_GROUP: &str = "authorization.beamlit.com";
/// API group of the operator's own configuration documents.
pub const CONFIG_GROUP: &str = "config.beamlit.com";
/// API group of the Gateway API, which has ReferenceGrant.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
/// The one version in which all groups are served.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of a `ModelDeployment` and of an `OffloadAutoscaler`.
pub const DEPLOYMENT_API_VERSION: &str = "deployment.beamlit.com/v1alpha1";
/// `apiVersion` of a `Policy`.
pub const AUTHORIZATION_API_VERSION: &str = "authorization.beamlit.com/v1alpha1";
/// `apiVersion` of an `OperatorConfiguration`.
pub const CONFIG_API_VERSION: &str = "config.beamlit.com/v1alpha1";
