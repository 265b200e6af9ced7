//! The admission webhook: reviews in, answers out, over TLS.
//!
//! [`review::answer`] is pure: bytes in, bytes out. [`server`] puts it behind HTTP with its caps and deadlines, [`listen`]
//! behind TLS, and [`probes`] tells the kubelet and Prometheus how it does.

mod body;
mod deadline;
pub mod listen;
mod places;
pub mod probes;
pub mod review;
pub mod server;
pub mod tls;
