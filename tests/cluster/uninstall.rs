//! Taking it all away again, with objects of people still there: in the order that the README gives, and in others; with nobody there,
//! and with an operator that reconciles and holds what it is to clean up after.

use crate::beamlit::{flags, of_beamlit, wait_for};
use crate::harness::operator::{NAMESPACE, Operator};
use crate::harness::{Kubectl, poll};
use crate::install::{Installation, folder};
use crate::offloading::{says, wait_for_weight};
use crate::reconciler::serve;
use crate::rights::{have_it_asked, wait_for_both_to_trust};
use crate::stand_in::{Answer, Beamlit};

const MODEL: &str = include_str!("manifests/my-model.yaml");
const POLICY: &str = include_str!("manifests/my-policy.yaml");

/// How long kubectl may wait for anything: nothing here takes so long unless it would take for ever.
const PATIENCE: &str = "--timeout=60s";

/// An install with a ModelDeployment and a Policy in a namespace of people.
///
/// No operator answers, which is the hardest case: whatever the API server asks about is refused.
struct InUse {
    installation: Installation,
    team: Kubectl,
}

impl InUse {
    fn new() -> Self {
        let installation = Installation::none();
        let admin = installation.admin();
        admin.ok(&format!("apply -k {}", folder("crds")));
        admin.ok("wait --for=condition=Established --timeout=60s crd/modeldeployments.deployment.beamlit.com crd/policies.authorization.beamlit.com");
        let team = installation.team();
        poll("the resources to be served", || {
            let out = team.feed("apply -f -", &format!("{MODEL}\n---\n{POLICY}"));
            if out.succeeded() { Ok(()) } else { Err(out.to_string()) }
        })
        .unwrap();
        installation.apply("");
        poll("the API server to ask the operator, which is not there", || {
            let out = team.feed("create --dry-run=server -f -", &MODEL.replace("name: my-model", "name: other"));
            if out.stderr.contains("failed calling webhook") { Ok(()) } else { Err(out.to_string()) }
        })
        .unwrap();
        Self { installation, team }
    }

    /// A finalizer of somebody else, who is not there either.
    fn hold(&self) {
        self.team.ok(r#"patch mdep my-model --type=merge -p {"metadata":{"finalizers":["example.com/hold"]}}"#);
    }

    fn nothing_is_left(&self) {
        nothing_is_left(&self.installation);
    }
}

fn nothing_is_left(installation: &Installation) {
    poll("nothing to be left", || {
        let left = installation.left();
        if left == ["namespace/team"] { Ok(()) } else { Err(left.join(" ")) }
    })
    .unwrap();
    let admin = installation.admin();
    let served = admin.ok("api-resources --no-headers -o name");
    assert!(!served.contains("beamlit.com"), "{served}");
    // What was added to the roles of Kubernetes' own goes with what added it.
    for role in ["view", "edit", "admin"] {
        poll("the role to be as it was", || {
            let rules = admin.get(&format!("clusterrole {role}"))["rules"].to_string();
            if rules.contains("beamlit") { Err(rules) } else { Ok(()) }
        })
        .unwrap();
    }
    // And nobody is kept from anything.
    admin.ok(&format!("delete namespace team {PATIENCE}"));
}

/// The commands of a block under the README's heading, letter for letter but for comments and quotes, as arguments of kubectl.
fn commands(block: usize) -> Vec<String> {
    let readme = std::fs::read_to_string(folder("README.md")).unwrap();
    let section = readme.split("### Uninstall\n").nth(1).expect("README: Uninstall");
    let text = section
        .split("```sh\n")
        .nth(block + 1)
        .and_then(|block| block.split("```").next())
        .expect("README: the commands")
        .replace("\\\n", " ");
    let command = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default().trim().replace('\'', "");
        let arguments = line.strip_prefix("kubectl ").unwrap().to_owned();
        ["webhook-config/", "deploy/"]
            .iter()
            .fold(arguments, |text, name| text.replace(&format!("-k {name}"), &format!("-k {}", folder(name))))
    };
    text.lines().map(command).collect()
}

/// The README's blocks.
const IN_ORDER: usize = 0;
const ORPHAN: usize = 1;
const BY_HAND: usize = 2;

#[test]
fn in_the_order_of_the_readme_nothing_hangs_and_nothing_is_left() {
    let in_use = InUse::new();
    let admin = in_use.installation.anywhere();
    let commands = commands(IN_ORDER);
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        admin.ok(&format!("{command} {PATIENCE}"));
    }
    in_use.nothing_is_left();
}

