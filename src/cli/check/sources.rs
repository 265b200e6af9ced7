//! Which files `check` reads: what was named, and the manifests in directories, each once and in a fixed order.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::engine::manifest::Named;

/// The most that is read of one source. What the API server takes at once is a twentieth of it.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The most that is kept of all sources together.
pub(super) const MAX_TOGETHER: u64 = 512 * 1024 * 1024;

/// A source of manifests.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// What people call it.
    pub name: String,
    /// How it was named.
    pub named: Named,
    input: Input,
}

#[derive(Clone, Debug)]
enum Input {
    Stdin,
    File(PathBuf),
}

/// A path that leads to no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The path.
    pub name: String,
    /// Why not.
    pub message: String,
}

/// A source, or why there is none.
pub(super) type Found = Result<Source, Fault>;

/// A source and its bytes, or why there are none.
pub(super) type Read = Result<(Source, Vec<u8>), Fault>;

impl Source {
    /// A file that was named.
    pub(super) fn named(path: &Path) -> Self {
        Self::file(path, Named::Explicitly)
    }

    fn file(path: &Path, named: Named) -> Self {
        Self { name: name_of(path), named, input: Input::File(path.to_owned()) }
    }

    /// All of its bytes, or why there are none.
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        let read = match &self.input {
            Input::Stdin => read_all(io::stdin().lock()),
            Input::File(path) => File::open(path).and_then(read_all),
        };
        match read {
            Ok(bytes) if bytes.len() as u64 > MAX_BYTES => Err(format!("larger than {} MiB", MAX_BYTES >> 20)),
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(words(&error)),
        }
    }
}

fn read_all(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the paths lead to, in their order, a directory's files by name. A file that several of them lead to is judged once:
/// its objects would be taken for objects that are declared twice.
pub(super) fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut all = Sources::default();
    for path in paths {
        if path == Path::new("-") {
            all.stdin();
        } else {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => all.directory(path),
                Ok(_) => all.file(path, Named::Explicitly),
                Err(error) => all.fault(path, &error),
            }
        }
    }
    all.list
}

/// Leaves out a file that was read already, however it was named.
pub(super) fn leave_out(list: &mut Vec<Found>, path: &Path) {
    let Ok(real) = fs::canonicalize(path) else { return };
    let is_it = |source: &Source| match &source.input {
        Input::File(path) => fs::canonicalize(path).is_ok_and(|path| path == real),
        Input::Stdin => false,
    };
    list.retain(|found| !found.as_ref().is_ok_and(is_it));
}

/// The bytes of every source: what one file says decides what another one is judged by, so all of them are needed at once.
pub(super) fn read(found: Vec<Found>, most: u64) -> Vec<Read> {
    let mut left = most;
    found
        .into_iter()
        .map(|found| {
            let source = found?;
            match source.read() {
                Ok(bytes) => match left.checked_sub(bytes.len() as u64) {
                    Some(rest) => {
                        left = rest;
                        Ok((source, bytes))
                    }
                    None => {
                        let message = format!("with what was read before it larger than {} MiB", most >> 20);
                        Err(Fault { name: source.name, message })
                    }
                },
                Err(message) => Err(Fault { name: source.name, message }),
            }
        })
        .collect()
}

#[derive(Default)]
struct Sources {
    list: Vec<Found>,
    /// Where in the list a file is.
    seen: HashMap<PathBuf, usize>,
    /// The real paths of the directories that were walked.
    walked: HashSet<PathBuf>,
}

impl Sources {
    fn stdin(&mut self) {
        self.once(PathBuf::from("-"), || Source {
            name: "<stdin>".into(),
            named: Named::Explicitly,
            input: Input::Stdin,
        });
    }

    fn file(&mut self, path: &Path, named: Named) {
        match fs::canonicalize(path) {
            Ok(real) => self.once(real, || Source::file(path, named)),
            // A pipe of the shell, `<(…)`, has no real path.
            Err(_) => self.list.push(Ok(Source::file(path, named))),
        }
    }

