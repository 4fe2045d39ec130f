//! Single values, as they are written on the command line, in the environment and in the file. An error says what the
//! value is and what would be right.

use std::ffi::OsStr;
use std::net::{IpAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use url::Url;

use crate::wording::shown;

/// Yes or no, in the words of YAML and of the original.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "y" | "t" => Ok(true),
        "false" | "no" | "off" | "0" | "n" | "f" => Ok(false),
        _ => Err(format!("must be true or false, not '{}'", shown(text))),
    }
}

/// A whole number within a range.
pub(super) fn number<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = text.trim().parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!("must be a whole number from {} to {}, not '{}'", range.start(), range.end(), shown(text))
    })
}

/// A port to connect to.
pub(super) fn port(text: &str) -> Result<u16, String> {
    number(text, 1..=65535)
}

/// An address to listen at. A name is looked up; its first IPv4 address counts, then its first of any kind.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    let hint = "must be an IP address (0.0.0.0 for all addresses) or a name that this machine can look up";
    if text.is_empty() {
        return Err(format!("{hint}, not empty"));
    }
    let found = (text, 0).to_socket_addrs().map_err(|error| format!("{hint}, not '{}': {error}", shown(text)))?;
    let found: Vec<_> = found.map(|address| address.ip()).collect();
    let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
    address.copied().ok_or_else(|| format!("{hint}, not '{}', which has no address", shown(text)))
}

/// The URL of a service. An error does not show the text: it may hold a password.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let hint = "must be a URL such as http://localhost:5000/v3";
    let url = Url::parse(text).map_err(|error| format!("{hint}: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(hint.to_owned()) }
}

/// The URL of a member of an etcd cluster, as it was written. An error does not show the text: it may hold a password.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let is_endpoint = Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/"));
    if is_endpoint { Ok(text.to_owned()) } else { Err("must be a URL such as http://127.0.0.1:2379".to_owned()) }
}

/// A value on the command line that errors do not show; other parsers leave it to clap, which does.
#[derive(Clone)]
pub(super) struct Discreet<T>(pub(super) fn(&str) -> Result<T, String>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Discreet<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "must be UTF-8".to_owned()).and_then(self.0);
        parsed.map_err(|message| {
            let arg = arg.map(ToString::to_string).unwrap_or_default();
            let message = format!("invalid value for '{arg}': {message}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// A text that says something.
pub(super) fn filled(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// The path of a file.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    filled(text).map(PathBuf::from)
}

/// One of the words of an enumeration.
pub(super) fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, false).map_err(|_| {
        let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
        format!("must be one of: {}; not '{}'", words.join(", "), shown(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_have_many_names() {
        for yes in ["true", "True", "yes", "on", "ON", "1"] {
            assert_eq!(switch(yes), Ok(true), "{yes}");
        }
        for no in ["false", "FALSE", "no", "off", "0"] {
            assert_eq!(switch(no), Ok(false), "{no}");
        }
        for neither in ["", "maybe", "2", "enabled"] {
            assert!(switch(neither).is_err(), "{neither}");
        }
    }

    #[test]
    fn numbers_are_whole_and_within_their_range() {
        assert_eq!(port("2379"), Ok(2379));
        for wrong in ["", "0", "65536", "-1", "80.0", "http", "99999999999999999999"] {
            assert!(port(wrong).unwrap_err().starts_with("must be a whole number from 1 to 65535"), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_an_address_or_a_name_that_has_one() {
        for (text, address) in [("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("[::]", "::"), ("localhost", "127.0.0.1")] {
            assert_eq!(host(text).unwrap().to_string(), address);
        }
        for wrong in ["", "a b", "127.0.0.1:80"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn urls_name_a_scheme_and_a_host() {
        assert!(url("http://localhost:5000/v3").is_ok() && url("https://[::1]").is_ok());
        assert!(endpoint("http://a:1").is_ok() && endpoint("https://a:1/").is_ok());
        for wrong in ["", "localhost:5000", "ftp://a", "http://", "a"] {
            assert!(url(wrong).is_err() && endpoint(wrong).is_err(), "{wrong}");
        }
        assert!(endpoint("http://a:1/v3").is_err());
        for wrong in ["htp://amy:secret@a", "http://amy:secret", "http://amy:secret@a:x", "amy:secret@a"] {
            assert!(!url(wrong).unwrap_err().contains("secret"), "{wrong}");
            assert!(!endpoint(wrong).unwrap_err().contains("secret"), "{wrong}");
        }
    }
}
