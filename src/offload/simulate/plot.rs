//! Plots.

use super::Simulation;

/// A plot.
#[must_use]
pub fn svg(_simulation: &Simulation) -> String {
    String::new()
}

/// A page.
#[must_use]
pub fn html(_simulation: &Simulation, _table: &str) -> String {
    String::new()
}
