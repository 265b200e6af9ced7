//! What Beamlit holds, as far as anybody here asks.

use std::fmt;

use super::Ownership;

/// What something on Beamlit is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A model.
    Model {
        /// Its environment: `production` or `development`.
        environment: String,
        /// Its name.
        name: String,
    },
    /// A policy.
    Policy {
        /// Its name.
        name: String,
    },
}

impl Key {
    /// A model of an environment.
    #[must_use]
    pub fn model(environment: &str, name: &str) -> Self {
        Self::Model { environment: environment.to_owned(), name: name.to_owned() }
    }

    /// A policy.
    #[must_use]
    pub fn policy(name: &str) -> Self {
        Self::Policy { name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Model { name, .. } | Self::Policy { name } => name,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { environment, name } => write!(f, "model {environment}/{name}"),
            Self::Policy { name } => write!(f, "policy {name}"),
        }
    }
}

/// A model or policy on Beamlit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is called.
    pub key: Key,
    /// Its workspace.
    pub workspace: Option<String>,
    /// What Beamlit says of a model's state: `DEPLOYING`, `DEPLOYED`, …
    pub status: Option<String>,
    /// When it was created (RFC 3339).
    pub created_at: Option<String>,
    /// When it was last changed (RFC 3339).
    pub updated_at: Option<String>,
    /// Whose it is; nobody's if none.
    pub ownership: Option<Ownership>,
}

impl Stored {
    /// Whether a model serves; none while it is being deployed, or nobody said: then what was deployed before goes on serving, if anything was. (Every
    /// change of ours has it deployed anew, down to that of a label.)
    #[must_use]
    pub fn serves(&self) -> Option<bool> {
        let status = self.status.as_deref()?;
        if status.eq_ignore_ascii_case("deploying") { None } else { Some(self.is_deployed()) }
    }

    /// Whether a model is as it should be, and serves.
    #[must_use]
    pub fn is_deployed(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("deployed"))
    }
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What Beamlit holds now.
    pub stored: Stored,
    /// What was done for it.
    pub change: Change,
    /// What Beamlit does not hold as it was told to, although it took the call: names of fields.
    pub unkept: Vec<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it was so already.
    None,
    /// It was created.
    Created,
    /// It was changed.
    Updated,
    /// It was there, and nobody's: now it is the owner's.
    TakenOver,
    /// It belonged to another object, and the owner asked for it.
    Adopted {
        /// Whose it was.
        from: String,
    },
}

/// What became of something whose owner goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It was created here, and is deleted.
    Deleted,
    /// It was taken over, and stays without our labels.
    LetGo,
    /// It was gone already.
    Gone,
    /// It belongs to somebody else, or to nobody, and was left alone.
    NotOurs,
}
