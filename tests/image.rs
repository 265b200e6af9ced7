//! The image: what its Dockerfile says, and what becomes of it when its steps are carried out.
//!
//! There is no container engine here. The steps of the first stage are run as they stand, in a folder of their own instead of
//! a container; what the last stage holds is put into an empty folder, and started there as in a container: as the user that
//! the Dockerfile names, with that folder as a root that cannot be written.
#![cfg(feature = "operator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests"
)]

#[path = "image/dockerfile.rs"]
mod dockerfile;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use dockerfile::{Instruction, Stage};

/// How long a program may take that should be there at once.
const PATIENCE: Duration = Duration::from_secs(30);

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn stages() -> [Stage; 2] {
    dockerfile::parse(&read("Dockerfile")).try_into().unwrap_or_else(|stages| panic!("not two stages: {stages:?}"))
}

/// A value of `[package]` in Cargo.toml.
fn package(key: &str) -> String {
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn the_last_stage_holds_the_program_and_nothing_else() {
    let [build, last] = stages();
    assert_eq!(last.from, "scratch", "nothing to begin with");
    let [copied] = last.all("COPY").try_into().unwrap_or_else(|copies| panic!("not one file: {copies:?}"));
    assert_eq!(copied, format!("--from={} --chown=0:0 /image/beamlit-operator /beamlit-operator", build.name.unwrap()));
    assert_eq!(last.all("RUN"), [""; 0], "there is no shell to run anything with");
    // The exec form: there is no shell, and the signals of the kubelet must reach the program.
    assert_eq!(last.all("ENTRYPOINT"), [r#"["/beamlit-operator"]"#]);
    assert_eq!(last.all("CMD"), [r#"["serve"]"#]);
    let [user] = last.all("USER").try_into().unwrap();
    let numbers: Vec<u32> = user.split(':').map(|number| number.parse().expect("a number, not a name")).collect();
    assert!(numbers.len() == 2 && numbers.iter().all(|&number| number > 0), "{user}");
    assert_eq!(last.all("EXPOSE"), ["9443 8081"], "the default ports of `serve`");
}

#[test]
fn the_first_stage_is_pinned_and_takes_only_what_it_needs() {
    let [build, _] = stages();
    // Cargo.toml says which Rust is needed; a moving tag would build something else tomorrow. No registry is named: which one
    // is asked is for the builder to say.
    assert_eq!(build.from, format!("rust:{}-bookworm", package("rust-version")));
    assert_eq!(build.all("COPY"), ["Cargo.toml Cargo.lock ./", "src src"], "dependencies first, so that they are kept");
    for run in build.all("RUN") {
        for cargo in run.split("&&").filter(|command| command.trim().starts_with("cargo ")) {
            assert!(cargo.contains("--locked"), "{cargo}");
        }
        for word in ["curl", "wget", "apt", "git "] {
            assert!(!run.contains(word), "fetches what nobody pinned: {run}");
        }
    }
}

#[test]
fn both_stages_use_only_instructions_that_are_understood_here() {
    for stage in stages() {
        for Instruction { word, rest } in &stage.instructions {
            // ADD fetches and unpacks, where COPY only copies.
            let known = ["CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "RUN", "USER", "WORKDIR"];
            assert!(known.contains(&word.as_str()), "{word} {rest}");
        }
    }
}

#[test]
fn the_labels_say_what_the_package_says() {
    let [_, last] = stages();
    let [labels] = last.all("LABEL").try_into().unwrap();
    for (label, value) in [
        ("title", package("name")),
        ("version", package("version")),
        ("licenses", package("license")),
        ("description", "Kubernetes admission webhook for ModelDeployment and Policy".into()),
    ] {
        let expected = format!("org.opencontainers.image.{label}=\"{value}\"");
        assert!(labels.contains(&expected), "{expected} is not in {labels}");
    }
    // What is built and what is deployed are the same version.
    assert!(read("deploy/base/kustomization.yaml").contains(&format!("newTag: {}\n", package("version"))));
    assert!(read("Dockerfile").contains(&format!("--tag {}:{} ", package("name"), package("version"))));
}

#[test]
fn nothing_but_sources_gets_near_the_builder() {
    let ignored = read(".dockerignore");
    let lines: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    // Everything is left out but what is named, so that a key in the tree stays out without anybody thinking of it.
    assert_eq!(lines, ["*", "!Cargo.toml", "!Cargo.lock", "!src"]);
}

/// The steps of the Dockerfile, carried out.
#[test]
fn what_the_steps_build_needs_no_file_beside_it_and_answers_from_an_empty_root() {
    let [build, last] = stages();
    let machine = Builder::new();
    machine.carry_out(&build);

    let program = machine.inside("/image/beamlit-operator");
    let bytes = fs::read(&program).unwrap();
    assert!(bytes.len() < 28 * 1024 * 1024, "{} bytes", bytes.len());
    assert!(!dockerfile::needs_a_loader(&bytes), "it is not static");
    let here = repository().to_str().unwrap().as_bytes();
    assert!(!bytes.windows(here.len()).any(|window| window == here), "it tells where it was built");

    let root = Root::new(&program);
    let user = last.all("USER")[0];
    let said = root.run(user, &["--version"]);
    assert_eq!(said, format!("beamlit-operator {}\n", package("version")));
    let said = root.run(user, &["crds", "--output-dir=/written"]);
    assert!(said.contains("Read-only file system"), "the root can be written: {said}");

    let mut served = Served::start(&root, user);
    assert!(served.ask("/readyz").starts_with("HTTP/1.1 200 "), "{}", served.ask("/readyz"));
    served.end_in_order();
}

/// Carries out the steps of a stage, with a folder in place of the container's root.
struct Builder {
    root: PathBuf,
}

impl Builder {
    /// What was built before is kept, as the layers of a builder are; what was copied and made is not.
    fn new() -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image");
        for stale in ["build/src", "build/tests", "build/benches", "image"] {
            _ = fs::remove_dir_all(root.join(stale));
        }
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    /// Where a path of the container lies.
    fn inside(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn carry_out(&self, stage: &Stage) {
        let cargo_home = std::env::var("CARGO_HOME")
            .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").expect("cargo has a home")));
        let mut environment: Vec<(String, String)> = Vec::new();
        let mut workdir = self.root.clone();
        for Instruction { word, rest } in &stage.instructions {
            match word.as_str() {
                "WORKDIR" => {
                    workdir = self.inside(rest);
                    fs::create_dir_all(&workdir).unwrap();
                }
                "COPY" => self.copy(rest, &workdir),
                "ENV" => environment.extend(dockerfile::assignments(rest).into_iter().map(|(name, value)| {
                    let value = value.replace("${CARGO_HOME}", &cargo_home);
                    (name, value.replace("/build", &self.inside("/build").display().to_string()))
                })),
                "RUN" => {
                    let script = rest.replace("/image/", &format!("{}/", self.inside("/image").display()));
                    let out = Command::new("/bin/sh")
                        .args(["-c", &script])
                        .current_dir(&workdir)
                        // What cargo tells the tests that it runs is not for the cargo that they run.
                        .env_clear()
                        .envs(
                            ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"]
                                .iter()
                                .filter_map(|name| std::env::var_os(name).map(|value| (*name, value))),
                        )
                        .envs(environment.iter().map(|(name, value)| (name, value)))
                        .stdin(Stdio::null())
                        .output()
                        .unwrap();
                    assert!(out.status.success(), "RUN {rest}\n{}", String::from_utf8_lossy(&out.stderr));
                }
                other => panic!("{other} has no meaning in this stage here"),
            }
        }
    }

    fn copy(&self, rest: &str, workdir: &Path) {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (to, from) = words.split_last().unwrap();
        // A folder's content is copied, not the folder; `cp SRC/. DST` does the same. Times are kept, as a builder keeps them:
        // this is why the steps have to see to it that what was built of the empty sources is not taken for built from these.
        for from in from {
            let source = repository().join(from);
            let (source, to) =
                if source.is_dir() { (source.join("."), workdir.join(to)) } else { (source, workdir.join(to)) };
            fs::create_dir_all(&to).unwrap();
            let status = Command::new("cp").arg("--archive").arg(source).arg(to).status().unwrap();
            assert!(status.success(), "COPY {rest}");
        }
    }
}

/// The file system of a container: the program, and what the kubelet would mount.
struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    fn new(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = "beamlit-operator-webhook.beamlit-system.svc";
        let made = rcgen::generate_simple_self_signed(vec![name.into()]).unwrap();
        fs::copy(program, folder.path().join("beamlit-operator")).unwrap();
        let mounted = folder.path().join("etc/beamlit-operator/tls");
        fs::create_dir_all(&mounted).unwrap();
        fs::write(mounted.join("tls.crt"), made.cert.pem()).unwrap();
        fs::write(mounted.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
        Self { folder }
    }

    /// The entry point in this root, which is mounted so that it cannot be written, as this user and with no capability.
    ///
    /// Two namespaces of users, one in the other: the outer one lets whoever runs the tests mount something, the inner one has
    /// no user but the one that is asked for. The process that is started becomes the program, so that signals reach it.
    fn command(&self, user: &str, arguments: &[&str]) -> Command {
        const CONTAIN: &str = r#"
            root=$1 user=$2 group=$3
            shift 3
            mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" &&
            exec unshare --map-user="$user" --map-group="$group" --root="$root" /beamlit-operator "$@"
        "#;
        let (user, group) = user.split_once(':').unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "/bin/sh", "-c", CONTAIN, "contain"])
            .arg(self.folder.path())
            .args([user, group])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What it prints, on either output.
    fn run(&self, user: &str, arguments: &[&str]) -> String {
        let out = self.command(user, arguments).output().unwrap();
        String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap()
    }
}

/// The operator in that root.
struct Served {
    child: Child,
    log: BufReader<ChildStderr>,
    health: String,
}

impl Served {
    /// Starts it and waits until it listens.
    fn start(root: &Root, user: &str) -> Self {
        let arguments = [
            "serve",
            "--standalone",
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
            "--shutdown-delay=0s",
            "--tls-cert=/etc/beamlit-operator/tls/tls.crt",
            "--tls-key=/etc/beamlit-operator/tls/tls.key",
        ];
        let mut child = root.command(user, &arguments).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut started = Self { child, log, health: String::new() };
        let mut said = String::new();
        while started.health.is_empty() {
            let before = said.len();
            // A program that ended says nothing more.
            assert!(started.log.read_line(&mut said).unwrap() > 0, "it does not start: {said}");
            let health = said[before..].split(' ').find_map(|word| word.trim().strip_prefix("health="));
            started.health = health.unwrap_or_default().to_owned();
        }
        started
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.health).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// As the kubelet ends it.
    fn end_in_order(&mut self) {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status().unwrap();
        assert!(kill.success());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        assert!(status.success(), "{status}: {rest}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
