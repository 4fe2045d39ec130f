//! How large files, functions, parameter lists and crates may grow.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    measure,
    source::{self, File},
};

/// Lines of a file, its tests included.
const FILE_LINES: usize = 600;

/// Lines of a function body.
const BODY_LINES: usize = 80;

/// Parameters of a function, `self` included.
const PARAMETERS: usize = 5;

/// Lines of a crate without its tests.
const CRATE_LINES: usize = 6_000;

/// What may pass a limit, as `path` or `path:function`, each with its reason beside it.
const EXCEPTIONS: [&str; 0] = [];

/// A longer list would mean that the limits are wrong.
const MOST_EXCEPTIONS: usize = 5;

/// Everything over a limit, as (name in the form of an exception, what is over).
fn excesses() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in source::rust_files() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            found.push((file.shown().to_string(), format!("{lines} lines")));
        }
        found.extend(function_excesses(&file));
    }
    found
}

fn function_excesses(file: &File) -> Vec<(String, String)> {
    let functions = measure::functions(&parsed(file)).into_iter();
    let over = functions.filter(|function| function.body_lines > BODY_LINES || function.parameters > PARAMETERS);
    over.map(|function| {
        let measures = format!("{} lines, {} parameters", function.body_lines, function.parameters);
        (format!("{}:{}", file.shown(), function.name), measures)
    })
    .collect()
}

fn parsed(file: &File) -> syn::File {
    syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.shown()))
}

/// Production lines of each crate, by the directory that holds its `src`.
fn crate_lines() -> BTreeMap<PathBuf, usize> {
    let mut lines = BTreeMap::new();
    for file in source::rust_files() {
        if let Some(home) = crate_of(&file.path).filter(|_| file.stem() != "tests") {
            *lines.entry(home).or_default() += file.text.lines().count() - measure::test_lines(&parsed(&file));
        }
    }
    lines
}

fn crate_of(path: &Path) -> Option<PathBuf> {
    path.ancestors().find(|ancestor| ancestor.ends_with("src")).and_then(Path::parent).map(Path::to_owned)
}

#[test]
fn files_bodies_and_parameter_lists_stay_within_their_limits() {
    let over: Vec<_> = excesses().into_iter().filter(|(name, _)| !EXCEPTIONS.contains(&name.as_str())).collect();
    assert!(over.is_empty(), "{over:#?}");
}

#[test]
fn the_list_of_exceptions_is_short_and_not_stale() {
    assert!(EXCEPTIONS.len() <= MOST_EXCEPTIONS);
    let excesses = excesses();
    let stale = EXCEPTIONS.iter().filter(|exception| excesses.iter().all(|(name, _)| name != *exception));
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn no_crate_outgrows_its_limit() {
    let lines = crate_lines();
    assert!(lines.len() > 1, "{lines:?}");
    let over: Vec<_> = lines.iter().filter(|(_, lines)| **lines > CRATE_LINES).collect();
    assert!(over.is_empty(), "{over:?} of {lines:#?}");
}
