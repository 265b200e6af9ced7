//! What a configuration that is sound comes to: every text becomes the value that it stands for.
//!
//! Every text was judged before. One that would not parse all the same is passed over rather than guessed at.

use crate::api::{
    BackendEntry, EnvironmentEntry, EnvironmentPolicyRef, Environments, FlavorType, LocationEntry, OnMissing,
    OperatorConfiguration, PauseOfAll, PolicyFlavor, PrometheusEntry,
};
use crate::engine::configuration::{Answer, Configuration, DeclaredBackend, EnvironmentPolicy, Pause, Prometheus};
use crate::engine::policy::{Atlas, Family, Flavor, Site};
use crate::engine::units::{Continent, CountryCode, HostPattern, names};
use crate::engine::validate;

pub(super) fn configuration(written: &OperatorConfiguration, cluster_domain: Option<&str>) -> Configuration {
    let OperatorConfiguration {
        api_version: _,
        kind: _,
        workspace,
        cluster_domain: written_domain,
        beamlit_host,
        environments,
        locations,
        backends,
        allowed_hosts,
        default_remote_backend,
        missing_local_policy,
        missing_grant,
        prometheus,
        pause,
    } = written;
    let default = Configuration::default();
    let Environments { production, development } = environments.clone().unwrap_or_default();
    let written_domain = written_domain.as_deref().and_then(|text| names::dns_domain(text).ok());
    let mut atlas = Atlas::default();
    for LocationEntry { name, country, continent } in locations.iter().flatten() {
        let (country, continent) = place(country.as_deref(), continent.as_deref());
        atlas.declare(name, country, continent);
    }
    let backends = backends.iter().flatten().filter_map(|entry| backend(entry, &atlas)).collect();
    Configuration {
        workspace: workspace.clone(),
        cluster_domain: cluster_domain.map(str::to_owned).or(written_domain).unwrap_or(default.cluster_domain),
        beamlit_host: match beamlit_host.as_deref().map(HostPattern::parse) {
            Some(Ok(HostPattern::Exact(host))) => host,
            _ => default.beamlit_host,
        },
        production: policies(production),
        development: policies(development),
        backends,
        atlas,
        allowed_hosts: allowed_hosts
            .iter()
            .flatten()
            .filter_map(|text| Some((HostPattern::parse(text).ok()?, ())))
            .collect(),
        default_remote_backend: default_remote_backend.clone(),
        missing_local_policy: missing_local_policy.map_or(default.missing_local_policy, answer),
        missing_grant: missing_grant.map_or(default.missing_grant, answer),
        prometheus: prometheus.as_ref().and_then(|PrometheusEntry { url, ca_file, bearer_token_file }| {
            let url = validate::configuration::prometheus::url(url).ok()?;
            Some(Prometheus { url, ca_file: ca_file.clone(), bearer_token_file: bearer_token_file.clone() })
        }),
        pause: pause.map(|pause| match pause {
            PauseOfAll::Freeze => Pause::Freeze,
            PauseOfAll::Home => Pause::Home,
        }),
    }
}

fn policies(environment: Option<EnvironmentEntry>) -> Vec<EnvironmentPolicy> {
    let EnvironmentEntry { policies } = environment.unwrap_or_default();
    policies
        .into_iter()
        .flatten()
        .map(|EnvironmentPolicyRef { ref_type, name, namespace }| match (ref_type.as_deref(), namespace) {
            (Some("localPolicy"), Some(namespace)) => EnvironmentPolicy::Local { namespace, name },
            _ => EnvironmentPolicy::Remote(name),
        })
        .collect()
}

fn place(country: Option<&str>, continent: Option<&str>) -> (Option<CountryCode>, Option<Continent>) {
    (country.and_then(CountryCode::parse), continent.and_then(Continent::parse))
}

fn backend(entry: &BackendEntry, atlas: &Atlas) -> Option<(HostPattern, DeclaredBackend)> {
    let BackendEntry { host, country, continent, location, flavors } = entry;
    let host = HostPattern::parse(host).ok()?;
    let (country, continent) = place(country.as_deref(), continent.as_deref());
    let site = Site { location: location.clone(), country, continent }.completed(atlas);
    let flavors = flavors.iter().flatten().map(|PolicyFlavor { type_, name }| Flavor {
        family: match type_ {
            FlavorType::Cpu => Family::Cpu,
            FlavorType::Gpu => Family::Gpu,
        },
        name: name.clone(),
    });
    Some((host.clone(), DeclaredBackend { host, site, flavors: flavors.collect() }))
}

fn answer(written: OnMissing) -> Answer {
    match written {
        OnMissing::Warn => Answer::Warn,
        OnMissing::Refuse => Answer::Refuse,
    }
}
