//! What a metric says: its share of its target, computed as the HorizontalPodAutoscaler of Kubernetes computes it.
