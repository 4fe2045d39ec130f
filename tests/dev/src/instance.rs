//! `.krake-dev/instance.json`: which processes the running stack consists of, so that another `./dev` finds them.
//!
//! A process is known by its id *and* its start time: an id alone may belong to somebody else by now.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use krake_testbed::{process::start_time, project};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::{env_file::EnvFile, say};

/// How long a stack may take to go down by itself.
const GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// A process that can be recognised.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Known {
    id: u32,
    start_time: u64,
}

impl Known {
    pub(crate) fn of(id: u32) -> Result<Self> {
        let start_time = start_time(id).with_context(|| format!("there is no process {id}"))?;
        Ok(Self { id, start_time })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn is_alive(&self) -> bool {
        start_time(self.id) == Some(self.start_time)
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.id).context("process id out of range")?))
    }
}

/// One server of the stack.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Component {
    /// What it belongs to, e.g. `target-1`.
    pub(crate) owner: String,
    pub(crate) name: String,
    /// `None` while it does not run.
    pub(crate) process: Option<Known>,
    pub(crate) log: PathBuf,
}

/// The running stack.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Instance {
    /// The `krake-dev up` that holds it.
    pub(crate) holder: Known,
    /// The leader of the group of all servers.
    pub(crate) group: Known,
    pub(crate) components: Vec<Component>,
}

impl Component {
    pub(crate) fn is_alive(&self) -> bool {
        self.process.as_ref().is_some_and(Known::is_alive)
    }
}

impl Instance {
    fn path() -> PathBuf {
        project::root().join(".krake-dev/instance.json")
    }

    /// What the last `./dev up` wrote, whether it still runs or not.
    pub(crate) fn find() -> Result<Option<Self>> {
        let path = Self::path();
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).map(Some).with_context(|| format!("understand {}", path.display()))
    }

    pub(crate) fn write(&self) -> Result<()> {
        let path = Self::path();
        create_parent(&path)?;
        std::fs::write(&path, serde_json::to_string_pretty(self)?).with_context(|| format!("write {}", path.display()))
    }

    fn processes(&self) -> impl Iterator<Item = &Known> {
        self.components.iter().filter_map(|component| component.process.as_ref())
    }

    /// Forgets the stack, with the file for scripts.
    pub(crate) fn forget() {
        let _ = std::fs::remove_file(Self::path());
        let _ = std::fs::remove_file(EnvFile::path());
    }
}

fn create_parent(path: &Path) -> Result<()> {
    let dir = path.parent().context("find the folder for the state of the stack")?;
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))
}

/// Refuses to go on while another stack runs.
pub(crate) fn ensure_none_runs() -> Result<()> {
    let running = Instance::find()?.filter(|instance| instance.holder.is_alive());
    ensure!(
        running.is_none(),
        "a stack runs already (process {}); stop it with Ctrl-C there, or with ./dev down",
        running.map_or(0, |instance| instance.holder.id)
    );
    Ok(())
}

/// `./dev down`.
pub(crate) async fn down() -> Result<ExitCode> {
    let Some(instance) = Instance::find()? else {
        say("nothing runs");
        return Ok(ExitCode::SUCCESS);
    };
    if instance.holder.is_alive() {
        say(format!("stopping the stack (process {})", instance.holder.id));
        kill(instance.holder.pid()?, Signal::SIGTERM).context("stop the stack")?;
        if !gone(&instance).await {
            kill(instance.holder.pid()?, Signal::SIGKILL).context("kill the stack")?;
        }
    }
    if instance.group.is_alive() {
        killpg(instance.group.pid()?, Signal::SIGKILL).context("kill the servers")?;
    }
    for process in instance.processes().filter(|process| process.is_alive()) {
        kill(process.pid()?, Signal::SIGKILL).with_context(|| format!("kill process {}", process.id))?;
    }
    if !gone(&instance).await {
        bail!("some processes are still there; see ./dev status");
    }
    Instance::forget();
    say("the stack is down");
    Ok(ExitCode::SUCCESS)
}

async fn gone(instance: &Instance) -> bool {
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if !instance.processes().chain([&instance.holder, &instance.group]).any(Known::is_alive) {
            return true;
        }
        tokio::time::sleep(POLL).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_not_taken_for_another_one_with_its_id() {
        let this = Known::of(std::process::id()).unwrap();
        assert!(this.is_alive());
        assert!(!Known { start_time: this.start_time + 1, ..this }.is_alive());
    }
}
