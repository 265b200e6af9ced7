//! What the policies leave: that it is not nothing, and that the remote backend stays within it.

use std::collections::BTreeSet;

use crate::api::RemoteBackend;
use crate::engine::configuration::DeclaredBackend;
use crate::engine::finding::rules::{PL010, PL011, RT014, RT015, RT016};
use crate::engine::finding::{At, Finding, Findings, quoted};
use crate::engine::parse::Node;
use crate::engine::policy::{Effective, Family, Flavor, Flavors, Limit, Place, Places, Verdict, lies_in, listed};
use crate::engine::subject::Surroundings;
use crate::engine::units::{Host, HostPort};
use crate::engine::world::{Lookup, RemotePolicy, World};

/// Judges what the policies of an object with this spec leave; `at` is the place of the spec.
pub(super) fn bounds(
    out: &mut Findings,
    at: &At<'_>,
    spec: &Node<'_>,
    effective: &Effective<'_>,
    surroundings: &Surroundings<'_>,
) {
    let bounds = Bounds::new(effective);
    bounds.contradictions(out, at);
    if let Some(offloading) = spec.get("offloadingConfig") {
        bounds.backend(out, at, offloading, surroundings);
    }
}

struct Bounds<'e, 'a> {
    /// Of the environment and of the object.
    places: [Limit<'a, BTreeSet<Place>>; 2],
    flavors: [Limit<'a, Flavors>; 2],
    /// Whether they leave nothing.
    no_place: bool,
    no_flavor: bool,
    effective: &'e Effective<'a>,
}

impl<'e, 'a> Bounds<'e, 'a> {
    fn new(effective: &'e Effective<'a>) -> Self {
        let (places, flavors) = (effective.places(), effective.flavors());
        let in_places = |place: &Place, sets: &[&BTreeSet<Place>]| {
            let site = effective.atlas.site(place);
            sets.iter().any(|set| lies_in(&site, set))
        };
        let no_place = left(&places, |set| set.iter(), in_places).is_some_and(|mut left| left.next().is_none());
        let no_flavor = left(&flavors, |set| set.iter(), is_among).is_some_and(|mut left| left.next().is_none());
        Self { places, flavors, no_place, no_flavor, effective }
    }

    /// Where traffic may go, if that is limited and known.
    fn allowed_places(&self) -> Option<Places> {
        let atlas = self.effective.atlas;
        let union = |limit: &Limit<'_, BTreeSet<Place>>| {
            let places = limit.only()?.iter().copied().flatten();
            Some(Places::new(places.cloned(), atlas))
        };
        match &self.places {
            [Limit::AtLeast(_), _] | [_, Limit::AtLeast(_)] => None,
            [environment, object] => match (union(environment), union(object)) {
                (Some(environment), Some(object)) => Some(environment.intersection(&object, atlas)),
                (environment, object) => environment.or(object),
            },
        }
    }

    /// On what hardware the model may run, if that is limited and known.
    fn allowed_flavors(&self) -> Option<Flavors> {
        self.flavors_left().map(|left| left.cloned().collect())
    }

    /// As [`Self::allowed_flavors`], one by one and perhaps more than once.
    fn flavors_left(&self) -> Option<impl Iterator<Item = &Flavor>> {
        left(&self.flavors, Flavors::iter, is_among)
    }

    fn contradictions(&self, out: &mut Findings, at: &At<'_>) {
        let (policies, environment) = (at.field("policies"), at.field("environment"));
        let nothing = |of: &str, told: String| {
            Finding::new(&PL010, &policies, format!("the policies leave nothing of {of}: {told}")).related(&environment)
        };
        if self.no_place {
            let finding = nothing("where traffic may go", self.effective.told_places());
            out.add(finding.maybe_hint(self.undeclared_locations()));
        }
        if self.no_flavor {
            out.add(nothing("the hardware", self.effective.told_flavors()));
        }
        let has = |family| self.flavors_left().is_some_and(|mut left| left.any(|flavor| flavor.family == family));
        if has(Family::Cpu) && has(Family::Gpu) {
            let message = format!(
                "the policies leave processors and accelerators ({}), and a model runs on either",
                listed(self.allowed_flavors().iter().flat_map(Flavors::iter))
            );
            let finding = Finding::new(&PL011, &policies, message).related(&environment);
            out.add(
                finding.hint("Beamlit picks a side; name policies that leave cpu or gpu alone to choose it yourself"),
            );
        }
    }

    /// What may be behind an intersection that came to nothing.
    fn undeclared_locations(&self) -> Option<String> {
        let places = self.places.iter().filter_map(Limit::only).flatten().copied().flatten();
        let mut unknown = places.filter_map(|place| match place {
            Place::Location(name) if !self.effective.atlas.knows(name) => Some(quoted(name)),
            _ => None,
        });
        let first = unknown.next()?;
        Some(format!(
            "where location {first} lies is not known; the operator's configuration can declare it in locations"
        ))
    }

    fn backend(&self, out: &mut Findings, at: &At<'_>, offloading: &Node<'_>, surroundings: &Surroundings<'_>) {
        let own = offloading.get("remoteBackend");
        let default = surroundings.configuration.default_remote_backend.as_ref();
        // Of a host that is none the backend's own rules speak.
        let (text, is_default) = match (own, default) {
            (Some(node), _) => match node.text_of("host") {
                Some(text) => (text, false),
                None => return,
            },
            (None, Some(RemoteBackend { host, .. })) => (host.as_str(), true),
            // Beamlit judges what is sent to Beamlit.
            (None, None) => return,
        };
        let Ok(HostPort { host, .. }) = HostPort::parse(text) else { return };
        if host == surroundings.configuration.beamlit_host {
            return;
        }
        let offloading_at = at.field("offloadingConfig");
        let backend_at = offloading_at.field("remoteBackend");
        let host_at = backend_at.field("host");
        let (policies, environment) = (at.field("policies"), at.field("environment"));
        let mut say = |rule, message: String, hint: Option<String>| {
            let message = if is_default { format!("the operator's default backend: {message}") } else { message };
            let finding = Finding::new(rule, &host_at, message).value(text).maybe_hint(hint);
            out.add(finding.related(&policies).related(&environment));
        };
        let declared = surroundings.configuration.declared(&host);
        let (place, hardware) = (self.place(declared), self.hardware(declared));
        let mut undeclared = Vec::new();
        for (judged, field) in [(&place, "its country, continent or location"), (&hardware, "its flavors")] {
            match judged {
                Judged::Outside(message) => say(&RT014, message.clone(), None),
                Judged::Undeclared => undeclared.push(field),
                Judged::Unknown | Judged::Moot | Judged::Inside => {}
            }
        }
        if !undeclared.is_empty() {
            let mut told = Vec::new();
            if matches!(place, Judged::Undeclared) {
                told.push(self.effective.told_places());
            }
            if matches!(hardware, Judged::Undeclared) {
                told.push(self.effective.told_flavors());
            }
            let hint = declaration(declared, &host, &undeclared);
            say(
                &RT015,
                format!("nobody has declared {}, and {}", undeclared.join(" and "), told.join("; ")),
                Some(hint),
            );
        }
        match (&place, &hardware) {
            (Judged::Outside(_) | Judged::Undeclared, _) | (_, Judged::Outside(_) | Judged::Undeclared) => {}
            (Judged::Unknown, Judged::Unknown) if self.one_cannot_allow_both(declared) => {
                let told = [self.effective.told_places(), self.effective.told_flavors()].join("; ");
                let message = "neither its place nor its hardware is allowed, and one policy whose content is not known cannot allow both";
                say(&RT014, format!("{message}: {told}"), None);
            }
            (Judged::Unknown, _) | (_, Judged::Unknown) => {
                // A local policy that is missing is a finding of its own.
                let remote: BTreeSet<&str> = self.effective.unknown_remote().collect();
                let policies = if remote.len() == 1 { "policy" } else { "policies" };
                if !remote.is_empty() {
                    let message = format!(
                        "whether it is allowed depends on remote {policies} {}, {}; nothing is sent there until then",
                        listed(remote.iter().map(|name| quoted(name))),
                        open(&remote, surroundings.world)
                    );
                    say(&RT016, message, None);
                }
            }
            _ => {}
        }
    }

    /// Whether known policies limit places as well as hardware, the backend is within neither, and just one policy of which nobody
    /// knows what it allows would have to allow both: a policy is of one type.
    fn one_cannot_allow_both(&self, declared: Option<&DeclaredBackend>) -> bool {
        let Some(declared) = declared else { return false };
        let site = declared.site.clone().completed(self.effective.atlas);
        // The environment and the object may have the same one.
        let one_in_all = self.effective.unknown_sources().len() == 1;
        let lacks_place = |places: &Limit<'_, BTreeSet<Place>>| {
            places.is_limited() && places.verdict(|places| lies_in(&site, places)) == Verdict::Unknown
        };
        let lacks_flavor = |flavors: &Limit<'_, Flavors>| {
            let mut each = declared.flavors.iter();
            flavors.is_limited()
                && each.any(|flavor| flavors.verdict(|allowed| allowed.contains(flavor)) == Verdict::Unknown)
        };
        if one_in_all {
            return self.places.iter().any(lacks_place) && self.flavors.iter().any(lacks_flavor);
        }
        let unknown = self.effective.unknown();
        let mut levels = self.places.iter().zip(&self.flavors).zip(unknown);
        levels.any(|((places, flavors), unknown)| unknown == 1 && lacks_place(places) && lacks_flavor(flavors))
    }

    fn place(&self, declared: Option<&DeclaredBackend>) -> Judged {
        let atlas = self.effective.atlas;
        let site = declared.map(|declared| declared.site.clone().completed(atlas)).unwrap_or_default();
        let inside = |limit: &Limit<'_, BTreeSet<Place>>| limit.verdict(|places| lies_in(&site, places));
        judged(&self.places, self.no_place, !site.is_unknown(), inside, || {
            let allowed = self.allowed_places().map(|places| listed(places.iter()));
            outside("is in", &listed(site.places()), allowed.as_deref(), &self.effective.told_places())
        })
    }

    fn hardware(&self, declared: Option<&DeclaredBackend>) -> Judged {
        let flavors: Flavors = declared.iter().flat_map(|declared| declared.flavors.iter().cloned()).collect();
        // Traffic may land on any of them: each must be allowed.
        let inside = |limit: &Limit<'_, Flavors>| match flavors.is_empty() {
            true => limit.verdict(|_| false),
            false => worst(flavors.iter().map(|flavor| limit.verdict(|allowed| allowed.contains(flavor)))),
        };
        judged(&self.flavors, self.no_flavor, !flavors.is_empty(), inside, || {
            let allowed = self.allowed_flavors().map(|flavors| listed(flavors.iter()));
            outside("runs on", &listed(flavors.iter()), allowed.as_deref(), &self.effective.told_flavors())
        })
    }
}

