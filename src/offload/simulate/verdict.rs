//! What came of a run, in words: how soon traffic left and came back, how often the weight turned, and what users felt.

use super::run::{Run, Totals};
use crate::offload::decide::Reason;

/// A run in words and in the figures behind them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The one line that says most.
    pub headline: String,
    /// Everything, a sentence each.
    pub lines: Vec<String>,
    /// How often the weight turned from rising to falling, or the other way.
    pub turns: usize,
    /// The stretches in which traffic was away.
    pub stretches: usize,
    /// The longest that the demand did not fit at home before the first of it left, in milliseconds.
    pub leaves_after: Option<u64>,
    /// The longest that traffic stayed away, wholly or in part, after it fitted at home again, in milliseconds.
    pub returns_after: Option<u64>,
    /// For how long everything was away, in milliseconds.
    pub all_away: u64,
    /// For how long of that no pod was ready, in milliseconds.
    pub none_ready: u64,
    /// The weight at the end, in percent.
    pub at_the_end: u8,
}

/// Says what came of a run.
#[must_use]
pub fn verdict(run: &Run) -> Verdict {
    let mut out = timed(run);
    let totals = &run.totals;
    let mut head = Vec::new();
    let mut lines = Vec::new();
    match (out.stretches, run.most) {
        (0, 0) => lines.push("nothing is ever sent away: the percentage is 0".to_owned()),
        (0, _) => lines.push("nothing was sent away".to_owned()),
        _ => {
            if let Some(after) = out.leaves_after {
                let worst = if out.stretches > 1 { " at the latest" } else { "" };
                lines.push(format!("offloads {}{worst} after the demand stops fitting at home", span(after)));
            }
            if let Some(after) = out.returns_after {
                let worst = if out.stretches > 1 { " at the latest" } else { "" };
                let line = format!("releases {}{worst} after it fits again", span(after));
                head.push(line.clone());
                lines.push(line);
            }
        }
    }
    if out.all_away > 0 && run.most < 100 {
        let rest = out.all_away.saturating_sub(out.none_ready);
        let why = if rest == 0 {
            "no pod was ready".to_owned()
        } else {
            format!(
                "no pod was ready for {}, and for {} none had been for long enough",
                span(out.none_ready),
                span(rest)
            )
        };
        lines.push(format!("sends everything away for {}: {why}", span(out.all_away)));
    }
    if out.at_the_end > 0 {
        let why = if totals.fits { "although all would fit at home" } else { "as the demand does not fit at home" };
        let line = format!("{} % is still away at the end, {why}", out.at_the_end);
        head.push(line.clone());
        lines.push(line);
        let pods = run.steps.last().map_or(0, |step| step.replicas);
        if run.most_by_hpa.is_some_and(|most| !totals.fits && pods < most) {
            let pods = plural(usize::try_from(pods).unwrap_or(usize::MAX), "pod", "pods");
            lines.push(format!("the HPA sees only what stays at home, and keeps {pods}"));
        }
    }
    let target = run.level.map_or_else(String::new, |level| format!(" (target {})", percent(level)));
    head.push(format!("peak local load {}", percent(totals.peak)));
    lines.push(format!("peak local load {} at {}{target}", percent(totals.peak), clock(totals.peak_at)));
    let turns = plural(out.turns, "change of direction", "changes of direction");
    head.push(turns.clone());
    lines.push(turns);
    if totals.requests > 0.0 {
        let bad = (totals.slow + totals.failed).min(totals.requests);
        let [away, bad] = [totals.away, bad].map(|count| part(count, totals.requests));
        head.push(format!("{away} sent away, {bad} slow or failed"));
    }
    lines.push(felt(totals));
    if totals.saturated > 0 {
        lines.push(format!("the pods were as busy as they can be for {}", span(u64::from(totals.saturated) * 1000)));
    }
    if totals.most_pods != totals.fewest_pods {
        let Totals { fewest_pods, most_pods, .. } = totals;
        lines.push(format!("between {fewest_pods} and {most_pods} pods, {:.1} on average", mean_pods(run)));
    }
    out.headline = head.join("; ");
    out.lines = lines;
    out
}

/// How many pods there were on average.
#[allow(clippy::cast_precision_loss)]
fn mean_pods(run: &Run) -> f64 {
    run.totals.pod_seconds * 1000.0 / (run.length.max(1)) as f64
}

/// What follows from the times of the decisions.
fn timed(run: &Run) -> Verdict {
    let mut out = Verdict::default();
    let (mut weight, mut rising, mut before, mut ready) = (0, None, 0, 0);
    // Since when the demand does not fit, and since when it fits again. What is home for a probe is not back yet.
    let (mut unfit, mut fit, mut away) = (None, None, false);
    for step in &run.steps {
        if weight == 100 {
            let span = step.at.saturating_sub(before);
            out.all_away += span;
            out.none_ready += if ready == 0 { span } else { 0 };
        }
        if step.fits {
            unfit = None;
            fit = fit.or(Some(before));
        } else {
            unfit = unfit.or(Some(before));
            fit = None;
        }
        if step.weight != weight {
            let up = step.weight > weight;
            out.turns += usize::from(rising.is_some_and(|rising| rising != up));
            rising = Some(up);
            if !away && step.weight > 0 {
                away = true;
                out.stretches += 1;
                out.leaves_after = out.leaves_after.max(unfit.map(|since| step.at.saturating_sub(since)));
                // A load that fits by itself, and still reached the target within a sample, is away from here on.
                fit = fit.map(|_| step.at);
            }
        }
        if away && step.weight == 0 && step.reason != Reason::Probing {
            away = false;
            out.returns_after = out.returns_after.max(fit.map(|since| step.at.saturating_sub(since)));
        }
        (weight, before, ready) = (step.weight, step.at, step.ready);
    }
    out.at_the_end = weight;
    out
}

