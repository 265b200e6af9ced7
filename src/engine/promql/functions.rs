//! The functions and aggregations of Prometheus, and what they take.

use super::types::Type::{self, Range, Scalar, Text, Vector};

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The arguments, of which the last may be left out or repeated if the function is variadic.
    pub(super) takes: &'static [Type],
    pub(super) variadic: Variadic,
    pub(super) gives: Type,
}

/// How often the last argument may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variadic {
    /// Once.
    No,
    /// From not at all to this often.
    Most(usize),
    /// From not at all to any number of times.
    Any,
}

impl Function {
    /// The function of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// The fewest and the most arguments; no most if there is none.
    pub(super) const fn arguments(&self) -> (usize, Option<usize>) {
        let all = self.takes.len();
        match self.variadic {
            Variadic::No => (all, Some(all)),
            Variadic::Most(most) => (all.saturating_sub(1), Some(all.saturating_sub(1) + most)),
            Variadic::Any => (all.saturating_sub(1), None),
        }
    }
}

/// The names of all functions and aggregations.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let aggregations = AGGREGATIONS.iter().map(|(name, _)| *name);
    FUNCTIONS.iter().map(|function| function.name).chain(aggregations)
}

/// Every aggregation, and the type of its parameter if it has one.
pub(super) const AGGREGATIONS: [(&str, Option<Type>); 14] = [
    ("avg", None),
    ("bottomk", Some(Scalar)),
    ("count", None),
    ("count_values", Some(Text)),
    ("group", None),
    ("limit_ratio", Some(Scalar)),
    ("limitk", Some(Scalar)),
    ("max", None),
    ("min", None),
    ("quantile", Some(Scalar)),
    ("stddev", None),
    ("stdvar", None),
    ("sum", None),
    ("topk", Some(Scalar)),
];

const fn of(name: &'static str, takes: &'static [Type]) -> Function {
    Function { name, takes, variadic: Variadic::No, gives: Vector }
}

const fn scalar(name: &'static str, takes: &'static [Type]) -> Function {
    Function { name, takes, variadic: Variadic::No, gives: Scalar }
}

const fn variadic(name: &'static str, takes: &'static [Type], variadic: Variadic) -> Function {
    Function { name, takes, variadic, gives: Vector }
}

/// Every function up to Prometheus 3.13, those that it no longer has included.
static FUNCTIONS: &[Function] = &[
    of("abs", &[Vector]),
    of("absent", &[Vector]),
    of("absent_over_time", &[Range]),
    of("acos", &[Vector]),
    of("acosh", &[Vector]),
    of("asin", &[Vector]),
    of("asinh", &[Vector]),
    of("atan", &[Vector]),
    of("atanh", &[Vector]),
    of("avg_over_time", &[Range]),
    of("ceil", &[Vector]),
    of("changes", &[Range]),
    of("clamp", &[Vector, Scalar, Scalar]),
    of("clamp_max", &[Vector, Scalar]),
    of("clamp_min", &[Vector, Scalar]),
    of("cos", &[Vector]),
    of("cosh", &[Vector]),
    of("count_over_time", &[Range]),
    variadic("day_of_month", &[Vector], Variadic::Most(1)),
    variadic("day_of_week", &[Vector], Variadic::Most(1)),
    variadic("day_of_year", &[Vector], Variadic::Most(1)),
    variadic("days_in_month", &[Vector], Variadic::Most(1)),
    of("deg", &[Vector]),
    of("delta", &[Range]),
    of("deriv", &[Range]),
    of("double_exponential_smoothing", &[Range, Scalar, Scalar]),
    scalar("end", &[]),
    of("exp", &[Vector]),
    of("first_over_time", &[Range]),
    of("floor", &[Vector]),
    of("histogram_avg", &[Vector]),
    of("histogram_count", &[Vector]),
    of("histogram_fraction", &[Scalar, Scalar, Vector]),
    of("histogram_quantile", &[Scalar, Vector]),
    variadic("histogram_quantiles", &[Vector, Text, Scalar, Scalar], Variadic::Most(9)),
    of("histogram_stddev", &[Vector]),
    of("histogram_stdvar", &[Vector]),
    of("histogram_sum", &[Vector]),
    of("holt_winters", &[Range, Scalar, Scalar]),
    variadic("hour", &[Vector], Variadic::Most(1)),
    of("idelta", &[Range]),
    of("increase", &[Range]),
    variadic("info", &[Vector, Vector], Variadic::Most(1)),
    of("irate", &[Range]),
    variadic("label_join", &[Vector, Text, Text, Text], Variadic::Any),
    of("label_replace", &[Vector, Text, Text, Text, Text]),
    of("last_over_time", &[Range]),
    of("ln", &[Vector]),
    of("log10", &[Vector]),
    of("log2", &[Vector]),
    of("mad_over_time", &[Range]),
    scalar("max_of", &[Scalar, Scalar]),
    of("max_over_time", &[Range]),
    scalar("min_of", &[Scalar, Scalar]),
    of("min_over_time", &[Range]),
    variadic("minute", &[Vector], Variadic::Most(1)),
    variadic("month", &[Vector], Variadic::Most(1)),
    scalar("pi", &[]),
    of("predict_linear", &[Range, Scalar]),
    of("present_over_time", &[Range]),
    of("quantile_over_time", &[Scalar, Range]),
    of("rad", &[Vector]),
    scalar("range", &[]),
    of("rate", &[Range]),
    of("resets", &[Range]),
    variadic("round", &[Vector, Scalar], Variadic::Most(1)),
    scalar("scalar", &[Vector]),
    of("sgn", &[Vector]),
    of("sin", &[Vector]),
    of("sinh", &[Vector]),
    of("sort", &[Vector]),
    variadic("sort_by_label", &[Vector, Text], Variadic::Any),
    variadic("sort_by_label_desc", &[Vector, Text], Variadic::Any),
    of("sort_desc", &[Vector]),
    of("sqrt", &[Vector]),
    scalar("start", &[]),
    of("stddev_over_time", &[Range]),
    of("stdvar_over_time", &[Range]),
    scalar("step", &[]),
    of("sum_over_time", &[Range]),
    of("tan", &[Vector]),
    of("tanh", &[Vector]),
    scalar("time", &[]),
    of("timestamp", &[Vector]),
    of("ts_of_first_over_time", &[Range]),
    of("ts_of_last_over_time", &[Range]),
    of("ts_of_max_over_time", &[Range]),
    of("ts_of_min_over_time", &[Range]),
    of("vector", &[Scalar]),
    variadic("year", &[Vector], Variadic::Most(1)),
];
