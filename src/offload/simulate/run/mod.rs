//! The loop: a second of traffic, what the metrics make of it, what is decided, and how many pods there will be.

use std::time::Duration;

use super::hpa::{self, Controller, Hpa};
use super::model::{Gauges, Home, Knobs, Load, Pods, Reading, Sampler, Second};
use super::trace::{MAX_DURATION, Trace};
use crate::offload::Time;
use crate::offload::decide::{Decision, Reason, Rules, State, decide};
use crate::offload::evaluate::STALE_AFTER;
use crate::offload::observation::{Blocked, Local, Observation};

/// Everything that a run depends on.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What decides.
    pub rules: Rules,
    /// What the metrics read.
    pub gauges: Gauges,
    /// What is assumed.
    pub knobs: Knobs,
    /// An HPA beside the offload.
    pub hpa: Option<Hpa>,
    /// Why nothing may be sent away.
    pub blocked: Option<Blocked>,
}

/// One decision, and what happened since the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When, in milliseconds since the beginning.
    pub at: u64,
    /// The mean demand since the last step, as a share of what the initial pods request.
    pub demand: f64,
    /// The mean load of a ready pod, as a share of what it requests; none if none was ready.
    pub load: Option<f64>,
    /// The largest ratio of a metric to its target that was decided on.
    pub reading: Option<f64>,
    /// The remote weight from now on, in percent.
    pub weight: u8,
    /// What the metrics ask for.
    pub desired: u8,
    /// Why.
    pub reason: Reason,
    /// How many pods there are.
    pub replicas: u32,
    /// How many of them are ready.
    pub ready: u32,
    /// Requests in flight at home.
    pub in_flight: f64,
    /// The share of all requests since the last step that were slow.
    pub slow: f64,
    /// The share of them that failed.
    pub failed: f64,
    /// Whether the pods could serve all of the demand, every metric at its target or below it.
    pub fits: bool,
}

/// Sums over a run. Requests are counted, times are in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// All requests.
    pub requests: f64,
    /// Those that were sent away.
    pub away: f64,
    /// Those that were sent away although all would have fitted at home ([`Step::fits`]).
    pub needless: f64,
    /// Those that waited for too long.
    pub slow: f64,
    /// Those that were not answered.
    pub failed: f64,
    /// The highest mean load between two decisions, as a share of what a pod requests.
    pub peak: f64,
    /// When that was, in milliseconds since the beginning.
    pub peak_at: u64,
    /// The seconds in which pods were as busy as they can be.
    pub saturated: u32,
    /// The most pods.
    pub most_pods: u32,
    /// The fewest pods.
    pub fewest_pods: u32,
    /// Seconds of pods: what they cost.
    pub pod_seconds: f64,
    /// Whether the demand fits at home at the end ([`Step::fits`]).
    pub fits: bool,
}

/// What came of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Every decision.
    pub steps: Vec<Step>,
    /// Sums over all of it.
    pub totals: Totals,
    /// The lowest load at which a metric reaches its target; none if no metric follows the load.
    pub level: Option<f64>,
    /// The most that metrics may send away, in percent.
    pub most: u8,
    /// The most pods that an HPA beside it makes; none if there is no HPA.
    pub most_by_hpa: Option<u32>,
    /// How long it lasted, in milliseconds.
    pub length: u64,
}

/// When time begins: no part of the pipeline may depend on it.
const START: Time = Time(1_767_225_600_000);
const SECOND: u64 = 1000;

/// Replays a trace.
#[must_use]
pub fn run(trace: &Trace, setup: &Setup) -> Run {
    let length = millis(trace.length().min(MAX_DURATION));
    let mut world = World::new(trace, setup);
    let mut rows = trace.rows().iter().peekable();
    let (mut demand, mut metrics) = (0.0, true);
    let mut now = 0;
    while now < length {
        let before = world.pods.ready();
        while let Some(row) = rows.next_if(|row| row.at <= now) {
            (demand, metrics) = (row.demand, row.metrics);
            world.row(row, now);
        }
        world.pods.at(now);
        world.scale(now, metrics);
        if now.is_multiple_of(world.every) || world.pods.ready() != before {
            world.decide(now, demand, metrics);
        }
        world.second(now, demand);
        now += SECOND;
    }
    world.decide(now, demand, metrics);
    Run {
        steps: world.steps,
        totals: world.totals,
        level: setup.gauges.level(setup.knobs.idle),
        most: setup.rules.most,
        most_by_hpa: setup.hpa.map(|hpa| hpa.max),
        length: now,
    }
}

/// What there is at one moment.
struct World<'s> {
    setup: &'s Setup,
    every: u64,
    /// So many pods request what a demand of 100 % is.
    measure: u32,
    pods: Pods,
    load: Load,
    sampler: Sampler,
    hpa: Option<Controller>,
    /// What the decisions so far have left for the next one.
    state: State,
    weight: u8,
    steps: Vec<Step>,
    since: Since,
    totals: Totals,
}

/// What happened since the last decision.
#[derive(Default)]
struct Since {
    seconds: u32,
    with_pods: u32,
    demand: f64,
    load: f64,
    arrived: f64,
    slow: f64,
    failed: f64,
    in_flight: f64,
}

impl<'s> World<'s> {
    fn new(trace: &Trace, setup: &'s Setup) -> Self {
        let initial = trace.pods();
        Self {
            setup,
            every: millis(setup.knobs.every).max(SECOND),
            measure: trace.measure(),
            pods: Pods::new(initial),
            load: Load::default(),
            sampler: Sampler::new(&setup.knobs),
            hpa: setup.hpa.map(Controller::new),
            state: State::default(),
            weight: 0,
            steps: Vec::new(),
            since: Since::default(),
            totals: Totals { fewest_pods: initial, most_pods: initial, fits: true, ..Totals::default() },
        }
    }

