//! Tests of the rotation over years, in which no time passes.

use proptest::prelude::*;

use super::*;
use crate::gate::tls::pair::{Source, certificates};
use crate::gate::tls::provider;

const NAME: &str = "hook.ns.svc";
const DAY: Duration = Duration::DAY;

fn rules() -> Rules {
    Rules {
        place: "Secret ns/tls".into(),
        name: NAME.try_into().unwrap(),
        names: vec![NAME.into(), format!("{NAME}.cluster.local")],
        leaf_lifetime: DAY * 30,
        authority_lifetime: DAY * 365,
        provider: provider(),
    }
}

fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

/// The content that is written, and why.
fn written(decision: Decision) -> (Stored, Why) {
    match decision {
        Decision::Write { content, why } => (content, why),
        Decision::Keep { until, .. } => panic!("nothing is written until {until}"),
    }
}

fn kept(decision: Decision) -> (Pair, OffsetDateTime) {
    match decision {
        Decision::Keep { pair, until, .. } => (pair, until),
        Decision::Write { why, .. } => panic!("{why}"),
    }
}

fn first() -> Stored {
    let (content, why) = written(rules().decide(None, None, false, start()).unwrap());
    assert_eq!(why, Why::Missing);
    content
}

fn count(content: &Stored) -> usize {
    certificates(Source { place: "", pem: content.authorities.as_bytes() }).unwrap().len()
}

/// Whether somebody who trusts only the bundle of `trusting` takes the leaf of `showing`.
fn takes(trusting: &Stored, showing: &Stored, now: OffsetDateTime) -> bool {
    let both = Stored { authorities: trusting.authorities.clone(), ..showing.clone() };
    rules().understand(&both, now).pair.is_ok()
}

#[test]
fn what_was_written_is_kept_until_two_thirds_of_the_life_of_the_leaf() {
    let content = first();
    let (pair, until) = kept(rules().decide(Some(&content), None, false, start()).unwrap());
    assert_eq!(pair.not_after, start() + DAY * 30);
    let two_thirds = start() - Duration::HOUR + (DAY * 30 + Duration::HOUR) * 2 / 3;
    assert_eq!(until, two_thirds);
    kept(rules().decide(Some(&content), None, true, until - Duration::SECOND).unwrap());
    let (renewed, why) = written(rules().decide(Some(&content), None, false, until).unwrap());
    assert_eq!(why, Why::LeafDue);
    assert_eq!((&renewed.authorities, &renewed.authority_key), (&content.authorities, &content.authority_key));
    assert_ne!((&renewed.leaf, &renewed.leaf_key), (&content.leaf, &content.leaf_key));
}

#[test]
fn a_new_authority_is_announced_before_it_signs_and_the_old_one_stays_until_it_ends() {
    // The leaf is young, so that it is the authority's turn.
    let due = start() + DAY * 250;
    let (content, _) = written(rules().decide(Some(&first()), None, false, due - DAY * 10).unwrap());
    let (announced, why) = written(rules().decide(Some(&content), None, true, due).unwrap());
    assert_eq!(why, Why::AuthorityDue);
    assert_eq!(count(&announced), 2);
    assert_eq!((&announced.leaf, &announced.authority_key), (&content.leaf, &content.authority_key));

    // As long as nobody can be sure that it is trusted, it does not sign, and nothing is announced twice.
    kept(rules().decide(Some(&announced), None, false, due).unwrap());
    let (promoted, why) = written(rules().decide(Some(&announced), None, true, due).unwrap());
    assert_eq!(why, Why::Announced);
    assert_eq!(count(&promoted), 2);
    assert_eq!((&promoted.authority_key, promoted.next_key.as_str()), (&announced.next_key, ""));
    kept(rules().decide(Some(&promoted), None, true, due).unwrap());

    // Whoever is behind is trusted, and trusts.
    for (trusting, showing) in
        [(&announced, &content), (&announced, &promoted), (&promoted, &content), (&promoted, &promoted)]
    {
        assert!(takes(trusting, showing, due));
    }
    assert!(!takes(&content, &promoted, due), "what was not announced is not trusted");

    // The old authority goes when its own time is over, and with it every leaf that it ever signed.
    let end = start() + DAY * 365 + Duration::SECOND;
    let mut content = promoted;
    let mut now = due;
    while now <= end {
        match rules().decide(Some(&content), None, true, now).unwrap() {
            Decision::Write { content: next, .. } => content = next,
            Decision::Keep { until, .. } => now = until,
        }
    }
    assert_eq!(count(&content), 1);
}

#[test]
fn an_authority_that_could_not_be_announced_signs_when_there_is_no_other() {
    let due = start() + DAY * 250;
    let (announced, _) = written(rules().decide(Some(&first()), None, false, due).unwrap());
    let announced = match rules().decide(Some(&announced), None, false, due).unwrap() {
        Decision::Write { content, .. } => content,
        Decision::Keep { .. } => announced,
    };
    let late = start() + DAY * 366;
    let (promoted, why) = written(rules().decide(Some(&announced), None, false, late).unwrap());
    assert_eq!(why, Why::Announced);
    kept(rules().decide(Some(&promoted), None, false, late).unwrap());
}

