//! Constraints, which are kept as the client wrote them and compared by what they mean.

use std::fmt;
use std::str::FromStr;

use krake_constraint::{Error, LabelConstraint, MetricConstraint};

use crate::metadata::{key_message, value_message};
use crate::schema::{Mode, Value};
use crate::{Invalid, Json, python};

/// A constraint with the text it was read from. Equal are those of equal meaning.
#[derive(Clone)]
pub struct Verbatim<C> {
    text: String,
    /// None for a value from the database that is no constraint, such as the original's `load > abc`.
    meaning: Option<C>,
}

impl<C> Verbatim<C> {
    /// As the client wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<C: FromStr> FromStr for Verbatim<C> {
    type Err = C::Err;

    fn from_str(text: &str) -> Result<Self, C::Err> {
        Ok(Self { meaning: Some(text.parse()?), text: text.to_owned() })
    }
}

impl<C: PartialEq> PartialEq for Verbatim<C> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || (self.meaning.is_some() && self.meaning == other.meaning)
    }
}

impl<C> fmt::Debug for Verbatim<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<C> fmt::Display for Verbatim<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the two languages do not share.
trait Language: FromStr<Err = Error> {
    const REFUSAL: &'static str;
}

impl Language for LabelConstraint {
    const REFUSAL: &'static str = "Invalid label constraint";
}

impl Language for MetricConstraint {
    const REFUSAL: &'static str = "Invalid metric constraint";
}

impl<C: Language> Value for Verbatim<C> {
    fn read(json: &Json, mode: Mode) -> Result<Self, Invalid> {
        let text = json.as_str().ok_or_else(|| Invalid::message(C::REFUSAL))?;
        match text.parse() {
            Ok(constraint) => Ok(constraint),
            Err(_) if mode == Mode::Stored => Ok(Self { text: text.to_owned(), meaning: None }),
            Err(error) => Err(refusal::<C>(&error)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        crate::json::write_str(&self.text, out);
    }
}

fn refusal<C: Language>(error: &Error) -> Invalid {
    match error {
        Error::Syntax => Invalid::message(C::REFUSAL),
        // The original prints the parser's token, not the key alone.
        Error::Key(key) => Invalid::message(key_message(&format!("Token('__ANON_0', {})", python::quote(key)))),
        Error::Value(value) => Invalid::message(value_message(value)),
        // The original accepts these, and its scheduler fails on them.
        Error::Number(_) => Invalid::message(format!("{}: {error}", C::REFUSAL)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<C: Language>(json: &Json) -> Option<String> {
        Verbatim::<C>::read(json, Mode::Full).err().map(|invalid| invalid.to_string())
    }

    #[test]
    fn a_constraint_is_echoed_as_written_and_compared_by_meaning() {
        let written: Verbatim<LabelConstraint> = " a  is b".parse().unwrap();
        assert_eq!(written, "a==b".parse().unwrap());
        assert_ne!(written, "a is c".parse().unwrap());
        let mut out = Vec::new();
        written.write(&mut out);
        assert_eq!(out, b"\" a  is b\"");
    }

    #[test]
    fn refused_constraints_get_the_texts_of_the_original() {
        assert_eq!(refused::<LabelConstraint>(&"a".into()).as_deref(), Some("['Invalid label constraint']"));
        assert_eq!(refused::<LabelConstraint>(&Json::Int(5)).as_deref(), Some("['Invalid label constraint']"));
        assert_eq!(refused::<MetricConstraint>(&"m 5".into()).as_deref(), Some("['Invalid metric constraint']"));
        assert_eq!(
            refused::<LabelConstraint>(&"-a is b".into()).as_deref(),
            Some(
                r#"["Label key Token('__ANON_0', '-a') does not match the regex '^((\\\\w|(\\\\w[\\\\w\\\\-_.]{0,251}\\\\w))\\\\/)?(\\\\w|(\\\\w[\\\\w\\\\-_.]{0,61}\\\\w))$'."]"#
            )
        );
        assert_eq!(
            refused::<MetricConstraint>(&"m > $".into()).as_deref(),
            Some(r#"["Label value '$' does not match the regex '\\\\w|(\\\\w[\\\\w\\\\-_.]{0,61}\\\\w)'."]"#)
        );
    }

    #[test]
    fn a_metric_is_compared_with_a_number_in_any_documented_spelling() {
        for text in ["load > 5", "load>5", "load is greater than 5", "load gt 5"] {
            let written = Verbatim::<MetricConstraint>::read(&text.into(), Mode::Creation).unwrap();
            assert_eq!(written, "load greater than 5".parse().unwrap());
            assert_eq!(written.text(), text);
        }
        assert_eq!(
            refused::<MetricConstraint>(&"load > abc".into()).as_deref(),
            Some("['Invalid metric constraint: `abc` is not a number; the value must be one, e.g. `load < 0.5`']")
        );
    }

    #[test]
    fn a_stored_constraint_is_kept_even_if_it_can_no_longer_be_written() {
        let stored = |text: &str| Verbatim::<MetricConstraint>::read(&text.into(), Mode::Stored).unwrap();
        assert_eq!(stored("load > abc").text(), "load > abc");
        assert_eq!(stored("load > abc"), stored("load > abc"));
        assert_ne!(stored("load > abc"), stored("load > xyz"));
        assert_ne!(stored("load > abc"), stored("load > 5"));
        assert_eq!(stored("load > 5"), stored("load>5"));
    }
}
