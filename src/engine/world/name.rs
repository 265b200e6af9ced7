//! The name of an object together with its namespace, in one piece that is cheap to copy.

use std::fmt;
use std::sync::Arc;

/// `namespace/name`. A namespace has no slash, so that the first one parts the two.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// The name of an object in a namespace; the namespace is empty for what has none.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        let mut text = String::with_capacity(namespace.len() + 1 + name.len());
        text.push_str(namespace);
        text.push('/');
        text.push_str(name);
        Self(text.into())
    }

    /// What is written `namespace/name`, as on a Service or on Beamlit; none of what is no such thing.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.contains('/').then(|| Self(text.into()))
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or_default()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.parts().0
    }

    /// The name within it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
