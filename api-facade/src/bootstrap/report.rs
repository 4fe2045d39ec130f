//! What the bootstrap tool says, in the original's form, which scripts may read.

use std::fmt::Write;

/// How Python prints the original's exception for an object that exists already.
pub(super) const PRESENT: &str = "ResourcePresentException('Resource already present in database')";

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Report {
    added: Vec<String>,
    files: Vec<File>,
    rolled_back: Vec<String>,
}

#[derive(Debug)]
struct File {
    name: String,
    failures: Vec<String>,
}

impl Report {
    /// Nothing has happened yet; files are counted from 0 in this order.
    pub(super) fn new(files: impl Iterator<Item = String>) -> Self {
        let files = files.map(|name| File { name, failures: Vec::new() }).collect();
        Self { added: Vec::new(), files, rolled_back: Vec::new() }
    }

    /// Something of a file cannot be written.
    pub(super) fn fail(&mut self, file: usize, what: &str, error: &str) {
        if let Some(file) = self.files.get_mut(file) {
            file.failures.push(format!("{what}, with error: {error}"));
        }
    }

    /// An object was written.
    pub(super) fn add(&mut self, reference: &str) {
        self.added.push(reference.to_owned());
    }

    /// Something was undone, or could not be.
    pub(super) fn roll_back(&mut self, sentence: String) {
        self.rolled_back.push(sentence);
    }

    /// Whether nothing has failed.
    #[must_use]
    pub(super) fn is_clean(&self) -> bool {
        self.files.iter().all(|file| file.failures.is_empty())
    }

    /// For standard output.
    #[must_use]
    pub(crate) fn output(&self) -> String {
        let lines = self.added.iter().map(|reference| format!(" * {reference}\n"));
        "Resources added to database:\n".to_owned() + &lines.collect::<String>()
    }

    /// For standard error, if something failed.
    #[must_use]
    pub(crate) fn complaint(&self) -> Option<String> {
        if self.is_clean() {
            return None;
        }
        let mut text = "#############\nThe following could not be added:\n".to_owned();
        for File { name, failures } in &self.files {
            // Writing to a string does not fail.
            let _ = writeln!(text, "In file '{name}':");
            text.extend(failures.iter().map(|failure| format!(" * {failure}\n")));
        }
        text.push_str("#############\nRollback to previous state has been performed:\n");
        text.extend(self.rolled_back.iter().map(|sentence| format!(" * {sentence}\n")));
        Some(text)
    }
}
