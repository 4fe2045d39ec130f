//! Names, attributes and words that do not appear in the repository.
//!
//! What is searched for is put together from pieces, so that this file does not find itself.

use std::path::Path;

use crate::source::{self, File};

/// Names that say what a file is not.
const NAMELESS: [&str; 7] = ["util", "utils", "helpers", "misc", "common", "types", "manager"];

fn shown<'a>(files: impl Iterator<Item = &'a File>) -> Vec<String> {
    files.map(|file| file.shown().to_string()).collect()
}

/// Files and what was found in them.
fn found(files: &[File], needles: &[String]) -> Vec<String> {
    let pairs = files.iter().flat_map(|file| needles.iter().map(move |needle| (file, needle)));
    pairs
        .filter(|(file, needle)| file.text.contains(needle.as_str()))
        .map(|(file, needle)| format!("{}: {needle}", file.shown()))
        .collect()
}

#[test]
fn files_are_named_for_what_they_are() {
    let files = source::rust_files();
    let nameless = files.iter().filter(|file| NAMELESS.contains(&file.stem()));
    assert_eq!(shown(nameless), Vec::<String>::new());
}

#[test]
fn modules_are_files_beside_their_directory() {
    let files = source::rust_files();
    assert_eq!(shown(files.iter().filter(|file| file.stem() == "mod")), Vec::<String>::new());
}

#[test]
fn every_module_but_tests_says_what_it_is() {
    let files = source::rust_files();
    let silent = files.iter().filter(|file| file.stem() != "tests" && !file.text.starts_with("//! "));
    assert_eq!(shown(silent), Vec::<String>::new());
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let needles = ["[", "!["].map(|opening| format!("#{opening}allow("));
    assert_eq!(found(&source::rust_files(), &needles), Vec::<String>::new());
}

#[test]
fn nothing_is_left_to_do_by_panicking() {
    let needles = ["todo", "unimplemented"].map(|name| format!("{name}!"));
    assert_eq!(found(&source::rust_files(), &needles), Vec::<String>::new());
}

#[test]
fn no_path_of_one_machine_is_mentioned() {
    let needles = ["work", "root", "farm"].map(|directory| format!("/{directory}/"));
    assert_eq!(found(&source::files(), &needles), Vec::<String>::new());
}

#[test]
fn no_host_of_a_package_registry_is_mentioned() {
    let needles = [
        ["crates", "io"].as_slice(),
        &["pypi", "org"],
        &["pythonhosted", "org"],
        &["proxy", "golang", "org"],
        &["sum", "golang", "org"],
        &["npmjs", "org"],
        &["maven", "apache", "org"],
        &["deb", "debian", "org"],
    ]
    .map(|labels| labels.join("."));
    assert_eq!(found(&source::files(), &needles), Vec::<String>::new());
}

#[test]
fn anyhow_stays_at_the_door() {
    let is_door = |file: &File| {
        let path = &file.path;
        ["main", "args", "assemble"].contains(&file.stem())
            || path.parent().is_some_and(|parent| parent.ends_with("bin"))
            || path.starts_with(Path::new("tests"))
    };
    let inside: Vec<_> = source::rust_files().into_iter().filter(|file| !is_door(file)).collect();
    assert_eq!(found(&inside, &["anyhow::".to_owned()]), Vec::<String>::new());
}