/// What users felt.
fn felt(totals: &Totals) -> String {
    let Totals { requests, away, needless, slow, failed, .. } = *totals;
    if requests <= 0.0 {
        return "there were no requests".into();
    }
    let needless = match needless / requests {
        share if share < 0.000_5 => String::new(),
        share => format!(" ({} although they would have fitted at home)", percent(share)),
    };
    format!(
        "of {} requests {} went away{needless}, {} were slow and {} failed",
        number(requests),
        part(away, requests),
        part(slow, requests),
        part(failed, requests)
    )
}

/// A difference of shares below which two runs are as good as each other.
const HARDLY: f64 = 0.002;

/// Says what the second run does differently.
#[must_use]
pub fn compare(names: [&str; 2], runs: [&Run; 2]) -> Vec<String> {
    let [a, b] = runs;
    let [va, vb] = [timed(a), timed(b)];
    let mut lines = Vec::new();
    let [_, name] = names;
    let share = |totals: &Totals, part: f64| if totals.requests > 0.0 { part / totals.requests } else { 0.0 };
    let shares = |pick: fn(&Totals) -> f64| (share(&a.totals, pick(&a.totals)), share(&b.totals, pick(&b.totals)));
    let mut say = |what: &str, first: String, second: String| {
        if first != second {
            lines.push(format!("{what} {second} instead of {first}"));
        }
    };
    let away = shares(|totals| totals.away);
    let needless = shares(|totals| totals.needless);
    let slow = shares(|totals| totals.slow);
    let failed = shares(|totals| totals.failed);
    say("sent away:", percent(away.0), percent(away.1));
    say("sent away although it would have fitted at home:", percent(needless.0), percent(needless.1));
    say("slow:", percent(slow.0), percent(slow.1));
    say("failed:", percent(failed.0), percent(failed.1));
    say("peak local load:", percent(a.totals.peak), percent(b.totals.peak));
    say("changes of direction:", va.turns.to_string(), vb.turns.to_string());
    if va.stretches > 0 && vb.stretches > 0 {
        let delay = |delay: Option<u64>| delay.map_or_else(|| "never".into(), span);
        say("releases, after it fits again:", delay(va.returns_after), delay(vb.returns_after));
    }
    say("away at the end:", format!("{} %", va.at_the_end), format!("{} %", vb.at_the_end));
    say("pods on average:", format!("{:.1}", mean_pods(a)), format!("{:.1}", mean_pods(b)));
    if lines.is_empty() {
        return vec!["no difference".into()];
    }
    let suffering = |slow: f64, failed: f64| slow + failed;
    let felt = suffering(slow.1, failed.1) - suffering(slow.0, failed.0);
    let sent = away.1 - away.0;
    let (less, more) = (-HARDLY, HARDLY);
    let users = match felt {
        felt if felt < less => "fewer requests are slow or fail",
        felt if felt > more => "more requests are slow or fail",
        _ => "users feel hardly any difference",
    };
    let traffic = match sent {
        sent if sent < less => "less is sent away",
        sent if sent > more => "more is sent away",
        _ => "as much is sent away",
    };
    let but = if (felt > more && sent < less) || (felt < less && sent > more) { "but" } else { "and" };
    lines.push(format!("with {name} {traffic}, {but} {users}"));
    lines
}

/// A share in percent: whole from 10 % on, else with as many digits as it takes.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p >= 9.95 || p == 0.0 => format!("{p:.0} %"),
        p if p >= 0.095 => format!("{p:.1} %"),
        p if p >= 0.01 => format!("{p:.2} %"),
        _ => "less than 0.01 %".into(),
    }
}

fn part(part: f64, all: f64) -> String {
    if part <= 0.0 { "none".into() } else { percent(part / all) }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// A number with spaces between its thousands.
fn number(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A span of time: `45 s`, `5 min 15 s`, `2 h 5 min`.
#[must_use]
pub fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A moment since the beginning: `0:05:15`.
#[must_use]
pub fn clock(millis: u64) -> String {
    let seconds = millis / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_exact_as_they_deserve() {
        for (share, text) in [
            (0.0, "0 %"),
            (1e-9, "less than 0.01 %"),
            (0.000_5, "0.05 %"),
            (0.001, "0.1 %"),
            (0.0314, "3.1 %"),
            (0.0996, "10 %"),
            (0.972, "97 %"),
            (1.2, "120 %"),
        ] {
            assert_eq!(percent(share), text);
        }
        for (millis, text) in
            [(0, "0 s"), (59_999, "59 s"), (300_000, "5 min"), (315_000, "5 min 15 s"), (7_500_000, "2 h 5 min")]
        {
            assert_eq!(span(millis), text);
        }
        assert_eq!(clock(36_061_000), "10:01:01");
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.8].map(number), ["0", "999", "1 000", "1 234 568"]);
    }
}
