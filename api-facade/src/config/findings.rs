//! What was found out while settings were put together: mistakes, which end the program, and remarks.

use std::fmt;
use std::path::Path;

use super::File;
use crate::wording::shown;

/// More than anybody corrects at a time; each costs a search through the file.
const MOST_SHOWN: usize = 20;

/// Mistakes and remarks, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<Fault>,
    remarks: Vec<String>,
}

/// A mistake.
#[derive(Debug)]
struct Fault {
    path: Vec<String>,
    message: String,
}

impl Findings {
    /// The value of a key is wrong, or the key itself is.
    pub(crate) fn fault(&mut self, path: Vec<String>, message: String) {
        self.faults.push(Fault { path, message });
    }

    /// A key is missing; `path` is its dotted name.
    pub(crate) fn missing(&mut self, path: &str, message: &str) {
        self.fault(path.split('.').map(str::to_owned).collect(), format!("missing; {message}"));
    }

    /// Something is not as the operator may believe, but works.
    pub(crate) fn remark(&mut self, sentence: impl Into<String>) {
        self.remarks.push(sentence.into());
    }

    /// The remarks.
    ///
    /// # Errors
    /// There are mistakes; their places are looked up in the file.
    pub(crate) fn conclude(self, file: Option<&File>) -> Result<Vec<String>, Invalid> {
        if self.faults.is_empty() {
            return Ok(self.remarks);
        }
        let mut lines: Vec<_> = self.faults.iter().take(MOST_SHOWN).map(|fault| fault.describe(file)).collect();
        if let Some(more) = self.faults.len().checked_sub(MOST_SHOWN).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        Err(Invalid { lines })
    }
}

impl Fault {
    fn describe(&self, file: Option<&File>) -> String {
        let Self { path, message } = self;
        let field = path.iter().map(|key| shown(key)).collect::<Vec<_>>().join(".");
        match file.and_then(|file| file.place(path)) {
            Some(place) => format!("field '{field}': {message} ({place})"),
            None => format!("field '{field}': {message}"),
        }
    }
}

/// The configuration cannot be used. Prints itself as the original does, with places added.
/// Source: the REST contract's chapter on the location and loading of the configuration.
#[derive(Debug)]
pub(crate) struct Invalid {
    lines: Vec<String>,
}

impl Invalid {
    /// The file as a whole is no configuration.
    pub(super) fn file(path: &Path, message: &str) -> Self {
        Self { lines: vec![format!("file '{}': {message}", path.display())] }
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parsing configuration failed with error(s):")?;
        self.lines.iter().try_for_each(|line| write!(f, "\n - {line}"))
    }
}
