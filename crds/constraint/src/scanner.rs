//! The lexical rules that both languages share.

/// What is left of a text. Copied freely: trying an alternative is trying it on a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// A KEY or VALUE: the longest run without blanks and punctuation. A tab beside it becomes part of it, so only
    /// spaces are skipped before.
    pub(crate) fn token(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start_matches(' ');
        let end = text.find([' ', ',', '(', ')', '=', '!']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// All of these words in this order, with or without blanks before each.
    pub(crate) fn words(&mut self, words: &[&str]) -> Option<()> {
        for word in words {
            self.0 = skip_blanks(self.0).strip_prefix(word)?;
        }
        Some(())
    }

    /// Nothing but blanks is left.
    pub(crate) fn end(self) -> Option<()> {
        skip_blanks(self.0).is_empty().then_some(())
    }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
