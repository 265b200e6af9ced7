//! `simulate`: replays traffic against a manifest, and shows what would be sent away and what users would feel.

mod args;
mod json;
mod manifest;
mod settings;
mod table;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::output::{self, ERROR, STRONG};
use super::{Exit, check, complain, name_stdin_twice, usage};
use crate::api::{OffloadAutoscalerSpec, Strategy};
use crate::engine::finding::escaped;
use crate::engine::parse::Mark;
use crate::offload::decide::Rules;
use crate::offload::simulate::{self, Fault, Gauges, Setup, Simulation, Trace, plot};
pub use args::Args;
use args::Format;
use manifest::{Compiled, Files};
use settings::Setting;

/// Simulates what the arguments say and prints what came of it.
pub fn run(args: &Args) -> Exit {
    match simulated(args) {
        Ok(simulated) => output::print(Exit::Fine, |out| simulated.write(out, args)),
        Err(exit) => exit,
    }
}

/// What was simulated, and with what.
struct Simulated {
    simulation: Simulation,
    /// What decides in each of the runs.
    compiled: Vec<Compiled>,
    trace: Trace,
    knobs: simulate::Knobs,
}

impl Simulated {
    fn write(&self, out: &mut dyn Write, args: &Args) -> io::Result<()> {
        let table = table::Options { verbose: args.verbose };
        match args.output {
            Format::Table => table::write(out, &self.simulation, Some(&table)),
            Format::Verdict => table::write(out, &self.simulation, None),
            Format::Json => output::json(out, &json::Document::of(self, args)),
            Format::Svg => out.write_all(plot::svg(&self.simulation).as_bytes()),
            Format::Html => {
                let mut text = anstream::StripStream::new(Vec::new());
                table::rows(&mut text, &self.simulation, &table)?;
                let text = String::from_utf8_lossy(&text.into_inner()).into_owned();
                out.write_all(plot::html(&self.simulation, &text).as_bytes())
            }
        }
    }
}

fn simulated(args: &Args) -> Result<Simulated, Exit> {
    let knobs = args.model.knobs().map_err(|message| usage(&message))?;
    if name_stdin_twice(args.file.iter().chain(&args.trace)) {
        return Err(usage("stdin can be read only once"));
    }
    let files = Files::read(&args.file, &args.place);
    let mut compiled = vec![files.compiled(args.name.as_deref(), &args.set)?];
    if let Some(other) = &args.compare {
        compiled.push(compared(args, &files, other)?);
    }
    let (trace, about) = trace(args)?;
    let labels = labels(args, &compiled)?;
    let mut setups = Vec::new();
    for (label, compiled) in labels.into_iter().zip(&compiled) {
        setups.push((label, setup(args, &knobs, compiled)?));
    }
    let title = match compiled.first() {
        Some(first) => format!("{} on {}", first.name, trace.name),
        None => trace.name.clone(),
    };
    let about = match args.hpa {
        None => about,
        Some(hpa) => format!("{about}; beside an HPA at {} %, {} to {} pods", hpa.target, hpa.min, hpa.max),
    };
    let mut simulation = Simulation::of(&title, &about, &trace, &setups);
    for note in compiled.iter().flat_map(|compiled| &compiled.notes) {
        if !simulation.notes.contains(note) {
            simulation.notes.push(note.clone());
        }
    }
    Ok(Simulated { simulation, compiled, trace, knobs })
}

/// The other behaviour: of another manifest, or of this one with other values.
fn compared(args: &Args, files: &Files<'_>, other: &str) -> Result<Compiled, Exit> {
    match settings_of(other)? {
        Some(settings) => {
            let settings: Vec<Setting> = args.set.iter().cloned().chain(settings).collect();
            files.compiled(args.name.as_deref(), &settings)
        }
        // A manifest of the same model has the same name, or only one.
        None => Files::read(&[PathBuf::from(other)], &args.place).compiled(args.name.as_deref(), &[]),
    }
}

/// The settings that `--compare` has; none if it names a manifest.
fn settings_of(other: &str) -> Result<Option<Vec<Setting>>, Exit> {
    if !other.contains('=') || Path::new(other).exists() {
        return Ok(None);
    }
    other.split(',').map(Setting::parse).collect::<Result<_, _>>().map(Some).map_err(|message| usage(&message))
}

/// What the runs are called, so that people can tell them apart.
fn labels(args: &Args, compiled: &[Compiled]) -> Result<Vec<String>, Exit> {
    let in_short = |settings: &[Setting]| settings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let settings = args.compare.as_deref().map(settings_of).transpose()?;
    let first = match (&settings, args.set.as_slice()) {
        (Some(None), []) => args.file.first().map_or_else(String::new, |path| path.display().to_string()),
        (_, []) => compiled.first().map_or_else(String::new, as_written),
        (_, set) => in_short(set),
    };
    let second = args.compare.as_deref().zip(settings);
    let second = second.map(|(path, settings)| settings.map_or(path.to_owned(), |settings| in_short(&settings)));
    Ok([Some(first), second].into_iter().flatten().map(|label| escaped(&label).to_string()).collect())
}

/// What a manifest says, in short.
fn as_written(compiled: &Compiled) -> String {
    let OffloadAutoscalerSpec { max_remote_weight, behavior, .. } = &compiled.spec;
    let strategy = match behavior.strategy {
        Strategy::Step => "Step",
        Strategy::Proportional => "Proportional",
    };
    format!("{strategy}, at most {max_remote_weight} %")
}

fn setup(args: &Args, knobs: &simulate::Knobs, compiled: &Compiled) -> Result<Setup, Exit> {
    let refused = |message: String| {
        complain(&message);
        Exit::Refused
    };
    let spec = &compiled.spec;
    let rules = Rules::of(spec).map_err(|error| refused(error.to_string()))?;
    let gauges = Gauges::of(&spec.metrics, args.model.full()).map_err(|error| usage(&format!("--full: {error}")))?;
    Ok(Setup { rules, gauges, knobs: knobs.clone(), hpa: args.hpa, blocked: compiled.blocked })
}

/// The traffic, and what happens in it.
fn trace(args: &Args) -> Result<(Trace, String), Exit> {
    let (trace, about) = match (args.shape, &args.trace) {
        (Some(shape), _) => (shape.trace(), shape.about().to_owned()),
        (None, Some(path)) => {
            let trace = read_trace(path)?;
            let about = output::count(trace.rows().len(), "row");
            (trace, about)
        }
        (None, None) => return Err(usage("--trace or --shape is needed")),
    };
    Ok((trace.lasting(args.duration), about))
}

fn read_trace(path: &Path) -> Result<Trace, Exit> {
    let (source, bytes) = check::read_one(path);
    let short = path.file_stem().map_or_else(|| source.clone(), |name| name.to_string_lossy().into_owned());
    let short = if path == Path::new("-") { "stdin".to_owned() } else { escaped(&short).to_string() };
    let read = bytes.map_err(|message| vec![Fault { at: Mark::default(), message }]);
    read.and_then(|bytes| simulate::read(&short, &bytes)).map_err(|faults| {
        let mut err = anstream::AutoStream::auto(io::stderr().lock());
        for Fault { at, message } in faults {
            let numbers = [at.line, at.column].into_iter().take_while(|number| *number > 0);
            let place = numbers.fold(escaped(&source).to_string(), |place, number| format!("{place}:{number}"));
            // Where not even stderr can be written to, the exit code must do.
            _ = writeln!(err, "{STRONG}{place}:{STRONG:#} {ERROR}error:{ERROR:#} {message}");
        }
        Exit::Unreadable
    })
}
