//! `./dev stop` and `./dev start`: how one terminal tells the stack in another what shall not run.
//!
//! A file says so. The stack looks at it (`supervision`) and makes it true.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use krake_testbed::{progress::seconds, project};

use crate::{
    args::Part,
    instance::{Component, Instance},
    say,
};

const DONE_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

impl Part {
    /// What it is called among the processes of the stack.
    pub(crate) fn process_name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Facade => "api-facade",
        }
    }

    fn file(self) -> PathBuf {
        project::root().join(".krake-dev").join(format!("{}.stopped", self.process_name()))
    }

    /// Whether somebody wants it not to run.
    pub(crate) fn is_stopped(self) -> bool {
        self.file().exists()
    }
}

/// Forgets what was stopped in an earlier stack.
pub(crate) fn release_all() {
    for part in [Part::Operator, Part::Facade] {
        let _ = std::fs::remove_file(part.file());
    }
}

pub(crate) async fn stop(part: Part) -> Result<ExitCode> {
    find(part)?;
    std::fs::write(part.file(), "").with_context(|| format!("write {}", part.file().display()))?;
    until(part, |component| !component.is_alive()).await
}

pub(crate) async fn start(part: Part) -> Result<ExitCode> {
    find(part)?;
    let _ = std::fs::remove_file(part.file());
    until(part, Component::is_alive).await
}

/// Waits until the stack has done what it was told.
async fn until(part: Part, is_done: impl Fn(&Component) -> bool) -> Result<ExitCode> {
    let start = Instant::now();
    while start.elapsed() < DONE_WITHIN {
        if is_done(&find(part)?) {
            say(format!("done after {}", seconds(start.elapsed())));
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("the stack did not react within {}", seconds(DONE_WITHIN))
}

fn find(part: Part) -> Result<Component> {
    let running = Instance::find()?.filter(|instance| instance.holder.is_alive());
    let instance = running.context("the stack is not running; start it: ./dev up")?;
    let mut components = instance.components.into_iter();
    let component = components.find(|component| component.name == part.process_name());
    component.with_context(|| format!("the stack runs without the {}", part.process_name()))
}
