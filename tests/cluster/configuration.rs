//! The operator's configuration in the cluster: what it changes, and what becomes of a change to its file while the operator runs.

use std::path::PathBuf;

use serde_json::json;

use crate::apart;
use crate::harness::{Gate, poll};
use crate::teams::{Team, admitted, locations, refused, warned};

/// A configuration with these fields.
pub(crate) fn configuration(fields: &str) -> String {
    format!("apiVersion: config.beamlit.com/v1alpha1\nkind: OperatorConfiguration\n{fields}")
}

/// The file as a kubelet has it in a mounted ConfigMap: a link to a link, which is what changes.
pub(crate) struct Mounted {
    folder: PathBuf,
    version: std::cell::Cell<u32>,
}

impl Mounted {
    pub(crate) fn new(folder: PathBuf, content: &str) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let mounted = Self { folder, version: std::cell::Cell::new(0) };
        mounted.write(content);
        std::os::unix::fs::symlink("..data/operator-configuration.yaml", mounted.file()).unwrap();
        mounted
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("operator-configuration.yaml")
    }

    pub(crate) fn write(&self, content: &str) {
        self.version.set(self.version.get() + 1);
        let version = format!("..{}", self.version.get());
        let folder = self.folder.join(&version);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("operator-configuration.yaml"), content).unwrap();
        let next = self.folder.join("..data_tmp");
        std::os::unix::fs::symlink(version, &next).unwrap();
        std::fs::rename(next, self.folder.join("..data")).unwrap();
    }
}

#[test]
fn a_change_of_the_configuration_is_taken_over_and_a_broken_one_is_kept_out() {
    let plane = apart();
    let mounted = Mounted::new(plane.folder().path().join("configuration"), &configuration(""));
    let gate = Gate::reconfigured(&plane, &mounted.file()).unwrap();
    let (team, other) = (Team::new(&plane, "configured"), Team::new(&plane, "configured-too"));
    other.apply(&locations("theirs", &[("continent", "eu")]));
    let missing = team.bounded("missing", &["not-there"], None);
    let mut ungranted = team.model("ungranted");
    ungranted["spec"]["policies"] =
        json!([{"refType": "localPolicy", "name": "theirs", "namespace": "configured-too"}]);

    // By default what may still come is warned about, and what nobody granted is refused.
    warned("RF006", &["\"not-there\""])(&team.tried(&missing)).unwrap();
    refused("RF003", &["spec.policies[0].namespace"])(&team.tried(&ungranted)).unwrap();
    // The other way round, without a restart.
    mounted.write(&configuration("missingLocalPolicy: refuse\nmissingGrant: warn\n"));
    team.soon(&missing, refused("RF006", &["spec.policies[0].name", "\"not-there\""]));
    warned("RF003", &["ReferenceGrant"])(&team.tried(&ungranted)).unwrap();

    // A broken one changes nothing, and is told for as long as it stands.
    mounted.write(&configuration("missingLocalPolicy: refuse\nmissingGrants: warn\n"));
    let told = poll("the fault to be told", || match gate.operator().ask("/readyz")? {
        (200, body) if body.contains("warning: ") => Ok(body),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    assert!(told.contains("missingGrants") && told.contains("the last good one"), "{told}");
    assert_eq!(gate.operator().metric("configuration_fault"), Ok(1.0));
    refused("RF006", &["\"not-there\""])(&team.tried(&missing)).unwrap();
    warned("RF003", &["ReferenceGrant"])(&team.tried(&ungranted)).unwrap();
    // Mended, by one that changes something too.
    mounted.write(&configuration("missingGrant: warn\n"));
    team.soon(&missing, warned("RF006", &["\"not-there\""]));
    poll("the fault to be taken back", || match gate.operator().ask("/readyz")? {
        (200, body) if body == "ok\n" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
    assert_eq!(gate.operator().metric("configuration_fault"), Ok(0.0));

    // An environment whose policy nobody has admits nothing, and says whose fault that is; the other environment does.
    let environment = "
environments:
  production:
    policies: [{refType: localPolicy, namespace: configured-too, name: production}]
";
    mounted.write(&configuration(environment));
    let plain = team.model("plain");
    team.soon(
        &plain,
        refused("PL012", &["spec.environment", "configured-too/production", "the operator's configuration"]),
    );
    let mut development = plain.clone();
    development["spec"]["environment"] = "development".into();
    admitted(&team.tried(&development)).unwrap();
    // It needs no grant: whoever configured it has decided.
    other.apply(&locations("production", &[("continent", "eu")]));
    team.soon(&plain, admitted);
    // Others count what is on this control plane.
    plane.admin().ok("delete namespace configured configured-too --timeout=60s");
}