#[test]
fn what_somebody_damaged_is_put_back_by_who_remembers_and_made_anew_by_who_does_not() {
    let good = first();
    let empty = Stored::default();
    let cut = |text: &str| text[..text.len() / 2].to_owned();
    let damaged = [
        empty.clone(),
        Stored { authority_key: String::new(), ..good.clone() },
        Stored { authority_key: cut(&good.authority_key), ..good.clone() },
        Stored { authority_key: good.leaf_key.clone(), ..good.clone() },
        Stored { authorities: String::new(), ..good.clone() },
        Stored { authorities: good.leaf.clone(), ..good.clone() },
    ];
    for content in &damaged {
        let (restored, why) = written(rules().decide(Some(content), Some(&good), false, start()).unwrap());
        assert!(matches!(why, Why::Restored(_)), "{why}");
        assert!(restored == good);
        let (made, why) = written(rules().decide(Some(content), None, false, start()).unwrap());
        assert!(matches!(why, Why::Authority(_)), "{why}");
        kept(rules().decide(Some(&made), None, false, start()).unwrap());
        assert!(!why.to_string().contains("-----"), "{why}");
    }
    let (restored, _) = written(rules().decide(None, Some(&good), false, start()).unwrap());
    assert!(restored == good);
    // What is remembered is of no use either when its time is over.
    let (_, why) = written(rules().decide(Some(&empty), Some(&good), false, start() + DAY * 400).unwrap());
    assert_eq!(why, Why::Authority("ca.crt in Secret ns/tls: is empty, and should hold a certificate".into()));

    for content in [
        Stored { leaf: String::new(), ..good.clone() },
        Stored { leaf_key: cut(&good.leaf_key), ..good.clone() },
        Stored { leaf_key: good.authority_key.clone(), ..good.clone() },
        Stored { leaf: first().leaf, leaf_key: String::new(), ..good.clone() },
    ] {
        let (made, why) = written(rules().decide(Some(&content), Some(&good), false, start()).unwrap());
        assert!(matches!(why, Why::Leaf(_)), "{why}");
        assert_eq!(made.authority_key, good.authority_key);
        kept(rules().decide(Some(&made), None, false, start()).unwrap());
    }
}

#[test]
fn a_leaf_of_another_authority_or_for_another_name_is_no_leaf() {
    let (good, other) = (first(), first());
    let foreign = Stored { leaf: other.leaf, leaf_key: other.leaf_key, ..good.clone() };
    let (_, why) = written(rules().decide(Some(&foreign), None, false, start()).unwrap());
    assert_eq!(
        why.to_string(),
        "a new certificate: tls.crt in Secret ns/tls: the certificate is signed by none of the authorities in ca.crt"
    );
    let renamed = Rules { name: "other.ns.svc".try_into().unwrap(), names: vec!["other.ns.svc".into()], ..rules() };
    let (content, why) = written(renamed.decide(Some(&good), None, false, start()).unwrap());
    assert!(why.to_string().contains("is not for other.ns.svc"), "{why}");
    assert_eq!(content.authorities, good.authorities, "nobody has to learn anything");
    kept(renamed.decide(Some(&content), None, false, start()).unwrap());
}

#[test]
fn with_a_clock_that_jumped_and_came_back_it_heals() {
    let good = first();
    // Years ahead everything is over, and something new is made …
    let (ahead, _) = written(rules().decide(Some(&good), Some(&good), false, start() + DAY * 1000).unwrap());
    kept(rules().decide(Some(&ahead), None, false, start() + DAY * 1000).unwrap());
    // … which is not valid yet when the clock is right again.
    let (healed, why) = written(rules().decide(Some(&ahead), None, false, start()).unwrap());
    assert!(matches!(why, Why::Authority(_)), "{why}");
    kept(rules().decide(Some(&healed), None, false, start()).unwrap());
    // A little behind is what a certificate's start allows for.
    kept(rules().decide(Some(&good), None, false, start() - Duration::minutes(59)).unwrap());
}

#[test]
fn no_key_is_ever_shown() {
    let content = first();
    let shown = format!("{content:?}");
    assert!(shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn what_is_written_is_what_is_read() {
    let content = first();
    assert!(Stored::from_data(&content.data()) == content);
    assert!(!content.data().contains_key("next-ca.key"));
    let announcing = Stored { next_key: "key".into(), ..content };
    assert!(Stored::from_data(&announcing.data()) == announcing);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However irregularly somebody looks, what is served is valid and trusted, also by those who are one step behind.
    #[test]
    fn whoever_looks_in_time_always_serves_what_is_trusted(waits in prop::collection::vec(1_i64..100, 1..60), announced in any::<u64>()) {
        let (mut content, mut now) = (first(), start());
        for (step, percent) in waits.into_iter().enumerate() {
            let announced = announced >> (step % 64) & 1 == 1;
            match rules().decide(Some(&content), None, announced, now).unwrap() {
                Decision::Write { content: next, why } => {
                    prop_assert!(!matches!(why, Why::Authority(_) | Why::Leaf(_) | Why::Missing | Why::Restored(_)), "{why}");
                    prop_assert!(takes(&next, &content, now), "old leaves are trusted: {why}");
                    if matches!(why, Why::LeafDue) {
                        prop_assert!(takes(&content, &next, now), "who has not learnt of it trusts it: {why}");
                    }
                    content = next;
                }
                Decision::Keep { pair, until, .. } => {
                    prop_assert!(pair.valid_at(now, "").is_ok());
                    prop_assert!(until > now);
                    let wait: Duration = (until - now) * i32::try_from(percent).unwrap() / 100;
                    now += wait.max(Duration::SECOND);
                }
            }
        }
    }
}