    fn directory(&mut self, root: &Path) {
        let mut walked = std::mem::take(&mut self.walked);
        // Links between directories lead on many ways to the same files: each directory is walked on the first of them.
        let wanted = |entry: &DirEntry| {
            (entry.depth() == 0 || !is_hidden(entry.path()))
                && (!entry.file_type().is_dir() || fs::canonicalize(entry.path()).is_ok_and(|real| walked.insert(real)))
        };
        for entry in WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_entry(wanted) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_manifest(entry.path()) => {
                    self.file(entry.path(), Named::Found);
                }
                Ok(_) => {}
                Err(error) => self.unwalkable(root, &error),
            }
        }
        self.walked = walked;
    }

    /// A link back to a directory above is no fault: that directory is being walked. Nor is a link to nothing, but where a
    /// manifest should be.
    fn unwalkable(&mut self, root: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(root);
        let Some(cause) = error.io_error() else { return };
        let idle_link = !is_manifest(path) && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        if path == root || !(idle_link || is_hidden(path)) {
            self.fault(path, cause);
        }
    }

    fn fault(&mut self, path: &Path, error: &io::Error) {
        self.list.push(Err(Fault { name: name_of(path), message: words(error) }));
    }

    fn once(&mut self, key: PathBuf, source: impl FnOnce() -> Source) {
        let source = source();
        match self.seen.get(&key).and_then(|&index| self.list.get_mut(index)) {
            Some(Ok(before)) if matches!(source.named, Named::Explicitly) => before.named = Named::Explicitly,
            Some(_) => {}
            None => {
                self.seen.insert(key, self.list.len());
                self.list.push(Ok(source));
            }
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_manifest(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// What people call a path.
pub(super) fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The system's words without its number.
fn words(error: &io::Error) -> String {
    let full = error.to_string();
    let words = full.find(" (os error ").and_then(|end| full.get(..end)).unwrap_or(&full);
    let mut chars = words.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, found: &[Found]) -> Vec<String> {
        let short = |name: &str| name.strip_prefix(&format!("{}/", root.display())).unwrap_or(name).to_owned();
        found
            .iter()
            .map(|found| match found {
                Ok(source) => format!(
                    "{}{}",
                    short(&source.name),
                    if source.named == Named::Explicitly { " (named)" } else { "" }
                ),
                Err(fault) => format!("{}: {}", short(&fault.name), fault.message),
            })
            .collect()
    }

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for directory in ["b", ".hidden", "d.yaml"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        for file in [
            "c.yml",
            "a.json",
            "b/z.yaml",
            "b/a.yaml",
            ".x.yaml",
            ".hidden/x.yaml",
            "README.md",
            "d.yaml/e.yaml",
            "Z.YAML",
        ] {
            fs::write(root.path().join(file), "").unwrap();
        }
        root
    }

    #[test]
    fn a_directory_gives_its_manifests_in_order() {
        let root = tree();
        let found = find(&[root.path().to_owned()]);
        assert_eq!(names(root.path(), &found), ["a.json", "b/a.yaml", "b/z.yaml", "c.yml", "d.yaml/e.yaml"]);
    }

    #[test]
    fn a_file_is_judged_once_and_naming_it_counts_more() {
        let root = tree();
        let at = |path: &str| root.path().join(path);
        let found = find(&[at("b"), at("b/z.yaml"), at("README.md"), "-".into(), at("b/../b/a.yaml"), "-".into()]);
        assert_eq!(
            names(root.path(), &found),
            ["b/a.yaml (named)", "b/z.yaml (named)", "README.md (named)", "<stdin> (named)"]
        );
    }

    #[test]
    fn what_is_not_there_is_told() {
        let root = tree();
        let found = find(&[root.path().join("no.yaml"), root.path().join("b/a.yaml/x")]);
        assert_eq!(names(root.path(), &found), ["no.yaml: no such file or directory", "b/a.yaml/x: not a directory"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles() {
        use std::os::unix::fs::symlink;
        let root = tree();
        symlink("..", root.path().join("b/up")).unwrap();
        symlink("nothing", root.path().join("b/nothing")).unwrap();
        symlink("nothing", root.path().join("b/.nothing.yaml")).unwrap();
        symlink("nothing.yaml", root.path().join("b/broken.yaml")).unwrap();
        symlink("../c.yml", root.path().join("b/link.yaml")).unwrap();
        let found = find(&[root.path().join("b")]);
        assert_eq!(
            names(root.path(), &found),
            [
                "b/a.yaml",
                "b/broken.yaml: no such file or directory",
                "b/link.yaml",
                "b/up/a.json",
                "b/up/d.yaml/e.yaml",
                "b/z.yaml"
            ]
        );
    }

    #[test]
    fn what_is_too_much_together_is_told_of_the_file_that_made_it_so() {
        let root = tree();
        fs::write(root.path().join("a.json"), "x".repeat(600_000)).unwrap();
        fs::write(root.path().join("c.yml"), "x".repeat(600_000)).unwrap();
        let read = read(find(&[root.path().to_owned()]), 1 << 20);
        let faults: Vec<&Fault> = read.iter().filter_map(|read| read.as_ref().err()).collect();
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert!(fault.name.ends_with("c.yml"), "{fault:?}");
        assert_eq!(fault.message, "with what was read before it larger than 1 MiB");
        // Those after it that fit are still read.
        assert_eq!(read.iter().flatten().count(), 4);
    }

    #[test]
    fn a_source_without_end_is_cut_off() {
        let endless = Source::file(Path::new("/dev/zero"), Named::Explicitly);
        assert_eq!(endless.read(), Err("larger than 64 MiB".into()));
    }
}
