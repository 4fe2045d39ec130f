//! Writes resources straight to etcd, all of them or none. Source: the REST contract's chapter on the bootstrap tool.
//!
//! ```text
//! files ──yaml──▶ documents ──draft──▶ changes ──look for namesakes──▶ write ──▶ report
//!                     │ refused            │ exists, no --force           │ failed: roll back
//! ```
//!
//! Unlike the original we write nothing before every document of every file is known to be good: what is written is
//! seen at once by whoever watches, the sync among them, and a rollback is seen, too.

mod draft;
mod report;
mod write;

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;

use krake_facade_store::Store;

use self::draft::{Draft, Refusal};
pub(crate) use self::report::Report;
use self::write::Change;
use crate::args::Bootstrap;
use crate::wording::in_full;
use crate::{resource, yaml};

/// The roles of Krake's components, as YAML documents. Source: the REST contract's chapter on roles for bootstrapping.
pub(crate) const DEFAULT_ROLES: &str = include_str!("../roles.yaml");

/// Where documents come from.
struct Source {
    name: String,
    text: Result<String, yaml::Error>,
}

/// Does what was asked for, and tells what came of it.
pub(crate) async fn run(request: &Bootstrap, store: &Store) -> Report {
    let sources = sources(request);
    let mut report = Report::new(sources.iter().map(|source| source.name.clone()));
    let mut changes = draft(sources, &mut report);
    find_namesakes(&mut changes, store, request.force, &mut report).await;
    if report.is_clean() {
        write::all(&changes, store, &mut report).await;
    }
    report
}

fn sources(request: &Bootstrap) -> Vec<Source> {
    let files = request.files.iter().map(|path| open(path));
    let roles = Source { name: "<default roles>".to_owned(), text: Ok(DEFAULT_ROLES.to_owned()) };
    files.chain(request.default_roles.then_some(roles)).collect()
}

fn open(path: &Path) -> Source {
    if path == Path::new("-") {
        return Source { name: "<stdin>".to_owned(), text: yaml::read(std::io::stdin().lock()) };
    }
    let text = File::open(path).map_err(yaml::Error::Read).and_then(yaml::read);
    Source { name: path.display().to_string(), text }
}

fn draft(sources: Vec<Source>, report: &mut Report) -> Vec<Change> {
    let now = resource::now();
    let mut changes = Vec::new();
    for (file, source) in sources.into_iter().enumerate() {
        let documents = match source.text.and_then(|text| yaml::documents(&text)) {
            Ok(documents) => documents,
            Err(error) => {
                report.fail(file, "the file", &in_full(&error));
                continue;
            }
        };
        for (index, document) in documents.iter().enumerate() {
            match Draft::read(document, index + 1, now) {
                Ok(draft) => changes.push(Change { file, draft, previous: None }),
                Err(Refusal { what, error }) => report.fail(file, &what, &error),
            }
        }
    }
    changes
}

/// Looks for objects that have the names already. With `force` they are replaced.
async fn find_namesakes(changes: &mut [Change], store: &Store, force: bool, report: &mut Report) {
    let mut seen = HashSet::new();
    for change in changes {
        let Change { file, draft, previous } = change;
        if !seen.insert(draft.key.clone()) {
            report.fail(*file, &draft.reference, "ValueError('The resource is given twice.')");
            continue;
        }
        match store.get(&draft.key).await {
            Ok(None) => {}
            Ok(found) if force => *previous = found,
            Ok(Some(_)) => report.fail(*file, &draft.reference, report::PRESENT),
            Err(error) => {
                report.fail(*file, &draft.reference, &in_full(&error));
                return;
            }
        }
    }
}
