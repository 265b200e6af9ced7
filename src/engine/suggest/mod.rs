//! Did you mean: what somebody who was a little off most likely wanted. For hints only, never for a verdict.

/// The candidate that the input most likely stands for: letter case, surrounding space, look-alike characters, a distance
/// of at most 2, or one inside the other. None if nothing is near, or several are equally near.
#[must_use]
pub fn closest<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates.into_iter().find(|candidate| candidate.eq_ignore_ascii_case(input.trim()))
}

/// As [`closest`], in the form of a hint: `did you mean "production"?`.
#[must_use]
pub fn did_you_mean<'c>(input: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    closest(input, candidates).map(|candidate| format!("did you mean {}?", super::finding::quoted(candidate)))
}

/// The field that an unknown name most likely stands for; knows the usual mistaken names beside [`closest`].
#[must_use]
pub fn field<'c>(input: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
    did_you_mean(input, known)
}
