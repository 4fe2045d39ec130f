//! Who may import whom, proved from `cargo metadata`.
//!
//! A crate exists to forbid an import, so every crate of ours has a line here; development and build
//! dependencies obey the same table.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::source::{self, File};

/// Each product crate and the crates of ours it may import.
const MAY_IMPORT: [(&str, &[&str]); 16] = [
    ("krake-constraint", &[]),
    ("krake-crds", &["krake-constraint"]),
    ("krake-operator-domain", &["krake-crds"]),
    ("krake-operator-targets", &["krake-crds"]),
    ("krake-operator-providers", &["krake-crds"]),
    ("krake-operator-loops", &["krake-crds", "krake-operator-domain", "krake-operator-targets"]),
    (
        "krake-operator-controllers",
        &["krake-crds", "krake-operator-domain", "krake-operator-loops", "krake-operator-targets"],
    ),
    (
        "krake-operator-metrics",
        &["krake-crds", "krake-operator-domain", "krake-operator-loops", "krake-operator-providers"],
    ),
    ("krake-operator-collector", &["krake-crds", "krake-operator-domain", "krake-operator-loops"]),
    ("krake-operator-process", &[]),
    // The binary assembles, and shows in its API what the scheduler sees.
    (
        "krake-operator",
        &[
            "krake-crds",
            "krake-operator-collector",
            "krake-operator-controllers",
            "krake-operator-domain",
            "krake-operator-loops",
            "krake-operator-metrics",
            "krake-operator-process",
        ],
    ),
    ("krake-facade-wire", &["krake-constraint"]),
    ("krake-facade-store", &["krake-facade-wire"]),
    ("krake-facade-sync", &["krake-crds", "krake-facade-store", "krake-facade-wire"]),
    ("krake-facade-transport", &[]),
    (
        "krake-api-facade",
        &[
            "krake-facade-store",
            "krake-facade-sync",
            "krake-facade-transport",
            "krake-facade-wire",
            "krake-operator-process",
        ],
    ),
];

/// Outside crates that only some product crates may name.
const RESERVED: [(&str, &[&str]); 5] = [
    ("etcd-client", &["krake-facade-store"]),
    ("tonic", &["krake-facade-store"]),
    // The providers' tests install what a program installs at its start.
    ("rustls", &["krake-facade-transport", "krake-operator-process", "krake-operator-providers"]),
    // Libraries have typed errors; the crate of the custom resources has a binary that writes manifests.
    ("anyhow", &["krake-api-facade", "krake-crds", "krake-operator"]),
    // The facade asks identity services who a caller is, the operator asks metrics providers; nothing else in the product
    // calls an outside system over HTTP.
    ("reqwest", &["krake-api-facade", "krake-operator-providers"]),
];

/// Crates that decide or describe: no runtime, no network, no clock of their own.
const PURE: [&str; 3] = ["krake-constraint", "krake-operator-domain", "krake-facade-wire"];

/// What pure crates may not name.
const IMPURE: [&str; 8] = ["axum", "etcd-client", "futures", "hyper", "kube", "reqwest", "tokio", "tower"];

/// One crate of the workspace.
struct Package {
    name: String,
    /// Its directory, relative to the root of the repository.
    home: PathBuf,
    /// What it declares to import, for whatever purpose.
    imports: Vec<String>,
}

impl Package {
    fn is_test(&self) -> bool {
        self.home.starts_with("tests")
    }
}

fn packages() -> Vec<Package> {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(["metadata", "--no-deps", "--format-version=1"]).current_dir(source::root()).output();
    let metadata: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(described: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let manifest = PathBuf::from(text(&described["manifest_path"]));
    Package {
        name: text(&described["name"]),
        home: manifest.parent().unwrap().strip_prefix(source::root()).unwrap().to_owned(),
        imports: described["dependencies"].as_array().unwrap().iter().map(|import| text(&import["name"])).collect(),
    }
}

/// What the table grants a crate; `None` when the crate is not in it.
fn granted(package: &Package) -> Option<&'static [&'static str]> {
    MAY_IMPORT.iter().find(|(name, _)| package.name == *name).map(|(_, granted)| *granted)
}

/// Pairs of importer and imported, among the given crates, that break a rule.
fn breaches<'a>(
    packages: impl IntoIterator<Item = &'a Package>,
    breaks: impl Fn(&Package, &str) -> bool,
) -> Vec<String> {
    let pairs = packages.into_iter().flat_map(|package| package.imports.iter().map(move |import| (package, import)));
    pairs
        .filter(|(package, import)| breaks(package, import))
        .map(|(package, import)| format!("{} imports {import}", package.name))
        .collect()
}

fn product(packages: &[Package]) -> impl Iterator<Item = &Package> {
    packages.iter().filter(|package| !package.is_test())
}

#[test]
fn every_product_crate_has_a_line_in_the_table_and_every_line_a_crate() {
    let packages = packages();
    let unlisted = product(&packages).filter(|package| granted(package).is_none());
    assert_eq!(unlisted.map(|package| package.name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
    let stale = MAY_IMPORT.iter().filter(|(name, _)| packages.iter().all(|package| package.name != *name));
    assert_eq!(stale.map(|(name, _)| *name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_product_crate_imports_only_what_the_table_grants() {
    let packages = packages();
    let is_ours = |import: &str| packages.iter().any(|package| package.name == import);
    let broken = breaches(product(&packages), |package, import| {
        is_ours(import) && granted(package).is_some_and(|granted| !granted.contains(&import))
    });
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn nothing_but_tests_imports_tests() {
    let packages = packages();
    let tests: Vec<_> = packages.iter().filter(|package| package.is_test()).map(|test| test.name.as_str()).collect();
    assert!(tests.contains(&"krake-testbed"), "{tests:?}");
    assert_eq!(breaches(product(&packages), |_, import| tests.contains(&import)), Vec::<String>::new());
}

#[test]
fn reserved_crates_are_named_only_by_their_owners() {
    let packages = packages();
    let broken = breaches(product(&packages), |package, import| {
        RESERVED.iter().any(|(reserved, owners)| import == *reserved && !owners.contains(&package.name.as_str()))
    });
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn deciding_crates_have_no_runtime_and_no_network() {
    let packages = packages();
    let broken = breaches(product(&packages), |package, import| {
        PURE.contains(&package.name.as_str()) && IMPURE.contains(&import)
    });
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_declared_dependency_is_used() {
    let files = source::rust_files();
    let unused = breaches(&packages(), |package, import| !names(&files, package, import));
    assert_eq!(unused, Vec::<String>::new());
}

/// True when code of the crate itself, not of a crate inside its directory, names the import.
fn names(files: &[File], package: &Package, import: &str) -> bool {
    let crate_name = import.replace('-', "_");
    let ways = [format!("{crate_name}::"), format!("use {crate_name} as ")];
    let homes = ["src", "tests"].map(|directory| package.home.join(directory));
    let mut own = files.iter().filter(|file| homes.iter().any(|home| file.path.starts_with(home)));
    own.any(|file| ways.iter().any(|way| file.text.contains(way)))
}
