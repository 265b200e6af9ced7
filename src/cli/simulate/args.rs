//! What `simulate` is told to do: the arguments and their units.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::settings::Setting;
use crate::cli::check::Place;
use crate::engine::finding::quoted;
use crate::engine::units::{GoDuration, Quantity};
use crate::offload::simulate::{Assumed, Hpa, Knobs, MAX_DURATION, MAX_PODS, Shape};

/// What `simulate` is told to do.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Replays traffic against a model of the local deployment, with the decisions that the operator would take for a ModelDeployment, \
and shows how much would be sent away, how busy the pods would be and what users would feel. Hours take a moment; the same input gives the same bytes.\n\n\
The traffic is a trace (CSV with a header, or JSON: time, demand, and if they are known replicas, ready, metrics) or a named shape. \
A demand of 100 % makes the initial pods use exactly what they request, beside their idle load. \
The model, its equations and its limits: docs/simulation.md.",
    after_long_help = "\
Examples:
  beamlit-operator simulate -f manifest.yaml --shape spike
  beamlit-operator simulate -f manifest.yaml --trace load.csv --output html > spike.html
  beamlit-operator simulate -f manifest.yaml --shape sine --set percentage=30
  beamlit-operator simulate -f manifest.yaml --shape step --compare strategy=Proportional --hpa 70:2:10
  beamlit-operator simulate -f old.yaml --compare new.yaml --trace load.csv --output svg > difference.svg
  beamlit-operator simulate -f manifest.yaml --shape ramp --output json | jq '.runs[0].verdict'

Exit codes:
  70  internal error
  64  wrong usage
   2  a manifest or a trace could not be read or parsed
   1  an object is refused; the findings are those of check
   3  there is no ModelDeployment, or it offloads nothing
   0  simulated"
)]
pub struct Args {
    /// The manifest: a ModelDeployment, and the Policies that it names; several files, directories, or - for stdin
    #[arg(long, short = 'f', required = true, value_name = "PATH")]
    pub(super) file: Vec<PathBuf>,

    /// Which ModelDeployment, where there are several
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,

    #[command(flatten)]
    pub(super) place: Place,

    /// The traffic: CSV or JSON with time (seconds, 1h30m or RFC 3339), demand (percent) and, if they are known, replicas, ready and
    /// metrics; - for stdin
    #[arg(long, value_name = "FILE", required_unless_present = "shape", conflicts_with = "shape")]
    pub(super) trace: Option<PathBuf>,

    /// The traffic: a named shape
    #[arg(long, value_name = "SHAPE")]
    pub(super) shape: Option<Shape>,

    /// How long is simulated [default: as long as the trace]
    #[arg(long, value_name = "DURATION", value_parser = length)]
    pub(super) duration: Option<Duration>,

    /// Change the manifest first: strategy=Proportional, percentage=30, scaleDown.stabilizationWindowSeconds=60 (below
    /// offloadingConfig.behavior), target=80 (of its first metric); several with commas
    #[arg(long, value_name = "FIELD=VALUE", value_delimiter = ',', value_parser = Setting::parse)]
    pub(super) set: Vec<Setting>,

    /// Beside it simulate another manifest, or this one with other values, as with --set
    #[arg(long, value_name = "PATH|FIELD=VALUE")]
    pub(super) compare: Option<String>,

    /// Put an HPA beside it: its CPU target in percent, the fewest and the most pods [default: 1 and 10]
    #[arg(long, value_name = "TARGET[:MIN:MAX]", value_parser = hpa)]
    pub(super) hpa: Option<Hpa>,

    /// For whom the output is
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,

    /// Show every decision in the table, not only changes and a row every now and then
    #[arg(long, short)]
    pub(super) verbose: bool,

    #[command(flatten)]
    pub(super) model: ModelArgs,
}

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table and a verdict for people
    Table,
    /// The verdict alone
    Verdict,
    /// One JSON document for programs
    Json,
    /// A plot, complete in itself
    Svg,
    /// A page with plot, verdict and table, complete in itself
    Html,
}

/// The model of the local deployment.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model of the local deployment")]
pub(super) struct ModelArgs {
    /// The load of an idle pod, in percent of what it requests
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = percent)]
    idle: f64,

    /// The most that a pod can use, in percent of what it requests
    #[arg(long, value_name = "PERCENT", default_value = "120", value_parser = percent)]
    saturation: f64,

    /// How long a new pod takes to become ready
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = span)]
    startup: Duration,

    /// How many requests a second a demand of 100 % is
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = requests)]
    requests: f64,

    /// How long a request takes that need not wait
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = span)]
    service: Duration,

    /// A request that waits longer is slow
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = span)]
    slow: Duration,

    /// A request that would have to wait longer fails
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    patience: Duration,

    /// How long metrics are averaged, and how often they are
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = whole)]
    resolution: Duration,

    /// How much later they can be read
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = span)]
    lag: Duration,

    /// How often is decided, unless the ready endpoints change
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = whole)]
    every: Duration,

    /// The noise of the metrics, in percent of their value (standard deviation)
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = noise)]
    noise: f64,

    /// What the noise is made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// What a metric with a plain target reads at a demand of 100 %: of one pod, or as a whole if its target is for the whole [default:
    /// its target is reached at 90 %]
    #[arg(long, value_name = "METRIC=QUANTITY", value_parser = assumed)]
    full: Vec<Assumed>,
}

