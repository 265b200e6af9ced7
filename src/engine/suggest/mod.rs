//! Did you mean: what somebody who was a little off most likely wanted. For hints only, never for a verdict.

mod plain;
mod words;

pub(crate) use plain::{Folded, plain};

/// How far a candidate is from the input; the least is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The same but for letter case, surrounding space, invisible characters and compatibility forms.
    Case,
    /// The same to the eye.
    LookAlike,
    /// The same but for what separates its words: `path_prefix`, `path-prefix`.
    Apart,
    /// As many slips of the pen: a character more, less, changed, or swapped with the next.
    Distance(usize),
    /// One inside the other, with as many characters around it.
    Inside(usize),
}

/// The most slips of the pen that still point at a candidate.
const MAX_DISTANCE: usize = 2;

/// The fewest characters that mean something inside a longer word.
const MIN_INSIDE: usize = 3;

/// The candidate that the input most likely stands for: letter case, surrounding space, look-alike characters, a distance
/// of at most 2, or one inside the other. None if nothing is near, or several are equally near.
#[must_use]
pub fn closest<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    within(input, candidates, Rank::Inside(usize::MAX))
}

/// The candidate that the input most likely is a slip of: by distance alone, for large sets, in which one inside the other
/// says nothing. Both sides are plain and in lower case already.
pub(crate) fn misspelt<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = input.chars().count();
    nearest(input, candidates, |candidate, _| distance((input, length), (candidate, candidate.chars().count())))
}

/// As [`closest`], in the form of a hint: `did you mean "production"?`.
#[must_use]
pub fn did_you_mean<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    closest(input, candidates).map(hint)
}

/// The field that an unknown name most likely stands for; knows the usual mistaken names beside [`closest`].
#[must_use]
pub fn field<'c>(input: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let all = || known.iter().copied();
    // What people usually call a field beats what merely resembles the name: `ref` is inside `refType`, and means `name`.
    within(input, all(), Rank::Apart)
        .or_else(|| words::meant(input, &known))
        .or_else(|| closest(input, all()))
        .map(hint)
}

/// The hint for what was most likely meant.
pub(crate) fn hint(meant: &str) -> String {
    format!("did you mean {}?", super::finding::quoted(meant))
}

/// The one nearest candidate that is no farther than `most`.
fn within<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>, most: Rank) -> Option<&'c str> {
    let folded = Folded::new(input);
    if folded.length() == 0 {
        return None;
    }
    nearest(input, candidates, |candidate, best| rank(&folded, candidate, best.unwrap_or(most)))
}

/// The one candidate of the least rank; `rank` is told the least so far, beyond which it need not look.
fn nearest<'c>(
    input: &str,
    candidates: impl IntoIterator<Item = &'c str>,
    rank: impl Fn(&str, Option<Rank>) -> Option<Rank>,
) -> Option<&'c str> {
    let mut best: Option<(Rank, &'c str)> = None;
    let mut tie = false;
    for candidate in candidates.into_iter().filter(|candidate| *candidate != input) {
        let least = best.map(|(rank, _)| rank);
        let Some(rank) = rank(candidate, least) else { continue };
        match best {
            Some((least, _)) if rank > least => {}
            Some((least, known)) if rank == least => tie |= known != candidate,
            _ => (best, tie) = (Some((rank, candidate)), false),
        }
    }
    best.filter(|_| !tie).map(|(_, candidate)| candidate)
}

/// How far the candidate is, if it is no farther than `most`.
fn rank(input: &Folded, candidate: &str, most: Rank) -> Option<Rank> {
    let candidate = Folded::new(candidate);
    if candidate.length() == 0 {
        return None;
    }
    let rank = if input.text() == candidate.text() {
        Rank::Case
    } else if input.looks_like(&candidate) {
        Rank::LookAlike
    } else if input.spells(&candidate) {
        Rank::Apart
    } else if most < Rank::Distance(1) {
        return None;
    } else {
        let [a, b] = [input, &candidate].map(|folded| (folded.text(), folded.length()));
        distance(a, b).or_else(|| inside(input, &candidate))?
    };
    (rank <= most).then_some(rank)
}

/// The longest stretch between the first and the last difference in which slips of the pen are counted: the count takes
/// time by the square of it.
const MAX_STRETCH: usize = 64;

/// The distance of two texts, each with its length in characters, where so many slips are credible: two in a word of four or more characters, one in a shorter word, but
/// never half of it.
fn distance((a, a_length): (&str, usize), (b, b_length): (&str, usize)) -> Option<Rank> {
    let (short, long) = (a_length.min(b_length), a_length.max(b_length));
    let credible = match (short, long) {
        (_, 0..=2) => return None,
        (0..=3, _) => 1,
        _ => MAX_DISTANCE,
    };
    if long - short > credible {
        return None;
    }
    let (a, b) = differing(a, b);
    if a.chars().nth(MAX_STRETCH).or(b.chars().nth(MAX_STRETCH)).is_some() {
        return None;
    }
    let distance = strsim::osa_distance(a, b);
    (distance <= credible).then_some(Rank::Distance(distance))
}

/// The two without what they start and end with in common, which no slip of the pen has touched.
fn differing<'a, 'b>(a: &'a str, b: &'b str) -> (&'a str, &'b str) {
    let same = |(a, b): &(char, char)| a == b;
    let start: usize = a.chars().zip(b.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    let (a, b) = (a.get(start..).unwrap_or(a), b.get(start..).unwrap_or(b));
    let end: usize = a.chars().rev().zip(b.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
    (a.get(..a.len() - end).unwrap_or(a), b.get(..b.len() - end).unwrap_or(b))
}

/// Whether one is inside the other.
fn inside(input: &Folded, candidate: &Folded) -> Option<Rank> {
    let (inner, outer) = if input.length() < candidate.length() { (input, candidate) } else { (candidate, input) };
    (inner.length() >= MIN_INSIDE && outer.text().contains(inner.text()))
        .then(|| Rank::Inside(outer.length() - inner.length()))
}

#[cfg(test)]
mod tests;
