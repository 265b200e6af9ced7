//! What the process says of itself: logs and metrics. Never an object's body, a value or a secret.

mod json;
mod lines;
pub mod logs;
pub mod metrics;
