//! Foreign texts and errors as a part of one line that people read.

use std::error::Error;

/// Characters of a foreign text that are shown.
const LONGEST_SHOWN: usize = 80;

/// The text on one line, of bounded length.
#[must_use]
pub(crate) fn shown(text: &str) -> String {
    let escaped: String = text.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST_SHOWN).is_some() { escaped + "…" } else { escaped }
}

/// The error with its causes.
#[must_use]
pub(crate) fn in_full(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
