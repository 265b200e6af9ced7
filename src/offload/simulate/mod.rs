//! The simulator: hours of traffic against a model of the local deployment, replayed in a moment.
