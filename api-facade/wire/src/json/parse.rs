//! JSON text to values: strict, bounded in depth ([`MAX_DEPTH`], 100 levels), exact about numbers. Unlike the
//! original's, it takes neither `NaN` and the infinities nor halves of surrogate pairs: clients could not read them back.

use super::{Json, Object};

/// How deep arrays and objects may nest. The management cluster's clients stop at 128 levels, and content must still
/// pass them inside a custom resource, inside a watch event.
pub const MAX_DEPTH: usize = 100;

/// The text is no JSON that the API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no valid JSON at byte {offset}: {kind}")]
pub struct SyntaxError {
    /// Where reading stopped, in bytes from the start.
    pub offset: usize,
    /// What is wrong there.
    pub kind: SyntaxErrorKind,
}

/// What can be wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxErrorKind {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text ends in the middle of a value, or is empty.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A character stands where the grammar has none such; also `NaN`, `Infinity` and a byte order mark.
    #[error("unexpected character")]
    UnexpectedCharacter,
    /// Something follows the value.
    #[error("something follows the value")]
    TrailingCharacters,
    /// A float beyond what a double holds.
    #[error("number too large")]
    NumberTooLarge,
    /// A backslash sequence that stands for nothing.
    #[error("invalid escape")]
    InvalidEscape,
    /// Half of a surrogate pair, which is no character.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// Nesting beyond [`MAX_DEPTH`].
    #[error("nested too deeply")]
    TooDeep,
}

/// Reads one value that fills the whole text. The last of several members of one name wins.
///
/// # Errors
/// The first place where the text is not JSON, or not acceptable JSON (see [`SyntaxErrorKind`]).
pub fn parse(text: &[u8]) -> Result<Json, SyntaxError> {
    let text = std::str::from_utf8(text)
        .map_err(|error| SyntaxError { offset: error.valid_up_to(), kind: SyntaxErrorKind::NotUtf8 })?;
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.fail(SyntaxErrorKind::TrailingCharacters)) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn fail(&self, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError { offset: self.at, kind }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, SyntaxError> {
        let byte = self.peek().ok_or(self.fail(SyntaxErrorKind::UnexpectedEnd))?;
        self.at += 1;
        Ok(byte)
    }

    fn unexpected(&self) -> SyntaxError {
        let kind = match self.peek() {
            Some(_) => SyntaxErrorKind::UnexpectedCharacter,
            None => SyntaxErrorKind::UnexpectedEnd,
        };
        self.fail(kind)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over the byte if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, SyntaxError> {
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(self.fail(SyntaxErrorKind::TooDeep)),
            Some(b'{') => self.object(depth + 1).map(Json::Object),
            Some(b'[') => self.array(depth + 1).map(Json::Array),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json, SyntaxError> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        for (word, value) in words {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected())
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json>, SyntaxError> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, SyntaxError> {
        let mut members = Object::new();
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(members);
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            let name = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.unexpected());
            }
            self.skip_space();
            let value = self.value(depth)?;
            members.insert(name, value);
            self.skip_space();
            if self.take(b'}') {
                return Ok(members);
            }
            if !self.take(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let plain = self.rest();
            let end = plain
                .bytes()
                .position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')
                .ok_or(SyntaxError { offset: self.text.len(), kind: SyntaxErrorKind::UnexpectedEnd })?;
            text.push_str(plain.get(..end).unwrap_or_default());
            self.at += end;
            if self.take(b'"') {
                return Ok(text);
            }
            if !self.take(b'\\') {
                return Err(self.unexpected());
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        Ok(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.fail(SyntaxErrorKind::InvalidEscape)),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, SyntaxError> {
        let first = self.four_hex_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first).ok_or(self.fail(SyntaxErrorKind::LoneSurrogate));
        }
        if !self.rest().starts_with("\\u") {
            return Err(self.fail(SyntaxErrorKind::LoneSurrogate));
        }
        self.at += 2;
        let second = self.four_hex_digits()?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(self.fail(SyntaxErrorKind::LoneSurrogate));
        }
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
            .ok_or(self.fail(SyntaxErrorKind::LoneSurrogate))
    }

    fn four_hex_digits(&mut self) -> Result<u32, SyntaxError> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += if value.is_some() { 4 } else { 0 };
        value.ok_or(self.fail(SyntaxErrorKind::InvalidEscape))
    }

    fn number(&mut self) -> Result<Json, SyntaxError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut is_float = false;
        if self.take(b'.') {
            is_float = true;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            is_float = true;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if is_float { self.float(text) } else { Ok(integer(text)) }
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected());
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn float(&self, text: &str) -> Result<Json, SyntaxError> {
        match text.parse() {
            Ok(value) if f64::is_finite(value) => Ok(Json::Float(value)),
            _ => Err(self.fail(SyntaxErrorKind::NumberTooLarge)),
        }
    }
}

fn integer(text: &str) -> Json {
    text.parse().map_or_else(|_| Json::BigInt(text.to_owned()), Json::Int)
}
