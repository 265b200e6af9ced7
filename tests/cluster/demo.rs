//! `make demo`: a real Kubernetes with the operator. What its gate makes of four manifests, and then what it does: see [`live`].
//!
//! With `KEEP=1` it stays until Ctrl-C. The processes are those of the cluster tests and end the same way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people, made of the helpers of tests"
)]

#[allow(dead_code, reason = "the tests use more of it")]
mod harness;

#[allow(dead_code, reason = "the tests use more of it")]
mod live;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anstyle::Style;

use harness::operator::account;
use harness::simulation::Simulation;
use harness::{Gate, Kubectl};
use live::Live;
use live::picture::SMALLEST;
use live::screen::{Screen, terminal};

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), String> {
    let began = Instant::now();
    eprintln!(
        "demo: starting etcd, kube-apiserver, kube-controller-manager, metrics-server and kwok on the loopback address …"
    );
    let simulation = Simulation::start()?;
    let plane = simulation.plane();
    eprintln!("demo: starting the operator under the shipped rights, and registering its webhooks …");
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/demo/operator-configuration.yaml");
    let flags = [
        format!("--config={}", configuration.display()),
        "--reconcile=true".to_owned(),
        "--decision-interval=2s".to_owned(),
    ];
    let gate = Gate::open_as(plane, account(plane).kubeconfig(), &flags)?;
    eprintln!("demo: ready after {:.0} s\n", began.elapsed().as_secs_f32());

    let size = terminal();
    let fits = size.filter(|size| size.rows >= SMALLEST.rows && size.columns >= SMALLEST.columns);
    let colours = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let mut out = io::stdout();
    let mut screen = Screen::new(&mut out, fits, colours);
    let kubectl = plane.admin();
    live::prepare(kubectl)?;
    admission(kubectl, &mut screen)?;
    if let (Some(size), None) = (size, fits) {
        eprintln!(
            "demo: in a terminal of {} × {} characters there would be a picture; this one has {} × {}\n",
            SMALLEST.columns, SMALLEST.rows, size.columns, size.rows
        );
    }
    let mut live = Live::new(&simulation, gate.operator(), kubectl, &mut screen);
    live.run()?;
    let took = began.elapsed().as_secs();
    if std::env::var("KEEP").is_ok_and(|keep| !["", "0"].contains(&keep.as_str())) {
        let text = stays(kubectl);
        live.tell(&text)?;
        return live.go_on(text.lines().count());
    }
    live.tell(NEXT)?;
    eprintln!("demo: done after {took} s; everything that was started ends now (KEEP=1 make demo stays)");
    Ok(())
}

/// What the gate does, on four manifests.
fn admission(kubectl: &Kubectl, screen: &mut Screen<'_>) -> Result<(), String> {
    let around = kubectl.run("apply -f tests/cluster/demo/around.yaml");
    if !around.succeeded() {
        return Err(around.to_string());
    }
    screen.say("1. A manifest with faults is refused, and every fault is named.\n")?;
    show(kubectl, screen, "apply -f tests/cluster/demo/refused.yaml", false)?;

    screen.say("2. A manifest without faults is admitted, and what it leaves out is filled in.\n")?;
    show(kubectl, screen, "apply -f tests/cluster/demo/defaulted.yaml", true)?;
    show(kubectl, screen, "get modeldeployment defaulted --output yaml", true)?;

    screen.say("3. Policies say where the traffic may go. All of it is checked before anything is stored.\n")?;
    show(kubectl, screen, "apply -f tests/cluster/demo/with-policies.yaml", true)?;

    screen.say("4. A backend somewhere else is refused. Where it is, the operator's configuration says.\n")?;
    show(kubectl, screen, "apply -f tests/cluster/demo/outside.yaml", false)?;
    show(kubectl, screen, "get beamlit", true)
}

/// Runs kubectl and shows the command and what it printed. What is there for the API server's own use is left out, and the
/// status, which may come a moment later.
fn show(kubectl: &Kubectl, screen: &mut Screen<'_>, arguments: &str, succeeds: bool) -> Result<(), String> {
    let out = kubectl.run(arguments);
    let bold = screen.style(Style::new().bold());
    screen.say(&format!("    $ {bold}kubectl {arguments}{bold:#}"))?;
    let mut metadata = false;
    for line in out.stdout.lines().chain(out.stderr.lines()) {
        if !line.starts_with([' ', '-']) {
            metadata = line == "metadata:";
        }
        if line == "status:" {
            break;
        }
        if !metadata || line == "metadata:" || line.starts_with("  name") {
            screen.say(&format!("    {line}"))?;
        }
    }
    screen.say("")?;
    if out.succeeded() == succeeds { Ok(()) } else { Err(format!("that was not expected: {out}")) }
}

/// What one may look at when everything is gone again.
const NEXT: &str = "\
What to look at next:

    KEEP=1 make demo                  the same, and then the load is yours to change
    cargo run -- simulate --help      the same decisions on a day of traffic of your own, in a moment
    cargo run -- compile --explain tests/cluster/demo/offloaded.yaml
                                      what the manifest above comes to, and why each value is what it is
    docs/operations.md                what each condition means, and what to do
";

/// What one may do while it stays.
fn stays(kubectl: &Kubectl) -> String {
    format!(
        "\
The cluster stays until Ctrl-C, and the loop goes on. In another terminal:

    export KUBECONFIG={kubeconfig}
    alias kubectl={program}
    kubectl annotate service chat --overwrite simulated.beamlit.com/demand=140   # percent of what four pods request
    kubectl annotate pods --all --overwrite simulated.beamlit.com/ready=true     # or false
    kubectl annotate modeldeployment chat offloading.beamlit.com/paused=home     # or freeze
    kubectl get ofa,hpa --watch
    kubectl describe modeldeployment chat
    kubectl edit modeldeployment defaulted        # try percentage: 150
    kubectl explain modeldeployment.spec.offloadingConfig.behavior
    kubectl apply --dry-run=server -f your-manifest.yaml
",
        kubeconfig = kubectl.kubeconfig().display(),
        program = kubectl.program().display(),
    )
}
