//! The lexical rules that both languages share.

/// What is left of a text. Copied freely: trying an alternative is trying it on a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'a> {
    rest: &'a str,
    punctuation: &'static [char],
}

impl<'a> Scanner<'a> {
    /// Reads `text`, in which a KEY or VALUE ends at a space and at each character of `punctuation`.
    pub(crate) fn new(text: &'a str, punctuation: &'static [char]) -> Self {
        Self { rest: text, punctuation }
    }

    /// A KEY or VALUE: the longest run without spaces and punctuation. A tab beside it becomes part of it, so only
    /// spaces are skipped before.
    pub(crate) fn token(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start_matches(' ');
        let end = text.find(|char| char == ' ' || self.punctuation.contains(&char)).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// All of these words in this order, with or without blanks before each. A word with `?` at its end may be missing.
    pub(crate) fn words(&mut self, words: &[&str]) -> Option<()> {
        for word in words {
            let text = skip_blanks(self.rest);
            self.rest = match word.strip_suffix('?') {
                Some(optional) => text.strip_prefix(optional).unwrap_or(self.rest),
                None => text.strip_prefix(word)?,
            };
        }
        Some(())
    }

    /// The VALUE after the first of these spellings, each a sequence of words, that consumes everything.
    pub(crate) fn value_after(self, spellings: &[&[&str]]) -> Option<&'a str> {
        spellings.iter().find_map(|words| {
            let mut scanner = self;
            scanner.words(words)?;
            let value = scanner.token()?;
            scanner.end()?;
            Some(value)
        })
    }

    /// Nothing but blanks is left.
    pub(crate) fn end(self) -> Option<()> {
        skip_blanks(self.rest).is_empty().then_some(())
    }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}
