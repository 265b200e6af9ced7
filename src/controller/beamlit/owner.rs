//! Whose something on Beamlit is. Beamlit has one flat space of names, and many clusters and namespaces share it: who owns what is
//! written in its labels.

use std::collections::BTreeMap;
use std::fmt;

use crate::engine::compile::beamlit::labels;
use crate::engine::finding::escaped;

/// The object that something on Beamlit is to belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The object's uid.
    pub uid: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Which cluster it is of, as [`labels::CLUSTER`]; if nobody can tell, what is written there already stays.
    pub cluster: Option<String>,
    /// Whether what belongs to another object is taken from it, as the annotation `deployment.beamlit.com/adopt` asks for.
    pub adopt: bool,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How something came to be ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This operator created it, and deletes it with its owner.
    Created,
    /// It was there, and stays when its owner goes.
    TakenOver,
}

impl Origin {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Created => labels::CREATED,
            Self::TakenOver => labels::TAKEN_OVER,
        }
    }
}

/// Who owns something, as its labels say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The uid of the object that owns it.
    pub uid: String,
    /// `<namespace>/<name>` of the object that owns it, as it can be shown to people; empty if nobody wrote it down.
    pub object: String,
    /// Which cluster that is of, if anybody wrote it down.
    pub cluster: Option<String>,
    /// How it came to be the owner's.
    pub origin: Origin,
}

impl Ownership {
    /// None if nobody owns it.
    pub(super) fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        let uid = labels.get(labels::OWNER_UID).filter(|uid| !uid.is_empty())?.clone();
        let object = labels.get(labels::OWNER).map(|object| shown(object)).unwrap_or_default();
        // Only what says that it was created here may ever be deleted.
        let created = labels.get(labels::ORIGIN).is_some_and(|origin| origin == labels::CREATED);
        let cluster = labels.get(labels::CLUSTER).cloned();
        Some(Self { uid, object, cluster, origin: if created { Origin::Created } else { Origin::TakenOver } })
    }

    /// Who owns it, for people.
    pub(super) fn by(&self) -> String {
        if self.object.is_empty() { format!("the object with uid {}", shown(&self.uid)) } else { self.object.clone() }
    }
}

fn shown(text: &str) -> String {
    escaped(&text.chars().take(320).collect::<String>()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[(&str, &str)]) -> Option<Ownership> {
        Ownership::of(&labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn only_a_uid_makes_an_owner_and_only_a_word_lets_delete() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[labels::MANAGED_BY, (labels::OWNER, "a/b"), (labels::ORIGIN, labels::CREATED)]), None);
        assert_eq!(of(&[(labels::OWNER_UID, "")]), None);
        for (origin, read) in [
            (labels::CREATED, Origin::Created),
            (labels::TAKEN_OVER, Origin::TakenOver),
            ("Created", Origin::TakenOver),
            ("", Origin::TakenOver),
        ] {
            assert_eq!(of(&[(labels::OWNER_UID, "u"), (labels::ORIGIN, origin)]).unwrap().origin, read, "{origin}");
        }
        assert_eq!(of(&[(labels::OWNER_UID, "u")]).unwrap().origin, Origin::TakenOver);
    }

    #[test]
    fn what_others_wrote_is_shown_escaped_and_cut() {
        let name = format!("a/\u{202e}{}", "b".repeat(1000));
        let owner = of(&[(labels::OWNER_UID, "u\n"), (labels::OWNER, &name)]).unwrap();
        assert!(owner.by().starts_with("a/\\u{202e}bbb") && owner.by().len() < 400, "{}", owner.by());
        assert_eq!(of(&[(labels::OWNER_UID, "u\n")]).unwrap().by(), "the object with uid u\\u{a}");
    }
}
