//! Stands in for the judge of manifests until that is merged: it takes every source for one that is passed over.

use serde::Serialize;

use super::finding::Finding;
use super::parse::Mark;

/// How a source was named: decides what happens to a document that is no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file that was named, or stdin.
    Explicitly,
    /// Met while walking a directory.
    Found,
}

/// Judges manifests.
#[derive(Debug)]
pub struct Judge;

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(default_namespace: &str, cluster_domain: &str) -> Self {
        _ = (default_namespace, cluster_domain);
        Self
    }

    /// Judges every document of one source.
    pub fn source(&mut self, bytes: &[u8], named: Named) -> Vec<Outcome> {
        _ = (bytes, named);
        vec![Outcome::Skipped]
    }
}

/// What became of a document, or of an item of a List.
#[derive(Debug)]
pub enum Outcome {
    /// It was judged.
    Judged(Box<Judged>),
    /// It was passed over.
    Skipped,
    /// It could not be read.
    Unreadable {
        /// Where reading stopped.
        at: Mark,
        /// Why.
        message: String,
    },
}

/// An object and what was found.
#[derive(Debug)]
pub struct Judged {
    /// The document in its source, from 0.
    pub document: usize,
    /// The item in its List, from 0.
    pub item: Option<usize>,
    /// The object's apiVersion.
    pub api_version: String,
    /// The object's kind.
    pub kind: String,
    /// The object's namespace.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// What was found.
    pub findings: Vec<Placed>,
    /// How many findings there are beyond those kept.
    pub more: usize,
    /// Whether the object is refused.
    pub refused: bool,
    /// What could not be looked up.
    pub unknown: Vec<Reference>,
}

/// A finding and its place in the source.
#[derive(Debug)]
pub struct Placed {
    /// The finding.
    pub finding: Finding,
    /// Where it sits.
    pub at: Mark,
}

/// An object that another one names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reference {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}
