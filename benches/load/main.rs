//! How much the whole gate carries: reviews over TLS on loopback, the operator and two floors side by side in the same run.
//!
//! Server and generator (wrk) have a core each. Every round goes through all shapes of load and, within each, through all
//! servers, so that what a shared machine does in between falls on all of them. An answer that is no admission ends it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod floor;
#[path = "../kernel/mod.rs"]
mod kernel;
mod report;
mod server;
mod wrk;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

use self::floor::Floor;
use self::report::{Process, Report, Sample, Series};
use self::server::{Certificate, Server};
use self::wrk::{Shape, Wrk};

/// A review of about 2.5 kB that an API server sent; it is sent compact, as it came.
const REVIEW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/admission-reviews/002-CREATE-ModelDeployment.json");

const OPERATOR: &str = env!("CARGO_BIN_EXE_beamlit-operator");

/// After how many reviews memory is looked at.
const RESIDENT_AFTER: [u64; 3] = [50_000, 100_000, 200_000];

const STARTS: usize = 10;

/// Measures the operator under load
#[derive(Parser)]
struct Args {
    /// How many times each server is loaded in each way
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// For how many seconds each time
    #[arg(long, default_value_t = 2)]
    seconds: u64,

    /// The review that is sent, instead of one of about 2.5 kB
    #[arg(long, value_name = "FILE", default_value = REVIEW)]
    review: PathBuf,

    /// Ways of loading: the number of connections that are kept, or `new`
    #[arg(long, value_delimiter = ',', default_value = "1,8,64,new", value_parser = shape)]
    shapes: Vec<Shape>,

    /// Another build of the operator to hold beside this one
    #[arg(long, value_name = "BINARY")]
    against: Option<PathBuf>,

    /// Leave out memory, start and size
    #[arg(long)]
    load_only: bool,

    /// Print everything as JSON
    #[arg(long)]
    json: bool,

    /// Flags for the operator, after `--`
    #[arg(last = true)]
    flags: Vec<String>,

    /// What cargo adds
    #[arg(long, hide = true)]
    bench: bool,

    /// Be a floor
    #[arg(long, hide = true, requires = "certificate")]
    be_floor: Option<Floor>,

    /// The folder of its certificate
    #[arg(long, hide = true)]
    certificate: Option<PathBuf>,
}

