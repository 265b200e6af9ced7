//! The readers of metrics: what the sources answer, batched, as `offload` wants it.
