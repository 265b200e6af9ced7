//! The content of small files, read whole and compared: it may change under us at any time.
//!
//! Kubernetes mounts a Secret as a folder behind a symbolic link (`..data`) that it swaps, so that neither a file nor its
//! folder changes by itself. Whoever wants to know reads the content again.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::pair::{PairError, Source};

/// The largest file that is read: a chain of dozens of certificates.
const MAX_FILE: u64 = 1024 * 1024;

/// The content of some files, as it was at one moment.
pub(super) struct Contents {
    files: Vec<(String, Vec<u8>)>,
}

impl Contents {
    /// Reads every file.
    ///
    /// # Errors
    /// If one cannot be read, or is larger than a certificate could be.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, PairError> {
        let files = paths.iter().map(|path| {
            let place = path.display().to_string();
            match read(path) {
                Ok(bytes) => Ok((place, bytes)),
                Err(error) => Err(PairError::Unreadable { place, error: error.to_string() }),
            }
        });
        Ok(Self { files: files.collect::<Result<_, _>>()? })
    }

    /// The file of that number, in the order in which they were named.
    pub(super) fn source(&self, index: usize) -> Source<'_> {
        match self.files.get(index) {
            Some((place, pem)) => Source { place, pem },
            None => Source { place: "", pem: &[] },
        }
    }

    /// Tells one content from another. Nobody who can choose the content has anything to gain from a collision.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files.hash(&mut hasher);
        hasher.finish()
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
        assert_eq!(first.source(0).pem, b"one");
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
