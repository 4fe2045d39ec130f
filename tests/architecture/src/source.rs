//! The text files of the repository, read once per test.
//!
//! Generated and foreign trees are left out by name; whatever is not UTF-8 is not text.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Directories that are built, cached or git's own.
const SKIPPED_DIRECTORIES: [&str; 3] = ["target", ".git", ".krake-dev"];

/// Files written by tools, full of names that are not ours.
const SKIPPED_FILES: [&str; 2] = ["Cargo.lock", "go.sum"];

/// One text file.
pub(crate) struct File {
    /// Relative to the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    /// The file's name without its extension.
    pub(crate) fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    pub(crate) fn shown(&self) -> std::path::Display<'_> {
        self.path.display()
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Every text file of the repository, in a stable order.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    collect(&root, &root, &mut files).unwrap();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Every Rust file of the repository.
pub(crate) fn rust_files() -> Vec<File> {
    files().into_iter().filter(File::is_rust).collect()
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        let is_skipped = |names: &[&str]| names.iter().any(|skipped| name == *skipped);
        if kind.is_dir() && !is_skipped(&SKIPPED_DIRECTORIES) {
            collect(root, &path, files)?;
        } else if kind.is_file() && !is_skipped(&SKIPPED_FILES) {
            files.extend(read(root, &path)?);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> io::Result<Option<File>> {
    let relative = path.strip_prefix(root).unwrap().to_owned();
    Ok(String::from_utf8(fs::read(path)?).ok().map(|text| File { path: relative, text }))
}

#[test]
fn the_walk_finds_code_scripts_and_manifests() {
    let found: Vec<_> = files().into_iter().map(|file| file.path).collect();
    for expected in ["Cargo.toml", ".ci/run", "crds/src/lib.rs", "tests/architecture/src/source.rs"] {
        assert!(found.iter().any(|path| path == Path::new(expected)), "{expected} not found");
    }
}