fn shape(text: &str) -> Result<Shape, String> {
    match text {
        "new" => Ok(Shape { connections: 8, anew: true }),
        count => count.parse().map(Shape::kept).map_err(|error| error.to_string()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match (args.be_floor, &args.certificate) {
        (Some(floor), Some(folder)) => {
            floor::serve(floor, &args.review, &folder.join("tls.crt"), &folder.join("tls.key"))
        }
        _ => measure(&args).map(|report| {
            if args.json {
                println!("{}", serde_json::json!(report));
            } else {
                print!("{}", report.text());
            }
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A path of a running server.
struct Target<'s> {
    name: &'static str,
    server: &'s Server,
    path: &'static str,
}

fn measure(args: &Args) -> Result<Report, String> {
    let (server_core, load_core) = cores()?;
    let certificate = Certificate::new().map_err(|error| error.to_string())?;
    let review = certificate.folder().join("review.json");
    let review_bytes = compact(&args.review, &review)?;
    let wrk = Wrk::new(load_core, review.clone())?;
    // What reads the operator's log must not take time from the operator.
    pin_this(load_core)?;

    let operator = |binary: &Path| Server::operator(binary, server_core, &certificate, &args.flags);
    let this = operator(OPERATOR.as_ref())?;
    let other = args.against.as_deref().map(operator).transpose()?;
    let fixed = Server::floor("fixed", server_core, &certificate, &review)?;
    let parsing = Server::floor("parsing", server_core, &certificate, &review)?;
    let mut targets = vec![
        Target { name: "floor: fixed", server: &fixed, path: "/validate" },
        Target { name: "floor: parsing", server: &parsing, path: "/validate" },
        Target { name: "operator /validate", server: &this, path: "/validate?timeout=5s" },
        Target { name: "operator /mutate", server: &this, path: "/mutate?timeout=2s" },
    ];
    if let Some(other) = &other {
        targets.push(Target { name: "the other /validate", server: other, path: "/validate?timeout=5s" });
        targets.push(Target { name: "the other /mutate", server: other, path: "/mutate?timeout=2s" });
    }

    for target in &targets {
        wrk.look(&target.server.url(target.path), Shape::kept(8))?;
    }
    let mut series: Vec<Series> = Vec::new();
    for shape in &args.shapes {
        for Target { name, .. } in &targets {
            series.push(Series { shape: shape.name(), anew: shape.anew, target: name, rounds: Vec::new() });
        }
    }
    for round in 1..=args.rounds {
        eprintln!("load: round {round} of {} …", args.rounds);
        let pairs = args.shapes.iter().flat_map(|shape| targets.iter().map(move |target| (*shape, target)));
        for ((shape, target), series) in pairs.zip(&mut series) {
            series.rounds.push(sample(&wrk, target, shape, Duration::from_secs(args.seconds))?);
        }
    }
    for server in [Some(&this), other.as_ref()].into_iter().flatten() {
        let (admitted, all) = server.answered()?;
        if admitted < all {
            return Err(format!("only {admitted} of {all} reviews were admitted"));
        }
    }
    let resumed = fixed.logged() + parsing.logged();
    drop((this, other, fixed, parsing));
    let process = if args.load_only { None } else { Some(process(args, server_core, &certificate, &wrk)?) };
    Ok(Report { review_bytes, series, resumed, process })
}

fn sample(wrk: &Wrk, target: &Target<'_>, shape: Shape, time: Duration) -> Result<Sample, String> {
    let (cpu, opened) = (target.server.cpu_time()?, server::accepted_connections()?);
    let counted = wrk.load(&target.server.url(target.path), shape, time)?;
    let (cpu, opened) = (target.server.cpu_time()? - cpu, server::accepted_connections()? - opened);
    if shape.anew != (opened >= counted.reviews) {
        return Err(format!("{}: {opened} connections for {} reviews", shape.name(), counted.reviews));
    }
    let (cpu, micros, reviews) = (cpu.as_secs_f64() * 1e6, counted.micros as f64, counted.reviews as f64);
    Ok(Sample {
        per_second: reviews / micros * 1e6,
        p50_us: counted.p50,
        p99_us: counted.p99,
        max_us: counted.max,
        cpu_us: cpu / reviews,
        busy: cpu / micros,
    })
}

/// A fresh process: how soon it is ready, and what becomes of its memory.
fn process(args: &Args, core: usize, certificate: &Certificate, wrk: &Wrk) -> Result<Process, String> {
    eprintln!("load: start and memory …");
    let binary = Path::new(OPERATOR);
    let binary_bytes = std::fs::metadata(binary).map_err(|error| error.to_string())?.len();
    let start_to_ready_ms = (0..STARTS)
        .map(|_| server::start_to_ready(binary, core, certificate, &args.flags).map(|took| took.as_secs_f64() * 1e3))
        .collect::<Result<Vec<f64>, String>>()?;

    let server = Server::operator(binary, core, certificate, &args.flags)?;
    let mut load =
        wrk.start(&server.url("/validate?timeout=5s"), Shape::kept(64)).map_err(|error| error.to_string())?;
    let sampled = resident(&server);
    _ = load.kill();
    _ = load.wait();
    let resident_bytes = sampled?;
    // What was logged last is on its way.
    thread::sleep(Duration::from_millis(500));
    let (_, answered) = server.answered()?;
    Ok(Process {
        binary_bytes,
        start_to_ready_ms,
        resident_bytes,
        peak_bytes: server.memory()?.1,
        log_lines_per_review: server.logged() as f64 / answered as f64,
    })
}

fn resident(server: &Server) -> Result<Vec<(u64, u64)>, String> {
    let started = Instant::now();
    let mut sampled = vec![(0, server.memory()?.0)];
    for mark in RESIDENT_AFTER {
        while server.answered()?.1 < mark {
            if started.elapsed() > Duration::from_secs(120) {
                return Err(format!("{mark} reviews take too long"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        sampled.push((mark, server.memory()?.0));
    }
    Ok(sampled)
}

/// Writes the review without white space, its members in the order in which they stand, and says how long it is.
fn compact(from: &Path, to: &Path) -> Result<usize, String> {
    let text = std::fs::read_to_string(from).map_err(|error| format!("{}: {error}", from.display()))?;
    let review: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", from.display()))?;
    let text = review.to_string();
    std::fs::write(to, &text).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(text.len())
}

/// The first two cores that this process may use.
fn cores() -> Result<(usize, usize), String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let mut cores = list.trim().split(',').flat_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        first.parse::<usize>().unwrap_or(1)..=last.parse::<usize>().unwrap_or(0)
    });
    cores.next().zip(cores.next()).ok_or_else(|| format!("two cores are needed, and there are: {list}"))
}

fn pin_this(core: usize) -> Result<(), String> {
    Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("taskset: {error}"))
        .and_then(|status| if status.success() { Ok(()) } else { Err(format!("taskset: {status}")) })
}
