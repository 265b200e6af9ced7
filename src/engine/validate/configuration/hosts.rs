//! Hosts and patterns of hosts: their form, how much they match, and what they would open.

use std::collections::HashMap;

use crate::engine::configuration::Guarded;
use crate::engine::finding::rules::{CF001, CF002, CF003, CF017, CF018, CF019, RT002};
use crate::engine::finding::{At, Finding, Findings, without_secrets};
use crate::engine::parse::Node;
use crate::engine::subject::Surroundings;
use crate::engine::units::{Host, HostFault, HostMap, HostPattern};
use crate::engine::validate::remote::guard;

/// Judges a pattern, and gives it if it is one. Of what is no text, or empty, the structure has spoken.
pub(super) fn pattern(out: &mut Findings, at: &At<'_>, node: Option<&Node<'_>>) -> Option<HostPattern> {
    let text = node?.text().filter(|text| !text.is_empty())?;
    match HostPattern::parse(text) {
        Err(HostFault { message, hint }) => {
            out.add(Finding::new(&CF001, at, message).value(&without_secrets(text)).maybe_hint(hint));
            None
        }
        Ok(pattern) => {
            if matches!(&pattern, HostPattern::Below(domain) if !domain.contains('.')) {
                let message = "matches every host of a top-level domain";
                out.add(Finding::new(&CF002, at, message).value(text).hint("name the domain that is meant"));
            }
            Some(pattern)
        }
    }
}

/// The patterns that are sound.
pub(super) fn patterns(items: &[Node<'_>]) -> HostMap<()> {
    items.iter().filter_map(|item| Some((HostPattern::parse(item.text()?).ok()?, ()))).collect()
}

/// Judges `beamlitHost`; `at` is its place.
pub(super) fn beamlit(out: &mut Findings, at: &At<'_>, document: &Node<'_>, surroundings: &Surroundings<'_>) {
    let Some(text) = document.text_of("beamlitHost").filter(|text| !text.is_empty()) else { return };
    let fault = match HostPattern::parse(text) {
        // Whatever names no backend goes there.
        Ok(HostPattern::Exact(host)) => match guard::forbidden(&host, surroundings) {
            Some(why) => Finding::new(&RT002, at, why),
            None => return,
        },
        Ok(HostPattern::Below(_)) => Finding::new(&CF017, at, "must be one host, without a wildcard"),
        Err(HostFault { message, hint }) => Finding::new(&CF017, at, message).maybe_hint(hint),
    };
    out.add(fault.value(&without_secrets(text)));
}

/// Judges `allowedHosts`; `at` is its place.
pub(super) fn allowed(out: &mut Findings, at: &At<'_>, items: &[Node<'_>], surroundings: &Surroundings<'_>) {
    let mut seen: HashMap<HostPattern, usize> = HashMap::with_capacity(items.len());
    for (entry, item) in items.iter().enumerate() {
        let place = at.index(entry);
        let Some(pattern) = pattern(out, &place, Some(item)) else { continue };
        let text = item.text().unwrap_or_default();
        opens(out, &place, text, &pattern, surroundings);
        once(out, at, &place, text, *seen.entry(pattern).or_insert(entry), entry);
    }
}

/// Reports an entry of the list at `list` whose pattern stands in an earlier one already, which is `first`.
pub(super) fn once(out: &mut Findings, list: &At<'_>, at: &At<'_>, text: &str, first: usize, entry: usize) {
    if first != entry {
        let first = list.index(first);
        let message = format!("already declared at {}", first.path());
        out.add(Finding::new(&CF003, at, message).value(text).related(&first));
    }
}

/// What an entry opens that is guarded for a reason, and what it does not open although it seems to.
fn opens(out: &mut Findings, at: &At<'_>, text: &str, pattern: &HostPattern, surroundings: &Surroundings<'_>) {
    match pattern {
        HostPattern::Exact(host) => {
            if let Some((Guarded::Inside, why)) = guard::guard(host, surroundings) {
                let why =
                    why.replace(" is never a remote backend", ": whoever may write a ModelDeployment reaches it now");
                out.add(Finding::new(&CF018, at, why).value(text));
            }
        }
        HostPattern::Below(domain) => {
            if matches!(guard::guard(&Host::Name(format!("x.{domain}")), surroundings), Some((Guarded::Inside, _))) {
                let message = "allows nothing: a wildcard lifts the guard on other namespaces only";
                out.add(Finding::new(&CF019, at, message).value(text).hint("name the host exactly"));
            } else if holds_every_namespace(domain, &surroundings.configuration.cluster_domain) {
                let message = "the Services of all namespaces: every team may send traffic to every other's";
                out.add(Finding::new(&CF018, at, message).value(text).hint("name the namespace, as in *.team-a.svc"));
            }
        }
    }
}

/// Whether the Services or pods of every namespace are below the domain.
fn holds_every_namespace(domain: &str, cluster_domain: &str) -> bool {
    let ends = |name: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    ["svc", "pod"].into_iter().any(|kind| ends(kind) || ends(&format!("{kind}.{cluster_domain}")))
}
