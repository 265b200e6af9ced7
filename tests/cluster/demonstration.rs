//! What `make demo` shows when its output is no terminal, and what its picture looks like when it is one.

use crate::harness::Kubectl;
use crate::live::{self, Live, Moment, Screen, Size, chart, cut};
use crate::reconciled;

/// Each of these comes after the one before it.
fn in_order(story: &str, words: &[&str]) {
    let mut rest = story;
    for word in words {
        let Some((_, after)) = rest.split_once(word) else {
            panic!("{word:?} is not there, or too early, in:\n{story}")
        };
        rest = after;
    }
}

#[test]
fn traffic_leaves_once_comes_home_once_and_leaves_with_the_last_pod() {
    let (simulation, gate) = reconciled();
    let kubectl: Kubectl = simulation.namespace("demonstration");
    live::prepare(&kubectl).unwrap();
    let mut out = Vec::new();
    let mut screen = Screen::new(&mut out, None, false);
    let mut live = Live::new(simulation, gate.operator(), &kubectl, &mut screen);
    let ran = live.run();
    let weights = live.weights();
    let story = String::from_utf8(out).unwrap();
    ran.unwrap_or_else(|why| panic!("{why}\n{story}"));
    in_order(
        &story,
        &[
            "modeldeployment.deployment.beamlit.com/chat created",
            "AtHome",
            "demand=95",
            "TargetReached",
            // A sample may have begun before the load rose, and clocks are read twice.
            "cpu: 9",
            "routing.beamlit.com/remote-weight=50",
            "demand=20",
            "AtHome",
            "ready=false",
            "Failover",
            "routing.beamlit.com/remote-weight=100",
            "remote weight 0 → 50",
        ],
    );
    // Without a terminal nothing is drawn again.
    assert!(!story.contains('\x1b'), "{story}");
    // It does not oscillate.
    assert_eq!(weights, [0, 50, 25, 0, 100], "{story}");
}

fn moment(demand: i64, away: i64) -> Moment {
    Moment { demand, away, ..Moment::default() }
}

#[test]
fn the_chart_has_what_is_served_at_home_below_what_is_sent_away() {
    let mut out = Vec::new();
    let screen = Screen::new(&mut out, Some(Size { rows: 24, columns: 80 }), false);
    let moments = [moment(30, 0), moment(95, 0), moment(95, 50), moment(20, 25), moment(20, 0), moment(20, 100)];
    insta::assert_snapshot!(chart(&moments, 80, &screen).join("\n"), @r"
      120% │
      105% │ █░
       90% ┼╌█░╌╌╌
       75% │ █░
       60% │ ██
       45% │ ██
       30% │███░█░
       15% │█████░
           █ served at home   ░ sent away   ╌ the target
    ");
    // Without room for all of them every second one is left out, and then the first.
    insta::assert_snapshot!(chart(&moments, 11, &screen).join("\n"), @r"
      120% │
      105% │░
       90% ┼░╌
       75% │░
       60% │█
       45% │█
       30% │██
       15% │██
           █ served at home   ░ sent away   ╌ the target
    ");
}

#[test]
fn a_picture_is_drawn_over_the_one_before_and_below_what_is_said() {
    let mut out = Vec::new();
    let mut screen = Screen::new(&mut out, Some(Size { rows: 24, columns: 80 }), false);
    let picture = |text: &str| vec![text.to_owned(), text.to_owned()];
    screen.draw(&picture("one")).unwrap();
    screen.draw(&picture("two")).unwrap();
    screen.say("said").unwrap();
    screen.draw(&picture("three")).unwrap();
    screen.leave();
    screen.say("after").unwrap();
    let written = String::from_utf8(out).unwrap();
    assert_eq!(written, "one\none\n\x1b[2A\x1b[Jtwo\ntwo\n\x1b[2A\x1b[Jsaid\nthree\nthree\nafter\n");
}

#[test]
fn what_is_too_long_is_cut() {
    assert_eq!(cut("abcdef", 6), "abcdef");
    assert_eq!(cut("abcdef", 5), "abcd…");
}