#[test]
fn all_at_once_nothing_hangs_either() {
    let in_use = InUse::new();
    in_use.installation.anywhere().ok(&format!("delete -k {} {PATIENCE}", folder("deploy")));
    in_use.nothing_is_left();
}

#[test]
fn the_namespace_first_and_the_rest_can_still_be_taken_away() {
    let in_use = InUse::new();
    let admin = in_use.installation.admin();
    admin.ok(&format!("delete namespace {NAMESPACE} {PATIENCE}"));
    // No Service is left to reach, and `Fail` still stands: deleting does not ask.
    in_use.team.ok(&format!("delete mdep,bpol --all {PATIENCE}"));
    in_use.installation.anywhere().ok(&format!("delete --ignore-not-found -k {} {PATIENCE}", folder("deploy")));
    in_use.nothing_is_left();
}

#[test]
fn an_object_that_somebody_holds_keeps_its_definition_until_it_is_let_go() {
    let in_use = InUse::new();
    in_use.hold();
    let admin = in_use.installation.admin();
    in_use.installation.anywhere().ok(&format!("delete -k {} --wait=false", folder("deploy")));
    poll("everything else to go", || {
        let left = in_use.installation.left();
        let held =
            ["customresourcedefinition.apiextensions.k8s.io/modeldeployments.deployment.beamlit.com", "namespace/team"];
        if left == held { Ok(()) } else { Err(left.join(" ")) }
    })
    .unwrap();
    // As the README says: see who holds it, and if nobody is there any more, take the finalizer off.
    let found = in_use.team.ok("get modeldeployments -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,HELD:.metadata.finalizers --no-headers");
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["team", "my-model", "[example.com/hold]"]);
    in_use.team.ok(r#"patch modeldeployment my-model --type=merge -p {"metadata":{"finalizers":null}}"#);
    admin.ok(&format!("wait --for=delete crd/modeldeployments.deployment.beamlit.com {PATIENCE}"));
    in_use.nothing_is_left();
}