    fn row(&mut self, row: &super::Row, now: u64) {
        // Beside an HPA the trace does not say how many pods there are, but for the beginning.
        if self.hpa.is_none()
            && let Some(replicas) = row.replicas
        {
            // Where a trace says how many are ready, it knows when they are.
            let startup = if row.ready.is_some() { 0 } else { millis(self.setup.knobs.startup) };
            self.pods.scale(replicas, now.saturating_add(startup));
        }
        self.pods.limit(row.ready);
    }

    /// What a demand is in work: 1 is a pod's second at 100 % of what it requests.
    fn work(&self, demand: f64) -> f64 {
        demand * f64::from(self.measure)
    }

    fn second(&mut self, now: u64, demand: f64) {
        let Knobs { requests, saturation, .. } = self.setup.knobs;
        let (ready, count) = (self.pods.ready(), self.pods.count());
        let work = self.work(demand);
        let second = self.load.second(&self.setup.knobs, work, f64::from(self.weight) / 100.0, ready);
        self.sampler.second(now + SECOND, &second, demand, ready, count);
        let since = &mut self.since;
        since.seconds += 1;
        since.demand += demand;
        if let Some(load) = second.load {
            since.with_pods += 1;
            since.load += load;
        }
        since.arrived += second.arrived;
        since.slow += second.slow;
        since.failed += second.failed;
        // A demand of 100 % is as much work as there are pods at the beginning.
        let each = requests / f64::from(self.measure.max(1));
        since.in_flight = second.in_flight * each;
        let fits = self.fits(demand);
        let totals = &mut self.totals;
        let Second { arrived, away, slow, failed, load, .. } = second;
        totals.requests += arrived * each;
        totals.away += away * each;
        totals.slow += slow * each;
        totals.failed += failed * each;
        if fits {
            totals.needless += away * each;
        }
        totals.fits = fits;
        totals.saturated += u32::from(load.is_some_and(|load| load >= saturation - 1e-9));
        totals.most_pods = totals.most_pods.max(count);
        totals.fewest_pods = totals.fewest_pods.min(count);
        totals.pod_seconds += f64::from(count);
    }

    /// Whether all of a demand fits at home: the pods can serve it, and no metric would be above its target.
    fn fits(&self, demand: f64) -> bool {
        let Knobs { idle, saturation, .. } = self.setup.knobs;
        let (ready, work) = (f64::from(self.pods.ready()), self.work(demand));
        if ready <= 0.0 {
            return false;
        }
        let served = work / ready;
        let home = Home { load: idle + served, served, demand, of_each: work / f64::from(self.pods.count()) };
        home.load <= saturation + 1e-9 && self.setup.gauges.fit(&home)
    }

    fn observe(&mut self, now: u64, metrics: bool) -> Observation {
        let Setup { gauges, knobs, blocked, .. } = self.setup;
        let reading = Reading {
            start: START,
            now,
            metrics,
            measured: self.sampler.read(now, metrics),
            window: knobs.resolution,
            stale: knobs.resolution.saturating_mul(STALE_AFTER),
            pods: self.measure,
            count: self.pods.count(),
        };
        Observation {
            metrics: gauges.observe(&reading),
            local: Local::Ready(self.pods.ready()),
            blocked: *blocked,
            pause: None,
        }
    }

    fn decide(&mut self, now: u64, demand: f64, metrics: bool) {
        let observation = self.observe(now, metrics);
        let reading =
            observation.metrics.iter().filter_map(|metric| metric.sample.as_ref().ok()).map(|sample| sample.ratio);
        let reading = reading.max_by(f64::total_cmp);
        let time = START.after(Duration::from_millis(now));
        let (state, decision) = decide(time, &self.setup.rules, &observation, std::mem::take(&mut self.state));
        let Decision { weight, desired, reason, .. } = decision;
        self.state = state;
        self.weight = weight.min(100);
        let since = std::mem::take(&mut self.since);
        let mean = |sum: f64, count: u32| if count > 0 { sum / f64::from(count) } else { 0.0 };
        let of_all = |part: f64| if since.arrived > 0.0 { (part / since.arrived).min(1.0) } else { 0.0 };
        let load = (since.with_pods > 0).then(|| mean(since.load, since.with_pods));
        if let Some(load) = load.filter(|load| *load > self.totals.peak) {
            (self.totals.peak, self.totals.peak_at) = (load, now);
        }
        self.steps.push(Step {
            at: now,
            demand: if since.seconds > 0 { mean(since.demand, since.seconds) } else { demand },
            load,
            reading,
            weight: self.weight,
            desired,
            reason,
            replicas: self.pods.count(),
            ready: self.pods.ready(),
            in_flight: since.in_flight,
            slow: of_all(since.slow),
            failed: of_all(since.failed),
            fits: self.totals.fits,
        });
    }

    fn scale(&mut self, now: u64, metrics: bool) {
        if let Some(hpa) = self.hpa.as_mut().filter(|_| now.is_multiple_of(hpa::SYNC)) {
            let measured = self.sampler.read(now, metrics).filter(|_| metrics);
            let wanted = hpa.sync(now, self.pods.count(), measured.as_ref());
            self.pods.scale(wanted, now.saturating_add(millis(self.setup.knobs.startup)));
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
