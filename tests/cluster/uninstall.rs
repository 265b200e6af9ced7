//! Taking it all away again, with objects of people still there: in the order that the README gives, and in others.

use crate::harness::operator::NAMESPACE;
use crate::harness::{Kubectl, poll};
use crate::install::{Installation, folder};

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
        assert_eq!(self.installation.left(), ["namespace/team"]);
        let admin = self.installation.admin();
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
}

#[test]
fn in_the_order_of_the_readme_nothing_hangs_and_nothing_is_left() {
    let in_use = InUse::new();
    let admin = in_use.installation.anywhere();
    // The commands are those of the README, letter for letter.
    let readme = std::fs::read_to_string(folder("README.md")).unwrap();
    let section = readme.split("### Uninstall\n").nth(1).expect("README: Uninstall");
    let commands: Vec<&str> = section
        .split("```sh\n")
        .nth(1)
        .and_then(|block| block.split("```").next())
        .expect("README: the commands")
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim())
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let arguments = command.strip_prefix("kubectl ").unwrap();
        let arguments = ["webhook-config/", "deploy/"].iter().fold(arguments.to_owned(), |text, name| {
            text.replace(&format!("-k {name}"), &format!("-k {}", folder(name)))
        });
        admin.ok(&format!("{arguments} {PATIENCE}"));
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
