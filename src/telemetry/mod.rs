//! What the process says of itself: logs and metrics. Never an object's body, a value or a secret.

pub mod exposition;
pub mod logs;
pub mod metrics;
pub mod reconciler;
mod reconciling;
