//! The simulation for programs: one document with everything that it was made from and the full series.

use serde::Serialize;

use super::Simulated;
use super::args::Args;
use crate::api::OffloadAutoscalerSpec;
use crate::offload::simulate::{Knobs, Named, Step, Totals};

/// The document. Shares are in percent, times in seconds since the beginning.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'s> {
    version: u32,
    title: &'s str,
    about: &'s str,
    trace: JsonTrace<'s>,
    model: Model,
    hpa: Option<JsonHpa>,
    runs: Vec<JsonRun<'s>>,
    difference: &'s [String],
    notes: &'s [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTrace<'s> {
    name: &'s str,
    rows: usize,
    seconds: f64,
    replicas: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    idle: f64,
    saturation: f64,
    requests_per_second: f64,
    service_seconds: f64,
    slow_seconds: f64,
    patience_seconds: f64,
    resolution_seconds: f64,
    lag_seconds: f64,
    startup_seconds: f64,
    every_seconds: f64,
    noise: f64,
    seed: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonHpa {
    target: u32,
    min: u32,
    max: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRun<'s> {
    name: &'s str,
    model_deployment: &'s str,
    autoscaler: &'s OffloadAutoscalerSpec,
    /// The lowest load at which a metric reaches its target, in percent of what the pods request; none if no metric follows the load.
    target: Option<f64>,
    verdict: Figures<'s>,
    series: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures<'s> {
    headline: &'s str,
    lines: &'s [String],
    requests: f64,
    away: f64,
    needlessly_away: f64,
    slow: f64,
    failed: f64,
    peak_load: f64,
    peak_load_at: f64,
    saturated_seconds: u32,
    changes_of_direction: usize,
    stretches_away: usize,
    leaves_after: Option<f64>,
    returns_after: Option<f64>,
    all_away_seconds: f64,
    none_ready_seconds: f64,
    weight_at_the_end: u8,
    fits_at_the_end: bool,
    fewest_pods: u32,
    most_pods: u32,
    pod_seconds: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    time: f64,
    demand: f64,
    load: Option<f64>,
    of_target: Option<f64>,
    weight: u8,
    desired: u8,
    reason: &'static str,
    replicas: u32,
    ready: u32,
    in_flight: f64,
    slow: f64,
    failed: f64,
    fits: bool,
}

impl<'s> Document<'s> {
    pub(super) fn of(simulated: &'s Simulated, args: &Args) -> Self {
        let Simulated { simulation, compiled, trace, knobs } = simulated;
        Self {
            version: 1,
            title: &simulation.title,
            about: &simulation.about,
            trace: JsonTrace {
                name: &trace.name,
                rows: trace.rows().len(),
                seconds: rounded(trace.length().as_secs_f64()),
                replicas: trace.pods(),
            },
            model: Model::of(knobs),
            hpa: args.hpa.map(|hpa| JsonHpa { target: hpa.target, min: hpa.min, max: hpa.max }),
            runs: simulation
                .runs
                .iter()
                .zip(compiled)
                .map(|(named, compiled)| JsonRun {
                    name: &named.name,
                    model_deployment: &compiled.name,
                    autoscaler: &compiled.spec,
                    target: named.run.level.map(in_percent),
                    verdict: Figures::of(named),
                    series: named.run.steps.iter().map(Row::of).collect(),
                })
                .collect(),
            difference: &simulation.difference,
            notes: &simulation.notes,
        }
    }
}

impl Model {
    fn of(knobs: &Knobs) -> Self {
        let Knobs { idle, saturation, requests, service, slow, patience, resolution, lag, startup, noise, seed, every } =
            knobs;
        Self {
            idle: in_percent(*idle),
            saturation: in_percent(*saturation),
            requests_per_second: rounded(*requests),
            service_seconds: service.as_secs_f64(),
            slow_seconds: slow.as_secs_f64(),
            patience_seconds: patience.as_secs_f64(),
            resolution_seconds: resolution.as_secs_f64(),
            lag_seconds: lag.as_secs_f64(),
            startup_seconds: startup.as_secs_f64(),
            every_seconds: every.as_secs_f64(),
            noise: in_percent(*noise),
            seed: *seed,
        }
    }
}

impl<'s> Figures<'s> {
    fn of(named: &'s Named) -> Self {
        let Named { name: _, run, verdict } = named;
        let Totals {
            requests,
            away,
            needless,
            slow,
            failed,
            peak,
            peak_at,
            saturated,
            most_pods,
            fewest_pods,
            pod_seconds,
            fits,
        } = run.totals;
        let share = |part: f64| if requests > 0.0 { in_percent(part / requests) } else { 0.0 };
        Self {
            headline: &verdict.headline,
            lines: &verdict.lines,
            requests: requests.round(),
            away: share(away),
            needlessly_away: share(needless),
            slow: share(slow),
            failed: share(failed),
            peak_load: in_percent(peak),
            peak_load_at: seconds(peak_at),
            saturated_seconds: saturated,
            changes_of_direction: verdict.turns,
            stretches_away: verdict.stretches,
            leaves_after: verdict.leaves_after.map(seconds),
            returns_after: verdict.returns_after.map(seconds),
            all_away_seconds: seconds(verdict.all_away),
            none_ready_seconds: seconds(verdict.none_ready),
            weight_at_the_end: verdict.at_the_end,
            fits_at_the_end: fits,
            fewest_pods,
            most_pods,
            pod_seconds: rounded(pod_seconds),
        }
    }
}

impl Row {
    fn of(step: &Step) -> Self {
        let Step { at, demand, load, reading, weight, desired, reason, replicas, ready, in_flight, slow, failed, fits } =
            *step;
        Self {
            time: seconds(at),
            demand: in_percent(demand),
            load: load.map(in_percent),
            of_target: reading.map(in_percent),
            weight,
            desired,
            reason: reason.word(),
            replicas,
            ready,
            in_flight: rounded(in_flight),
            slow: in_percent(slow),
            failed: in_percent(failed),
            fits,
        }
    }
}

/// To thousandths: what is finer says nothing, and would differ between machines.
fn rounded(number: f64) -> f64 {
    // Never -0, which programs would read as another number.
    (number * 1000.0).round() / 1000.0 + 0.0
}

fn in_percent(share: f64) -> f64 {
    rounded(share * 100.0)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
