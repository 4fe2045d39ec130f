//! CSV as `InfluxDB` answers it: RFC 4180, with annotations before the header and an empty line between tables.

/// One record: its fields.
pub(super) type Record = Vec<String>;

/// The records of a text, empty lines included (they have one empty field). An error ends them.
pub(super) fn records(text: &str) -> impl Iterator<Item = Result<Record, Unclosed>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = record(&mut rest);
        if record.is_err() {
            rest = "";
        }
        Some(record)
    })
}

/// A quoted field has no end, or something follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// Takes one record and the end of its line.
fn record(rest: &mut &str) -> Result<Record, Unclosed> {
    let mut fields = vec![field(rest)?];
    while let Some(after) = rest.strip_prefix(',') {
        *rest = after;
        fields.push(field(rest)?);
    }
    *rest = rest.strip_prefix('\n').unwrap_or(rest);
    Ok(fields)
}

/// Takes one field up to the comma or line feed behind it.
fn field(rest: &mut &str) -> Result<String, Unclosed> {
    if let Some(quoted) = rest.strip_prefix('"') {
        *rest = quoted;
        return quoted_field(rest);
    }
    let (field, after) = rest.split_at(rest.find([',', '\n']).unwrap_or(rest.len()));
    *rest = after;
    Ok(if after.starts_with(',') { field } else { without_return(field) }.to_owned())
}

/// Takes the rest of a field whose opening quote is taken. Two quotes stand for one.
fn quoted_field(rest: &mut &str) -> Result<String, Unclosed> {
    let mut field = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or(Unclosed)?;
        field.push_str(part);
        let Some(more) = after.strip_prefix('"') else {
            *rest = after.strip_prefix('\r').unwrap_or(after);
            let is_end = rest.is_empty() || rest.starts_with([',', '\n']);
            return if is_end { Ok(field) } else { Err(Unclosed) };
        };
        field.push('"');
        *rest = more;
    }
}

fn without_return(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Record>, Unclosed> {
        records(text).collect()
    }

    /// Writes a field as any careful writer of CSV does.
    fn written(field: &str) -> String {
        if field.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.into()
        }
    }

    fn lines_of(records: &[Record], end: &str) -> String {
        let line = |record: &Record| record.iter().map(|field| written(field)).collect::<Vec<_>>().join(",") + end;
        records.iter().map(line).collect()
    }

    #[test]
    fn quotes_commas_and_line_ends_are_read_as_the_standard_says() {
        let table: [(&str, &[&[&str]]); 9] = [
            ("", &[]),
            ("a,b", &[&["a", "b"]]),
            ("a,b\n", &[&["a", "b"]]),
            ("a,b\r\nc,\r\n", &[&["a", "b"], &["c", ""]]),
            (",", &[&["", ""]]),
            ("\r\n\r\n", &[&[""], &[""]]),
            ("\"a,\"\"b\"\"\",c\r\n", &[&["a,\"b\"", "c"]]),
            ("\"two\r\nlines\"\nc", &[&["two\r\nlines"], &["c"]]),
            ("\"\",é\n", &[&["", "é"]]),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_field_whose_quotes_do_not_match_ends_the_records() {
        for text in ["\"a", "\"a\"b", "x\n\"a\"\"", "\"a\" ,b"] {
            assert_eq!(read(text), Err(Unclosed), "{text:?}");
        }
        assert_eq!(records("\"a\"b\nc").count(), 1);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            written in proptest::collection::vec(proptest::collection::vec("[a-z ,\"\r\n#é]{0,6}", 1..5), 0..6),
            end in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            prop_assert_eq!(read(&lines_of(&written, end)).unwrap(), written);
        }

        #[test]
        fn any_text_has_an_end(text in "[,\"\r\na]{0,40}") {
            prop_assert!(records(&text).count() <= text.len());
        }
    }
}
