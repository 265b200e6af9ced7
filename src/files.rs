//! Small files that somebody else keeps: read whole, again and again, and taken over when their content has changed and is
//! sound.
//!
//! Kubernetes mounts a Secret or a ConfigMap as a folder behind a symbolic link (`..data`) that it swaps, so that neither a
//! file nor its folder changes by itself. Whoever wants to know reads the content again.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The largest file that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// How soon a content that has changed is read again: what is being written is judged when it stands still.
const SETTLING: Duration = Duration::from_millis(200);

/// A file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: cannot be read: {error}")]
pub struct Unreadable {
    /// The file.
    pub place: String,
    /// Why.
    pub error: String,
}

/// The content of some files, as it was at one moment.
pub struct Contents {
    files: Vec<(String, Vec<u8>)>,
}

impl Contents {
    /// Reads every file.
    ///
    /// # Errors
    /// If one cannot be read, or is larger than 1 MiB.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Unreadable> {
        let files = paths.iter().map(|path| {
            let place = path.display().to_string();
            match read(path) {
                Ok(bytes) => Ok((place, bytes)),
                Err(error) => Err(Unreadable { place, error: error.to_string() }),
            }
        });
        Ok(Self { files: files.collect::<Result<_, _>>()? })
    }

    /// The file of that number, in the order in which they were named: its place and its content.
    #[must_use]
    pub fn file(&self, index: usize) -> (&str, &[u8]) {
        self.files.get(index).map_or(("", &[]), |(place, bytes)| (place, bytes))
    }

    /// Tells one content from another. Nobody who can choose the content has anything to gain from a collision.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files.hash(&mut hasher);
        hasher.finish()
    }
}

/// Takes the content of files whenever it has changed from what was `taken`, looking at them in this interval. A content at
/// fault is told and not taken; `check` judges what was taken as time goes on.
pub async fn follow<E: From<Unreadable>>(
    paths: &[PathBuf],
    every: Duration,
    mut taken: Option<u64>,
    take: impl Fn(&Contents) -> Result<(), E>,
    check: impl Fn() -> Result<(), E>,
    tell: impl Fn(Result<(), E>),
) {
    let mut seen = None;
    loop {
        let again = paths.to_vec();
        // An error here means that the process ends.
        let Ok(read) = spawn_blocking(move || Contents::read(&again)).await else { return };
        let outcome = match read {
            Err(error) => Err(error.into()),
            Ok(contents) => {
                let now = Some(contents.fingerprint());
                if now == taken {
                    check()
                } else if now == seen {
                    take(&contents).map(|()| taken = now)
                } else {
                    seen = now;
                    sleep(SETTLING.min(every)).await;
                    continue;
                }
            }
        };
        tell(outcome);
        sleep(every).await;
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A pipe would be waited for already when it is opened, and a device never ends.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_told_apart_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [("1", "one"), ("2", "two")] {
            std::fs::create_dir(path(name)).unwrap();
            std::fs::write(path(name).join("tls.crt"), content).unwrap();
        }
        let link = |to: &str| std::os::unix::fs::symlink(to, path("..new")).unwrap();
        link("1");
        std::fs::rename(path("..new"), path("..data")).unwrap();
        std::os::unix::fs::symlink("..data/tls.crt", path("tls.crt")).unwrap();
        let paths = [path("tls.crt")];
        let first = Contents::read(&paths).unwrap();
        assert_eq!(first.file(0).1, b"one");
        assert_eq!(first.fingerprint(), Contents::read(&paths).unwrap().fingerprint());
        link("2");
        std::fs::rename(path("..new"), path("..data")).unwrap();
        assert_ne!(first.fingerprint(), Contents::read(&paths).unwrap().fingerprint());
    }

    #[test]
    fn what_is_no_small_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        std::fs::write(&large, vec![b' '; 1024 * 1024 + 1]).unwrap();
        for (path, fault) in [
            (folder.path().join("none"), "none: cannot be read: No such file or directory (os error 2)"),
            (folder.path().to_owned(), ": cannot be read: it is no regular file"),
            ("/dev/zero".into(), "/dev/zero: cannot be read: it is no regular file"),
            (large, "large: cannot be read: it is larger than 1 MiB"),
        ] {
            let error = Contents::read(&[path]).err().unwrap().to_string();
            assert!(error.ends_with(fault), "{error}");
        }
    }
}
