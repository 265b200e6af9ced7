//! The admission webhook: reviews in, answers out, over TLS.
//!
//! [`review::answer`] is pure: bytes in, bytes out. [`server`] puts it behind HTTP with its caps and deadlines, [`listen`]
//! behind TLS, and [`probes`] tells the kubelet and Prometheus how it does.

#[cfg(feature = "operator")]
mod body;
#[cfg(feature = "operator")]
mod deadline;
#[cfg(feature = "operator")]
pub mod listen;
#[cfg(feature = "operator")]
pub mod probes;
pub mod review;
#[cfg(feature = "operator")]
pub mod server;
#[cfg(feature = "operator")]
mod slots;
#[cfg(feature = "operator")]
pub mod tls;
