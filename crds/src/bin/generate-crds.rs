//! Writes every custom resource definition to `charts/krake/crds`, one file a kind.
//!
//! Usage: `cargo run -p krake-crds --bin generate-crds [DIRECTORY]`

use std::{fs, path::PathBuf};

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args().nth(1).map_or_else(default_directory, PathBuf::from);
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    for (name, text) in krake_crds::manifests()? {
        let file = directory.join(name);
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(())
}

fn default_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../charts/krake/crds")
}