impl ModelArgs {
    /// The model, or why these values make none.
    pub(super) fn knobs(&self) -> Result<Knobs, String> {
        let Self {
            idle,
            saturation,
            startup,
            requests,
            service,
            slow,
            patience,
            resolution,
            lag,
            every,
            noise,
            seed,
            full: _,
        } = *self;
        if saturation <= idle {
            return Err(
                "--saturation must be more than --idle: a pod that is as busy as it can be serves nothing".into()
            );
        }
        let knobs =
            Knobs { idle, saturation, requests, service, slow, patience, resolution, lag, startup, noise, seed, every };
        Ok(knobs)
    }

    /// What people say of their metrics.
    pub(super) fn full(&self) -> &[Assumed] {
        &self.full
    }
}

impl ValueEnum for Shape {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match GoDuration::parse(text) {
        Ok(duration) => duration.to_std().ok_or_else(|| "must not be negative".into()),
        Err(error) => Err(match GoDuration::suggest(text) {
            Some(meant) => format!("{error}; did you mean {meant}?"),
            None => error.to_string(),
        }),
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);

fn span(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|span| if span <= HOUR { Ok(span) } else { Err("is more than an hour".into()) })
}

fn whole(text: &str) -> Result<Duration, String> {
    match span(text)? {
        span if span.as_secs() >= 1 && span.subsec_nanos() == 0 => Ok(span),
        _ => Err("must be whole seconds, at least one".into()),
    }
}

fn length(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        length if length < Duration::from_secs(1) => Err("is less than a second".into()),
        length if length > MAX_DURATION => Err(format!("is more than {} days", MAX_DURATION.as_secs() / 86_400)),
        length => Ok(length),
    }
}

fn number(text: &str, most: f64) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(number) if (0.0..=most).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 0 to {most}")),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 1000.0).map(|percent| percent / 100.0)
}

fn noise(text: &str) -> Result<f64, String> {
    number(text, 100.0).map(|percent| percent / 100.0)
}

fn requests(text: &str) -> Result<f64, String> {
    number(text, 1e9).and_then(|number| if number > 0.0 { Ok(number) } else { Err("must be more than 0".into()) })
}

fn assumed(text: &str) -> Result<Assumed, String> {
    let (name, full) = text.rsplit_once('=').ok_or("must be METRIC=QUANTITY, such as queue_depth=40")?;
    match Quantity::parse(full).filter(|full| full.is_positive()) {
        Some(full) => Ok(Assumed { name: name.to_owned(), full }),
        None => Err(format!("{} is no quantity above 0", quoted(full))),
    }
}

fn hpa(text: &str) -> Result<Hpa, String> {
    let mut parts = text.split(':');
    let mut next = |what: &str, default: Option<u32>, range: std::ops::RangeInclusive<u32>| match parts.next() {
        None | Some("") if default.is_some() => Ok(default.unwrap_or_default()),
        part => part
            .and_then(|part| part.parse().ok())
            .filter(|part| range.contains(part))
            .ok_or_else(|| format!("{what} must be a whole number from {} to {}", range.start(), range.end())),
    };
    let target = next("the target", None, 1..=1000)?;
    let min = next("the fewest pods", Some(1), 1..=MAX_PODS)?;
    let max = next("the most pods", Some(min.max(10)), min..=MAX_PODS)?;
    match parts.next() {
        None => Ok(Hpa { target, min, max }),
        Some(_) => Err("must be TARGET, TARGET:MIN or TARGET:MIN:MAX".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hpa_has_a_target_and_perhaps_bounds() {
        for (text, target, min, max) in
            [("70", 70, 1, 10), ("70:2", 70, 2, 10), ("70:20", 70, 20, 20), ("70::5", 70, 1, 5), ("80:2:4", 80, 2, 4)]
        {
            assert_eq!(hpa(text), Ok(Hpa { target, min, max }), "{text}");
        }
        for wrong in ["", "0", "-1", "70:0", "70:4:2", "70:1:2:3", "70:1:99999999", "70%", "1001"] {
            assert!(hpa(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_have_units_and_limits() {
        assert_eq!(percent("12.5%"), Ok(0.125));
        for wrong in ["NaN", "inf", "-1", "1001", "", "x"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
        assert_eq!(span("1m30s"), Ok(Duration::from_secs(90)));
        assert!(span("60").unwrap_err().contains("did you mean 60s?"));
        for wrong in ["-5s", "61m", "1d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0s", "500ms", "1.5s"] {
            assert!(whole(wrong).is_err(), "{wrong}");
        }
        for wrong in ["999ms", "745h"] {
            assert!(length(wrong).is_err(), "{wrong}");
        }
        assert_eq!(assumed("a=b=10").unwrap().name, "a=b");
        for wrong in ["a", "a=0", "a=-1", "a=x"] {
            assert!(assumed(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "1e10"] {
            assert!(requests(wrong).is_err(), "{wrong}");
        }
    }
}
