//! The configuration file as a tree of named values, and what is wrong with it.
//!
//! The settings take what they know out of a [`Section`]; what is left over nobody knows, and is a mistake. All mistakes
//! are collected, so that a file is corrected once. Which keys there are, and what they mean, is said in `args`.

mod findings;
mod section;

use std::path::{Path, PathBuf};

use serde_yaml::Value;

pub(crate) use self::findings::{Findings, Invalid};
pub(crate) use self::section::Section;
use crate::wording::in_full;
use crate::yaml;

/// A configuration file that was read.
pub(crate) struct File {
    path: PathBuf,
    text: String,
    content: Value,
}

impl File {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, is too long or is not one YAML document.
    pub(crate) fn read(path: &Path) -> Result<Self, Invalid> {
        let opened = std::fs::File::open(path).map_err(yaml::Error::Read);
        match opened.and_then(yaml::read) {
            Ok(text) => Self::parse(path, text),
            Err(error) => Err(Invalid::file(path, &in_full(&error))),
        }
    }

    /// Reads the text of the file at `path`. An empty one says nothing.
    ///
    /// # Errors
    /// The text is not one YAML document.
    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, Invalid> {
        let mut documents = yaml::documents(&text).map_err(|error| Invalid::file(path, &in_full(&error)))?;
        let content = documents.pop().unwrap_or_else(|| Value::Mapping(serde_yaml::Mapping::new()));
        if documents.is_empty() {
            Ok(Self { path: path.to_owned(), text, content })
        } else {
            Err(Invalid::file(path, "must be one YAML document, not several"))
        }
    }

    /// Hands the keys of the file to `read`; those that it does not ask for are mistakes.
    pub(crate) fn explore(&self, findings: &mut Findings, read: impl FnOnce(&mut Section<'_>)) {
        Section::explore(Vec::new(), self.content.clone(), findings, read);
    }

    fn place(&self, path: &[String]) -> Option<String> {
        let place = yaml::find(&self.text, path)?;
        Some(format!("line {}, column {} of {}", place.line, place.column, self.path.display()))
    }
}

#[cfg(test)]
mod tests;
