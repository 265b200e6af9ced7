//! The measured matrix: constant loads and bursts against a small model of the local deployment, with what came of it counted.
//!
//! Local utilisation is `idle + demand·(1 − w)` and saturates at 1.2 of the target. Samples of 15 s every 15 s, a decision every 15 s.

use super::*;

const PERCENTAGES: [u8; 5] = [30, 50, 80, 90, 100];
const IDLE: [f64; 3] = [0.0, 0.05, 0.2];
const DEMANDS: [f64; 23] = [
    0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 1.75,
    2.0, 2.5, 3.0,
];
const STEP: i64 = 15;
const TWO_HOURS: i64 = 480;
/// 20 minutes.
const BURST: i64 = 80;
/// For so many decisions, 150 s, after the load changed, more than the target at home is not counted: Proportional finds its way from
/// readings that end at 1.2.
const SETTLING: i64 = 10;

#[derive(Clone, Copy, Debug)]
struct Case {
    strategy: Strategy,
    percentage: u8,
    idle: f64,
    demand: f64,
    noise: f64,
    burst: bool,
}

impl Case {
    /// What all of the traffic needs at home.
    fn load(&self) -> f64 {
        self.idle + self.demand
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    /// Changes of direction that neither a probe nor the end of the burst made.
    reversals: u32,
    /// Probes that turned back.
    turned_back: u32,
    /// A minute on end with more than the target at home although more could have been sent away, outside of probes.
    missed: bool,
    /// The most that was at home within a probe.
    peak_of_probes: f64,
    /// Traffic away at the end although all of it fits at home.
    stuck: bool,
    /// The same, although no reading of it would ever have been above where traffic is let home.
    stuck_for_certain: bool,
}

/// A small generator with a fixed seed (xorshift64*): the same figures on every machine.
struct Noise(u64);

impl Noise {
    /// Between −1 and 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).unwrap();
        f64::from(high) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

fn run(case: &Case, seed: u64) -> Outcome {
    let rules = rules(case.percentage, case.strategy);
    let mut noise = Noise(seed);
    let mut state = State::default();
    let mut outcome = Outcome::default();
    let (mut direction, mut at_home, mut overloaded) = (0_i8, 0, 0);
    let mut reason = Reason::AtHome;
    let start = if case.burst { -BURST } else { 0 };
    for step in start..TWO_HOURS {
        let demand = if step < 0 { 2.0 } else { case.demand };
        let weight = state.weight;
        let local = (case.idle + demand * (1.0 - f64::from(weight) / 100.0)).min(1.2);
        let ratio = (local * (1.0 + case.noise * noise.next())).min(1.2);
        if reason == Reason::Probing {
            outcome.peak_of_probes = outcome.peak_of_probes.max(local);
        } else if step - start >= SETTLING && !(0..SETTLING).contains(&step) {
            overloaded = if local > 1.0 + 1e-9 && weight < case.percentage { overloaded + 1 } else { 0 };
            outcome.missed |= overloaded >= 4;
        }
        let now = (step + 1) * STEP;
        let decision;
        (state, decision) = decide(at(now), &rules, &seen(4, vec![sample(now, ratio)]), state);

        let moved = i8::try_from(i16::from(decision.weight) - i16::from(weight)).unwrap().signum();
        let was = std::mem::replace(&mut reason, decision.reason);
        let by_probe = reason == Reason::Probing || was == Reason::Probing;
        let by_end_of_burst = case.burst && moved < 0 && direction > 0 && step >= 0;
        if by_probe && moved > 0 {
            outcome.turned_back += 1;
            direction = 1;
        } else if moved != 0 {
            outcome.reversals += u32::from(moved == -direction && !by_probe && !(by_end_of_burst && at_home == 0));
            direction = moved;
            // One way home is by right; a second would be one too many.
            at_home += i32::from(by_end_of_burst);
        }
        // At home with readings that never reach the target nothing happens any more.
        if step >= 0 && state.weight == 0 && case.load() * (1.0 + case.noise) < 0.9 && reason == Reason::AtHome {
            break;
        }
    }
    let away = state.weight > 0;
    outcome.stuck = away && case.load() <= 0.9 + 1e-9;
    outcome.stuck_for_certain = away && case.load() * (1.0 + case.noise) <= 0.9 + 1e-9;
    outcome
}

fn cases(strategy: Strategy, noise: f64, burst: bool) -> Vec<Case> {
    let of = |percentage, idle| move |demand| Case { strategy, percentage, idle, demand, noise, burst };
    PERCENTAGES
        .into_iter()
        .flat_map(|percentage| IDLE.map(|idle| DEMANDS.map(of(percentage, idle))))
        .flatten()
        .collect()
}

struct Figures {
    reversals: u32,
    missed: usize,
    stuck: usize,
    stuck_for_certain: usize,
    peak_of_probes: f64,
}

fn measure(strategy: Strategy, noise: f64, burst: bool) -> Figures {
    let cases = cases(strategy, noise, burst);
    assert_eq!(cases.len(), 345);
    let outcomes: Vec<_> = cases.iter().zip(1..).map(|(case, seed)| run(case, seed * 7919)).collect();
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    let figures = Figures {
        reversals: outcomes.iter().map(|outcome| outcome.reversals).sum(),
        missed: count(|outcome| outcome.missed),
        stuck: count(|outcome| outcome.stuck),
        stuck_for_certain: count(|outcome| outcome.stuck_for_certain),
        peak_of_probes: outcomes.iter().map(|outcome| outcome.peak_of_probes).fold(0.0, f64::max),
    };
    let Figures { reversals, missed, stuck, stuck_for_certain, peak_of_probes } = &figures;
    println!(
        "{strategy:?}, 345 {}, noise {:.0} %: {reversals} reversals, overload missed in {missed} (150 s after each change of the load are not counted), stuck in {stuck} \
         ({stuck_for_certain} whatever the noise), {} probes turned back, at most {:.0} % of the target at home within one",
        if burst { "bursts of 20 min at 200 %" } else { "constant loads of two hours" },
        noise * 100.0,
        outcomes.iter().map(|outcome| outcome.turned_back).sum::<u32>(),
        peak_of_probes * 100.0,
    );
    for (case, outcome) in cases.iter().zip(&outcomes) {
        if outcome.reversals > 0 || outcome.missed || outcome.stuck {
            println!("    {case:?}: {outcome:?}");
        }
    }
    figures
}

fn all_is_well(figures: &Figures) {
    assert_eq!(figures.reversals, 0);
    assert_eq!(figures.missed, 0);
    // With noise a probe may let a little more come home than would stay there; without, a twentieth.
    assert!(figures.peak_of_probes <= 1.1, "{}", figures.peak_of_probes);
}

#[test]
fn step_on_constant_loads() {
    for noise in [0.0, 0.05] {
        let figures = measure(Strategy::Step, noise, false);
        all_is_well(&figures);
        assert_eq!(figures.stuck, 0);
    }
}

/// Measured before: 36 without probe, 16 with it.
#[test]
fn step_after_bursts() {
    let figures = measure(Strategy::Step, 0.0, true);
    all_is_well(&figures);
    assert_eq!(figures.stuck, 0);

    let figures = measure(Strategy::Step, 0.05, true);
    all_is_well(&figures);
    assert_eq!(figures.stuck_for_certain, 0);
    assert!(figures.stuck <= 3, "{}", figures.stuck);
}

#[test]
fn proportional_on_constant_loads() {
    for noise in [0.0, 0.05] {
        let figures = measure(Strategy::Proportional, noise, false);
        all_is_well(&figures);
        assert_eq!(figures.stuck, 0);
    }
}

#[test]
fn proportional_after_bursts() {
    for noise in [0.0, 0.05] {
        let figures = measure(Strategy::Proportional, noise, true);
        all_is_well(&figures);
        assert_eq!(figures.stuck, 0);
    }
}

/// How many seconds of the first ten minutes after three of four pods died have more than the target at home.
fn overloaded_after_loss(case: &Case, counted: bool) -> u32 {
    let rules = rules(case.percentage, case.strategy);
    let (mut state, mut sum, mut overloaded) = (State::default(), 0.0, 0);
    // In the middle between two decisions.
    let lost = 600 + 7;
    for second in 1..=lost + 600 {
        let pods = if second <= lost { 4 } else { 1 };
        let each = case.demand * (1.0 - f64::from(state.weight) / 100.0) * 4.0 / f64::from(pods);
        let local = (case.idle + each).min(1.2);
        overloaded += u32::from(second > lost && local > 1.0 + 1e-9 && state.weight < case.percentage);
        sum += local;
        if second % STEP == 0 {
            let ready = if counted { pods } else { 4 };
            (state, _) = decide(at(second), &rules, &seen(ready, vec![sample(second, sum / 15.0)]), state);
            sum = 0.0;
        }
    }
    overloaded
}

#[test]
fn pods_that_die_count_at_once() {
    for strategy in [Strategy::Step, Strategy::Proportional] {
        let (mut with, mut without) = (0, 0);
        for percentage in [50, 80, 90, 100] {
            for idle in IDLE {
                let case = Case { strategy, percentage, idle, demand: 0.48, noise: 0.0, burst: false };
                with += overloaded_after_loss(&case, true);
                without += overloaded_after_loss(&case, false);
            }
        }
        println!("{strategy:?}, three of four pods lost at half load: overloaded for {with} s instead of {without} s");
        assert!(with * 5 <= without * 2, "{with} {without}");
    }
}
