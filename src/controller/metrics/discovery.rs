//! Which version of an API is served, and by which name it knows a kind: asked once, and again when that no longer fits.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::api::{Api, Path};
use super::failed::Failed;
use crate::offload::evaluate::Fault;

/// How long an answer stands that did not fit, so that a kind which nobody has does not cost a call in every sweep.
const AGAIN: Duration = Duration::from_mins(1);

/// How many groups are remembered: more than any cluster has, and bounded, for their names are in objects of users.
const GROUPS: usize = 1024;

/// What is known of the groups of APIs.
#[derive(Debug, Default)]
pub(super) struct Discovery(Mutex<HashMap<String, Group>>);

#[derive(Debug)]
struct Group {
    asked: Instant,
    /// The versions, the preferred one first; none if the group is not served.
    versions: Vec<String>,
    /// The plural name of each kind, if anybody asked.
    kinds: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    #[serde(default)]
    versions: Vec<Version>,
    #[serde(default)]
    preferred_version: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    kind: String,
}

impl Discovery {
    /// The first of these versions that the API server has of a group; none if it has none of them.
    pub(super) async fn version(
        &self,
        api: &Api,
        group: &str,
        readable: &[&'static str],
    ) -> Result<Option<&'static str>, Failed> {
        let mut groups = self.0.lock().await;
        let served = |group: &Group| {
            readable.iter().copied().find(|version| group.versions.iter().any(|served| served == version))
        };
        if let Some(known) = groups.get(group)
            && (served(known).is_some() || known.asked.elapsed() < AGAIN)
        {
            return Ok(served(known));
        }
        let found = look_up(api, group).await?;
        let version = served(&found);
        keep(&mut groups, group, found);
        Ok(version)
    }

    /// What was known of a group did not fit: it is asked for again, though not more than once a minute.
    pub(super) async fn doubt(&self, group: &str) {
        let mut groups = self.0.lock().await;
        if groups.get(group).is_some_and(|known| known.asked.elapsed() >= AGAIN) {
            groups.remove(group);
        }
    }

    /// The resource of a kind as the Metrics APIs name it: `services`, `ingresses.networking.k8s.io`.
    ///
    /// As for an HPA, the group decides and not the version.
    pub(super) async fn resource(&self, api: &Api, api_version: &str, kind: &str) -> Result<String, Failed> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let mut groups = self.0.lock().await;
        let plural = |known: &Group| known.kinds.as_ref().map(|kinds| kinds.get(kind).cloned());
        let mut known = groups.get(group).and_then(|known| match plural(known) {
            Some(Some(plural)) => Some(Some(plural)),
            Some(None) if known.asked.elapsed() < AGAIN => Some(None),
            _ => None,
        });
        if known.is_none() {
            let mut found = look_up(api, group).await?;
            found.kinds = Some(kinds(api, group, &found.versions).await?);
            known = plural(&found);
            keep(&mut groups, group, found);
        }
        let in_group = if group.is_empty() { String::new() } else { format!(" in {group}") };
        let unknown =
            || Failed::Answered(Fault::NotKnown(super::words::line(&format!("there is no kind {kind}{in_group}"))));
        let plural = known.flatten().ok_or_else(unknown)?;
        Ok(if group.is_empty() { plural } else { format!("{plural}.{group}") })
    }
}

fn keep(groups: &mut HashMap<String, Group>, group: &str, found: Group) {
    if groups.len() >= GROUPS {
        groups.clear();
    }
    groups.insert(group.to_owned(), found);
}

/// The versions of a group. That it is not served is an answer.
async fn look_up(api: &Api, group: &str) -> Result<Group, Failed> {
    let asked = Instant::now();
    if group.is_empty() {
        return Ok(Group { asked, versions: vec!["v1".to_owned()], kinds: None });
    }
    let versions = match api.get(&Path::of(&["apis", group])?).await {
        Ok(bytes) => {
            let ApiGroup { versions, preferred_version } = read(&bytes)?;
            let mut all: Vec<String> = preferred_version.into_iter().chain(versions).map(|it| it.version).collect();
            let mut seen = std::collections::BTreeSet::new();
            all.retain(|version| seen.insert(version.clone()));
            all
        }
        Err(Failed::Answered(Fault::NotKnown(_))) => Vec::new(),
        Err(failed) => return Err(failed),
    };
    Ok(Group { asked, versions, kinds: None })
}

/// The plural of each kind that some version of a group has, by the preferred one if it is in several.
async fn kinds(api: &Api, group: &str, versions: &[String]) -> Result<HashMap<String, String>, Failed> {
    let mut kinds = HashMap::new();
    for version in versions {
        let path = if group.is_empty() { Path::of(&["api", version])? } else { Path::of(&["apis", group, version])? };
        let Resources { resources } = match api.get(&path).await {
            Ok(bytes) => read(&bytes)?,
            Err(Failed::Answered(Fault::NotKnown(_))) => continue,
            Err(failed) => return Err(failed),
        };
        // Of kinds like Scale only subresources are listed, which are no objects of their own.
        for Resource { name, kind } in resources.into_iter().filter(|resource| !resource.name.contains('/')) {
            kinds.entry(kind).or_insert(name);
        }
    }
    Ok(kinds)
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Failed> {
    serde_json::from_slice(bytes).map_err(|_| Failed::Unreadable("what the API server serves".to_owned()))
}
