//! What the operator's configuration comes to: settings that are sound, in the form in which the judge asks for them.
//!
//! It is read and judged in [`super::manifest`], as every document is.

use url::Url;

use super::policy::{Atlas, Flavor, Site};
use super::units::{Host, HostMap, HostPattern};
use crate::api::RemoteBackend;

/// The operator's configuration. [`Configuration::default`] is what holds where nobody has configured anything.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The Beamlit workspace of the operator; none if its credentials imply it.
    pub workspace: Option<String>,
    /// The cluster's DNS domain in lower case, without the root dot.
    pub cluster_domain: String,
    /// Beamlit's own host, which Beamlit judges itself.
    pub beamlit_host: Host,
    /// The policies that every object of the environment `production` has.
    pub production: Vec<EnvironmentPolicy>,
    /// The policies that every object of the environment `development` has.
    pub development: Vec<EnvironmentPolicy>,
    /// Where locations lie.
    pub atlas: Atlas,
    /// The backends whose place is known.
    pub backends: HostMap<DeclaredBackend>,
    /// Hosts that are targets although they look like the cluster's own insides.
    pub allowed_hosts: HostMap<()>,
    /// Where traffic goes if an object names no backend; none means Beamlit.
    pub default_remote_backend: Option<RemoteBackend>,
    /// What becomes of an object that names a local policy which does not exist.
    pub missing_local_policy: Answer,
    /// What becomes of an object with a reference into another namespace that nobody granted.
    pub missing_grant: Answer,
    /// The Prometheus from which External metrics come; none if they come from external.metrics.k8s.io.
    pub prometheus: Option<Prometheus>,
    /// What holds every weight, if anything does.
    pub pause: Option<Pause>,
}

/// A Prometheus, or anything that answers as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prometheus {
    /// Where its API is, without `/api/v1`. No credentials are in it.
    pub url: Url,
    /// The file with the certificates that its own is trusted by, in PEM; those of the Web if there is none.
    pub ca_file: Option<String>,
    /// The file with a bearer token, read again and again.
    pub bearer_token_file: Option<String>,
}

/// A policy that an environment always has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EnvironmentPolicy {
    /// A Policy of this cluster.
    Local {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A policy on Beamlit, by its name.
    Remote(String),
}

/// A backend whose place and hardware somebody vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredBackend {
    /// The hosts that it stands for.
    pub host: HostPattern,
    /// Where it is.
    pub site: Site,
    /// On what it runs; empty if nobody said.
    pub flavors: Vec<Flavor>,
}

/// What to do about something that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Admit, and say so.
    Warn,
    /// Refuse.
    Refuse,
}

/// Why a host is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// Loopback, link-local and multicast addresses, metadata services, the API server.
    Inside,
    /// A Service, or a pod, of another namespace.
    OtherNamespace,
}

/// What holds every weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Weights stay where they are.
    Freeze,
    /// All traffic stays at home.
    Home,
}

/// Beamlit's own host, unless configuration names another.
pub const BEAMLIT_HOST: &str = "run.beamlit.com";

/// The cluster's DNS domain, unless configuration names another.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

impl FromIterator<DeclaredBackend> for HostMap<DeclaredBackend> {
    fn from_iter<I: IntoIterator<Item = DeclaredBackend>>(backends: I) -> Self {
        backends.into_iter().map(|backend| (backend.host.clone(), backend)).collect()
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            workspace: None,
            cluster_domain: CLUSTER_DOMAIN.to_owned(),
            beamlit_host: Host::Name(BEAMLIT_HOST.to_owned()),
            production: Vec::new(),
            development: Vec::new(),
            atlas: Atlas::default(),
            backends: HostMap::default(),
            allowed_hosts: HostMap::default(),
            default_remote_backend: None,
            missing_local_policy: Answer::Warn,
            missing_grant: Answer::Refuse,
            prometheus: None,
            pause: None,
        }
    }
}

impl Configuration {
    /// The policies that every object of this environment has; none if there is no such environment.
    #[must_use]
    pub fn policies_of(&self, environment: &str) -> &[EnvironmentPolicy] {
        match environment {
            "production" => &self.production,
            "development" => &self.development,
            _ => &[],
        }
    }

    /// The environments that always have this local policy.
    pub fn environments_with<'c>(
        &'c self,
        namespace: &'c str,
        name: &'c str,
    ) -> impl Iterator<Item = &'static str> + 'c {
        [("production", &self.production), ("development", &self.development)].into_iter().filter_map(
            move |(environment, policies)| {
                let is_it = |policy: &EnvironmentPolicy| match policy {
                    EnvironmentPolicy::Local { namespace: of, name: called } => of == namespace && called == name,
                    EnvironmentPolicy::Remote(_) => false,
                };
                policies.iter().any(is_it).then_some(environment)
            },
        )
    }

    /// What is declared of a host: the narrowest pattern that matches counts.
    #[must_use]
    pub fn declared(&self, host: &Host) -> Option<&DeclaredBackend> {
        self.backends.narrowest(host)
    }

    /// Whether a host is a target in spite of its guard. What is inside of the machine and the cluster must be named exactly: a
    /// wildcard would open more than anybody looked at.
    #[must_use]
    pub fn allows(&self, host: &Host, guarded: Guarded) -> bool {
        match guarded {
            Guarded::Inside => self.allowed_hosts.exactly(host).is_some(),
            Guarded::OtherNamespace => self.allowed_hosts.narrowest(host).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::units::HostPort;

    #[test]
    fn a_wildcard_opens_other_namespaces_and_nothing_inside() {
        let patterns = ["*.team-b.svc", "*.localhost", "127.0.0.1"].map(|text| (HostPattern::parse(text).unwrap(), ()));
        let configuration = Configuration { allowed_hosts: patterns.into_iter().collect(), ..Configuration::default() };
        for (host, inside, other) in [
            ("web.team-b.svc", false, true),
            ("a.localhost", false, true),
            ("127.0.0.1", true, true),
            ("127.0.0.2", false, false),
            ("team-b.svc", false, false),
        ] {
            let host = HostPort::parse(host).unwrap().host;
            assert_eq!(configuration.allows(&host, Guarded::Inside), inside, "{host}");
            assert_eq!(configuration.allows(&host, Guarded::OtherNamespace), other, "{host}");
        }
    }
}
