//! Syntax of label keys and values, in constraints and in label maps.
//!
//! Wider than Kubernetes': a prefix need not be a DNS name, and `_` counts as a letter. Only ASCII is meant.

/// The regular expression of label keys, letter for letter as Krake echoes it in its answers.
pub const KEY_PATTERN: &str = r"^((\w|(\w[\w\-_.]{0,251}\w))\/)?(\w|(\w[\w\-_.]{0,61}\w))$";

/// The regular expression of label values, letter for letter as Krake echoes it in its answers.
pub const VALUE_PATTERN: &str = r"\w|(\w[\w\-_.]{0,61}\w)";

const LONGEST_PREFIX: usize = 253;
const LONGEST_NAME: usize = 63;

/// Whether `text` is a label key: an optional prefix and a slash, then a name.
#[must_use]
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_segment(prefix, LONGEST_PREFIX) && is_segment(name, LONGEST_NAME),
        None => is_segment(text, LONGEST_NAME),
    }
}

/// Whether `text` is a label value. An empty one is not.
#[must_use]
pub fn is_value(text: &str) -> bool {
    is_segment(text, LONGEST_NAME)
}

fn is_segment(text: &str, longest: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= longest
        && bytes.first().is_some_and(|&byte| is_word(byte))
        && bytes.last().is_some_and(|&byte| is_word(byte))
        && bytes.iter().all(|&byte| is_word(byte) || byte == b'-' || byte == b'.')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_values_of_the_contract() {
        for good in ["a", "_", "a/b", "x.y/z", "a.b_c-d/e", &"k".repeat(63), &format!("{}/k", "p".repeat(253))] {
            assert!(is_key(good), "{good}");
        }
        for bad in
            ["", "/", "a/", "/a", "a/b/c", "-a", "a:", "ä", "a b", &"k".repeat(64), &format!("{}/k", "p".repeat(254))]
        {
            assert!(!is_key(bad), "{bad}");
        }
        for bad in ["", "-b", "b-", ".", "ä", "b\n", "x/y", "$", &"v".repeat(64)] {
            assert!(!is_value(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_code_accepts_what_the_patterns_accept(text in "[a/._\\- \n]{0,8}|a{60,66}|a{250,256}/b|a[-.]{58,64}b") {
            let key = regex::bytes::Regex::new(&format!("(?-u){KEY_PATTERN}")).unwrap();
            let value = regex::bytes::Regex::new(&format!("(?-u)^({VALUE_PATTERN})$")).unwrap();
            prop_assert_eq!(is_key(&text), key.is_match(text.as_bytes()));
            prop_assert_eq!(is_value(&text), value.is_match(text.as_bytes()));
        }
    }
}
