//! `make demo`: a real Kubernetes with the operator in front of it, four manifests, and what became of them.
//!
//! With `KEEP=1` it stays until Ctrl-C. The processes are those of the cluster tests and end the same way.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people, made of the helpers of tests"
)]

#[allow(dead_code, reason = "the tests use more of it")]
mod harness;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use harness::{ControlPlane, Gate, Kubectl};

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
    eprintln!("demo: starting etcd, kube-apiserver and kube-controller-manager on the loopback address …");
    let plane = ControlPlane::start()?;
    eprintln!("demo: starting the operator and registering its webhooks …");
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/demo/operator-configuration.yaml");
    let gate = Gate::configured(&plane, &configuration)?;
    eprintln!("demo: ready after {:.0} s\n", began.elapsed().as_secs_f32());

    let kubectl = plane.admin();
    let around = kubectl.run("apply -f tests/cluster/demo/around.yaml");
    if !around.succeeded() {
        return Err(around.to_string());
    }
    println!("1. A manifest with faults is refused, and every fault is named.\n");
    show(kubectl, "apply -f tests/cluster/demo/refused.yaml", false)?;

    println!("2. A manifest without faults is admitted, and what it leaves out is filled in.\n");
    show(kubectl, "apply -f tests/cluster/demo/defaulted.yaml", true)?;
    show(kubectl, "get modeldeployment defaulted --output yaml", true)?;

    println!("3. Policies say where the traffic may go. All of it is checked before anything is stored.\n");
    show(kubectl, "apply -f tests/cluster/demo/with-policies.yaml", true)?;

    println!("4. A backend somewhere else is refused. Where it is, the operator's configuration says.\n");
    show(kubectl, "apply -f tests/cluster/demo/outside.yaml", false)?;
    show(kubectl, "get beamlit", true)?;

    println!("What the operator logged:\n");
    for line in gate.operator().log().lines().filter(|line| line.contains("refused") || line.contains("with-policies"))
    {
        println!("    {line}");
    }

    if std::env::var("KEEP").is_ok_and(|keep| !["", "0"].contains(&keep.as_str())) {
        stay(kubectl);
    }
    eprintln!("\ndemo: done; everything that was started ends now (KEEP=1 make demo stays)");
    Ok(())
}

/// Runs kubectl and shows the command and what it printed. What is there for the API server's own use is left out.
fn show(kubectl: &Kubectl, arguments: &str, succeeds: bool) -> Result<(), String> {
    let out = kubectl.run(arguments);
    println!("    $ kubectl {arguments}");
    let mut metadata = false;
    for line in out.stdout.lines().chain(out.stderr.lines()) {
        if !line.starts_with([' ', '-']) {
            metadata = line == "metadata:";
        }
        if !metadata || line == "metadata:" || line.starts_with("  name") {
            println!("    {line}");
        }
    }
    println!();
    if out.succeeded() == succeeds { Ok(()) } else { Err(format!("that was not expected: {out}")) }
}

/// Waits for Ctrl-C, which ends this process, and with it everything that it started.
fn stay(kubectl: &Kubectl) -> ! {
    println!(
        "\
\nThe cluster stays until Ctrl-C. In another terminal:

    export KUBECONFIG={kubeconfig}
    alias kubectl={program}
    kubectl get beamlit
    kubectl explain modeldeployment.spec.offloadingConfig.behavior
    kubectl edit modeldeployment defaulted        # try percentage: 150
    kubectl apply --dry-run=server -f your-manifest.yaml",
        kubeconfig = kubectl.kubeconfig().display(),
        program = kubectl.program().display(),
    );
    loop {
        std::thread::park();
    }
}
