//! The catalogue: every rule once, with its code, its words and an example that breaks it and one that keeps it.
//!
//! The judge reports `&OB001`, the command `rules` prints [`all`], and a test runs every example through the engine.

mod configuration;
mod metric;
mod model_deployment;
mod object;
mod policy;
mod reference;
mod remote;
mod scaling;

pub use configuration::{
    CF001, CF002, CF003, CF004, CF005, CF006, CF007, CF008, CF009, CF010, CF011, CF012, CF013, CF014, CF015, CF016,
    CF017, CF018, CF019, CF020, CF021, CF022,
};
pub use metric::{
    MD040, MD041, MD042, MD043, MD044, MD045, MD046, MD047, MD048, MD049, MD050, MD051, MD052, MD053, MD054, MD055,
    MD056, MD057,
};
pub use model_deployment::{MD001, MD002, MD003, MD004};
pub use object::{
    OB001, OB002, OB003, OB004, OB005, OB006, OB007, OB008, OB009, OB010, OB011, OB012, OB013, OB014, OB015, OB016,
    OB017, OB018, OB019,
};
pub use policy::{PL001, PL002, PL003, PL004, PL005, PL006, PL007, PL008, PL010, PL011, PL012, PL013, PL014};
pub use reference::{RF001, RF002, RF003, RF004, RF005, RF006, RF007, RF008, RF009, RF010};
pub use remote::{
    RT001, RT002, RT003, RT004, RT005, RT006, RT007, RT008, RT009, RT010, RT011, RT012, RT013, RT014, RT015, RT016,
};
pub use scaling::{MD020, MD021, MD022, MD023, MD024, MD030, MD031};

use super::{ErrorType, Severity};

/// A rule that objects are held to.
#[derive(Debug)]
pub struct Rule {
    /// The stable code: `OB…` any object, `MD…` ModelDeployment, `PL…` Policy, `RF…` references, `RT…` remote backends,
    /// `CF…` the operator's configuration.
    pub code: &'static str,
    /// Whether breaking it refuses the object.
    pub severity: Severity,
    /// The field error type of its findings.
    pub kind: ErrorType,
    /// What the rule asks for, in one line.
    pub title: &'static str,
    /// Why, and what to do.
    pub why: &'static str,
    /// Who reports it.
    pub reported: Reported,
    /// What the examples are.
    pub example: Example,
    /// A manifest, or a part of one, that breaks the rule and nothing else.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// Who reports a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// The webhook and `check` alike.
    Everywhere,
    /// `check` alone: the API server refuses it by itself, or never lets the webhook see it.
    InFiles,
    /// Whoever reads the operator's configuration: the server and `check`.
    Configuration,
    /// The webhook alone: files do not show what is in the cluster.
    InCluster,
}

/// What the examples of a rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// Fields laid over the smallest legal ModelDeployment: [`MODEL_DEPLOYMENT`].
    ModelDeployment,
    /// Fields laid over the smallest legal location Policy: [`POLICY`].
    Policy,
    /// Whole YAML documents.
    Documents,
    /// Whole YAML documents: what is there already, the operator's configuration included, and at last the object that is
    /// judged.
    World,
    /// As `World`; the last but one is the object as it was before.
    Update,
    /// As `World`; the last object is deleted.
    Deletion,
}

/// What the examples for a ModelDeployment are laid over.
pub const MODEL_DEPLOYMENT: &str = "\
apiVersion: deployment.beamlit.com/v1alpha1
kind: ModelDeployment
metadata:
  name: my-model
spec:
  model: my-model
  modelSourceRef:
    name: my-model
  serviceRef:
    name: my-model
    targetPort: 8080
";

/// What the examples for a Policy are laid over.
pub const POLICY: &str = "\
apiVersion: authorization.beamlit.com/v1alpha1
kind: Policy
metadata:
  name: my-policy
spec:
  type: location
  locations:
  - type: country
    name: us
";

/// Declares the rules of one group, each as a static of its code's name, and `ALL` of them in order.
macro_rules! rules {
    ($($code:ident: $severity:ident $kind:ident $reported:ident $example:ident,
        $title:literal, $why:literal, bad: $bad:literal, good: $good:literal;)+) => {
        $(
            #[doc = $title]
            pub static $code: $crate::engine::finding::rules::Rule = $crate::engine::finding::rules::Rule {
                code: stringify!($code),
                severity: $crate::engine::finding::Severity::$severity,
                kind: $crate::engine::finding::ErrorType::$kind,
                title: $title,
                why: $why,
                reported: $crate::engine::finding::rules::Reported::$reported,
                example: $crate::engine::finding::rules::Example::$example,
                bad: $bad,
                good: $good,
            };
        )+
        pub(super) static ALL: &[&$crate::engine::finding::rules::Rule] = &[$(&$code),+];
    };
}
use rules;

/// Every rule, in the order of the codes.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        object::ALL,
        model_deployment::ALL,
        scaling::ALL,
        metric::ALL,
        policy::ALL,
        reference::ALL,
        remote::ALL,
        configuration::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule of that code, regardless of letter case.
#[must_use]
pub fn find(code: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.code.eq_ignore_ascii_case(code))
}