#[test]
fn a_held_object_can_be_let_go_while_the_api_server_still_asks_and_nobody_answers() {
    let in_use = InUse::new();
    in_use.hold();
    in_use.team.ok("delete mdep my-model --wait=false");
    in_use.team.ok(r#"patch mdep my-model --type=merge -p {"metadata":{"finalizers":null}}"#);
    in_use.team.ok(&format!("wait --for=delete mdep/my-model {PATIENCE}"));
    in_use.installation.anywhere().ok(&format!("delete -k {} {PATIENCE}", folder("deploy")));
    in_use.nothing_is_left();
}

/// An operator that reconciles, as it is shipped but for the pod around it, with a ModelDeployment and a Policy that it holds by its
/// finalizer: a Service is routed, and both are on Beamlit.
///
/// The fields are dropped in this order: the operator before what is installed.
struct Reconciled {
    operator: Option<Operator>,
    beamlit: Beamlit,
    team: Kubectl,
    installation: Installation,
}

const HELD: [&str; 2] = ["mdep model", "policy.authorization.beamlit.com my-policy"];

impl Reconciled {
    fn new() -> Self {
        let installation = Installation::shipped();
        let beamlit = Beamlit::start();
        beamlit.store(|store| store.deploys_at_once = true);
        let operator = start(&installation, &flags(installation.plane(), &beamlit));
        wait_for_both_to_trust(&installation);
        have_it_asked(&installation, &operator);
        let team = installation.team();
        serve(&team, "model");
        team.ok("annotate service model example.com/team=mine");
        team.apply(POLICY);
        team.apply(&of_beamlit("model").to_string());
        for object in HELD {
            wait_for(&team, object, "Synced", "Synced");
            let held = team.get(object)["metadata"]["finalizers"].clone();
            assert_eq!(held, serde_json::json!(["deployment.beamlit.com/offload"]), "{object}");
        }
        wait_for_weight(&team, "model", 0, "AtHome");
        Self { operator: Some(operator), beamlit, team, installation }
    }

    /// Whether the model and the policy are on Beamlit.
    fn on_beamlit(&self) -> (bool, bool) {
        self.beamlit.store(|store| (store.model("production", "model").is_some(), store.policy("my-policy").is_some()))
    }

    /// The Service says nothing of ours, and what it said of others'.
    #[track_caller]
    fn service_is_as_it_was(&self) {
        assert_eq!(says(&self.team, "model"), [None, None, None, None]);
        assert_eq!(self.team.get("service model")["metadata"]["annotations"]["example.com/team"], "mine");
    }

    /// The README's commands from this one on.
    fn run(&self, block: usize, from: usize) {
        for command in commands(block).iter().skip(from) {
            // Only deletions wait.
            let patience = if command.starts_with("delete") { PATIENCE } else { "" };
            self.installation.anywhere().ok(&format!("{command} {patience}"));
        }
    }
}

fn start(installation: &Installation, flags: &[String]) -> Operator {
    let account = installation.plane().service_account(NAMESPACE, "beamlit-operator");
    let mut all = vec!["--reconcile=true", "--decision-interval=1s"];
    all.extend(flags.iter().map(String::as_str));
    Operator::self_managed(installation.plane(), "operator", account.kubeconfig(), &all).unwrap()
}

#[test]
fn while_it_reconciles_the_order_of_the_readme_leaves_nothing_on_services_and_on_beamlit() {
    let reconciled = Reconciled::new();
    reconciled.run(IN_ORDER, 0);
    reconciled.service_is_as_it_was();
    assert_eq!(reconciled.on_beamlit(), (false, false));
    nothing_is_left(&reconciled.installation);
}

#[test]
fn with_beamlit_down_it_goes_on_once_it_is_told_to_leave_everything_there() {
    let reconciled = Reconciled::new();
    let Reconciled { beamlit, team, installation, .. } = &reconciled;
    beamlit.down(Some(Answer::error(503, "away")));
    // The wrong order: it is told only when it waits already.
    let [delete, ..] = &commands(IN_ORDER)[..] else { panic!("README: no commands") };
    installation.anywhere().ok(&format!("{delete} --wait=false"));
    poll("an event to say what is waited for", || {
        let events = team.ok("get events");
        if events.contains("waiting for Beamlit before it can go") { Ok(()) } else { Err(events) }
    })
    .unwrap();
    for object in HELD {
        assert!(team.run(&format!("get {object}")).succeeded(), "{object} did not wait");
    }
    reconciled.run(ORPHAN, 0);
    reconciled.run(IN_ORDER, 0);
    reconciled.service_is_as_it_was();
    assert_eq!(reconciled.on_beamlit(), (true, true));
    nothing_is_left(installation);
}

#[test]
fn with_beamlit_down_it_goes_on_once_it_has_no_credentials_any_more() {
    let mut reconciled = Reconciled::new();
    reconciled.beamlit.down(Some(Answer::error(503, "away")));
    let [delete, ..] = &commands(IN_ORDER)[..] else { panic!("README: no commands") };
    reconciled.installation.anywhere().ok(&format!("{delete} --wait=false"));
    reconciled.operator.take().unwrap().end();
    let operator = start(&reconciled.installation, &[]);
    reconciled.operator = Some(operator);
    for object in HELD {
        reconciled.team.ok(&format!("wait --for=delete {} {PATIENCE}", object.replace(' ', "/")));
    }
    reconciled.run(IN_ORDER, 1);
    reconciled.service_is_as_it_was();
    assert_eq!(reconciled.on_beamlit(), (true, true));
    nothing_is_left(&reconciled.installation);
}

#[test]
fn without_the_operator_its_objects_are_let_go_and_services_are_cleaned_by_hand() {
    let mut reconciled = Reconciled::new();
    reconciled.operator.take().unwrap().end();
    let Reconciled { team, installation, .. } = &reconciled;
    installation.anywhere().ok(&format!("delete -k {} --wait=false", folder("deploy")));
    let held = ["modeldeployments.deployment", "policies.authorization"]
        .map(|name| format!("customresourcedefinition.apiextensions.k8s.io/{name}.beamlit.com"));
    poll("everything else to go", || {
        let left = installation.left();
        if left == [&held[0], &held[1], "namespace/team"] { Ok(()) } else { Err(left.join(" ")) }
    })
    .unwrap();
    // Nobody took them off: the data plane goes by the last weight.
    assert_eq!(says(team, "model")[2].as_deref(), Some("0"));
    let [look, model, policy, clean] = &commands(BY_HAND)[..] else { panic!("README: not four commands") };
    let found = installation.anywhere().ok(look);
    assert_eq!(found.matches("[deployment.beamlit.com/offload]").count(), 2, "{found}");
    for (command, name) in [(model, "model"), (policy, "my-policy")] {
        installation.anywhere().ok(&command.replace("NAMESPACE", "team").replace("NAME", name));
    }
    installation.anywhere().ok(clean);
    reconciled.service_is_as_it_was();
    assert_eq!(reconciled.on_beamlit(), (true, true));
    nothing_is_left(installation);
}