/// Judges a backend by the policies of one type, which leave `nothing` perhaps; whether it is `declared` what the backend is, and
/// whether that is `inside` of what one level allows.
fn judged<S>(
    levels: &[Limit<'_, S>],
    nothing: bool,
    declared: bool,
    inside: impl Fn(&Limit<'_, S>) -> Verdict,
    outside: impl FnOnce() -> String,
) -> Judged {
    if nothing {
        return Judged::Moot;
    }
    // What is declared nowhere is in no policy, whatever else there may be.
    if !declared && levels.iter().any(Limit::is_limited) {
        return Judged::Undeclared;
    }
    match worst(levels.iter().map(inside)) {
        Verdict::Inside => Judged::Inside,
        Verdict::Unknown => Judged::Unknown,
        Verdict::Outside => Judged::Outside(outside()),
    }
}

/// What came of judging a backend by one type of policies.
enum Judged {
    Inside,
    Unknown,
    Outside(String),
    /// The policies leave nothing, and that is the fault.
    Moot,
    /// It is limited, and nobody said what the backend is.
    Undeclared,
}

fn is_among(flavor: &Flavor, sets: &[&Flavors]) -> bool {
    sets.iter().any(|set| set.contains(flavor))
}

/// What two levels leave together, if something is limited and both are known: what either lists and is inside of the other. An
/// element may come more than once.
fn left<'s, S, T: 's, I: Iterator<Item = &'s T> + 's>(
    [a, b]: &'s [Limit<'_, S>; 2],
    items: fn(&'s S) -> I,
    inside: impl Fn(&T, &[&S]) -> bool + Copy + 's,
) -> Option<Box<dyn Iterator<Item = &'s T> + 's>> {
    let all = move |sets: &'s [&'s S]| sets.iter().flat_map(move |set| items(set));
    match (a, b) {
        (Limit::AtLeast(_), _) | (_, Limit::AtLeast(_)) | (Limit::Any, Limit::Any) => None,
        (Limit::Only(sets), Limit::Any) | (Limit::Any, Limit::Only(sets)) => Some(Box::new(all(sets))),
        (Limit::Only(a), Limit::Only(b)) => {
            let of_a = all(a).filter(move |item| inside(item, b));
            Some(Box::new(of_a.chain(all(b).filter(move |item| inside(item, a)))))
        }
    }
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.max().unwrap_or(Verdict::Inside)
}

/// `is in country us; allowed would be continent eu: policy "eu-only" allows continent eu`.
fn outside(is: &str, what: &str, allowed: Option<&str>, told: &str) -> String {
    match allowed {
        Some(allowed) => format!("{is} {what}; allowed would be {allowed}: {told}"),
        None => format!("{is} {what}: {told}"),
    }
}

/// Why nobody knows what policies on Beamlit allow, in one word for all of them if there is one.
fn open(remote: &BTreeSet<&str>, world: &World) -> &'static str {
    let all = |state: fn(Lookup<&RemotePolicy>) -> bool| remote.iter().all(|name| state(world.remote_policy(name)));
    if all(|it| it == Lookup::Missing) {
        "not on Beamlit yet"
    } else if all(|it| matches!(it, Lookup::Found(_))) {
        "of which nobody here can tell what it allows"
    } else {
        "not known yet"
    }
}

/// What the operator's configuration would have to say.
fn declaration(declared: Option<&DeclaredBackend>, host: &Host, fields: &[&str]) -> String {
    let pattern = declared.map_or_else(|| host.to_string(), |declared| declared.host.to_string());
    let fields = fields.join(" and ");
    format!("the operator's configuration must say {fields} in backends, under host {}", quoted(&pattern))
}

#[cfg(test)]
mod tests;
