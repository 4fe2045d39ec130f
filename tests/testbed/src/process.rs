//! Child processes that never outlive us, can be paused and killed, and keep their output in a log file.
//!
//! ```text
//! this process ──pipe──▶ watchdog (leader of a process group)
//!      └── spawns ──▶ etcd, kube-apiserver, … (members of that group)
//! ```
//!
//! When this process ends for whatever reason, the pipe closes and the watchdog kills its whole group, itself
//! included. That needs no cooperation of the members (a paused one dies as well) and works from any thread.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

/// Pause between two looks at a process or a server.
pub(crate) const POLL: Duration = Duration::from_millis(50);

/// How much of a log a failure shows.
const LOG_TAIL_LINES: usize = 15;
const LOG_TAIL_BYTES: u64 = 16 * 1024;

/// A process group that dies with this process or when the value is dropped.
#[derive(Debug)]
pub struct ProcessGroup {
    watchdog: Child,
    id: Pid,
}

impl ProcessGroup {
    /// Starts the watchdog of a new group.
    ///
    /// # Errors
    /// When no shell can be started.
    pub fn start() -> Result<Arc<Self>> {
        Self::spawn().map(Arc::new)
    }

    fn spawn() -> Result<Self> {
        let watchdog = Command::new("/bin/sh")
            .args(["-c", "read -r _; kill -s KILL 0"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start the watchdog of a process group")?;
        let id = as_pid(&watchdog)?;
        Ok(Self { watchdog, id })
    }

    /// The number of the group, which is the process id of its watchdog.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id.as_raw()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // The watchdog is not reaped before this, so the number still belongs to this group.
        let _ = killpg(self.id, Signal::SIGKILL);
        let _ = self.watchdog.wait();
    }
}

fn as_pid(child: &Child) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(child.id()).context("process id out of range")?))
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
}

impl Program {
    /// The program at `path`, called `name` in logs and messages.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), path: path.into(), args: Vec::new(), env: Vec::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds `--name=value`.
    #[must_use]
    pub fn flag(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.args([format!("--{name}={value}")])
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }
}

/// A program that runs, or ran, as a child process.
#[derive(Debug)]
pub struct Process {
    program: Program,
    log: PathBuf,
    group: Arc<ProcessGroup>,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts `program` in `group`; its output is appended to `<name>.log` in the folder `logs`.
    ///
    /// # Errors
    /// When the log cannot be written or the program cannot be started.
    pub fn start(program: Program, group: &Arc<ProcessGroup>, logs: &Path) -> Result<Self> {
        let log = logs.join(format!("{}.log", program.name));
        let process = Self { program, log, group: group.clone(), child: Mutex::new(None) };
        process.start_again()?;
        Ok(process)
    }

    /// Starts the program again, with the same arguments, after it was stopped or killed.
    ///
    /// # Errors
    /// When it still runs, or cannot be started.
    pub fn start_again(&self) -> Result<()> {
        let mut child = self.child();
        if let Some(running) = child.as_mut()
            && running.try_wait().context("look at the process")?.is_none()
        {
            bail!("{} runs already", self.program.name);
        }
        *child = Some(self.spawn()?);
        Ok(())
    }

    fn spawn(&self) -> Result<Child> {
        let Program { name, path, args, env } = &self.program;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("open {}", self.log.display()))?;
        Command::new(path)
            .args(args)
            .envs(env.iter().cloned())
            .env_remove("KUBECONFIG")
            .process_group(self.group.id())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {name} ({})", path.display()))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name given to the program.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// The file with the program's output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        let mut child = self.child();
        let child = child.as_mut()?;
        matches!(child.try_wait(), Ok(None)).then(|| child.id())
    }

    /// Stops the process in its tracks (SIGSTOP): connections stay open, nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a paused process continue (SIGCONT).
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// Kills the process (SIGKILL) and waits until it is gone. Does nothing if it does not run.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the process to end (SIGTERM) and kills it if it has not ended after `grace`. Gives its exit status, or
    /// `None` if it did not run or had to be killed.
    ///
    /// # Errors
    /// When the process cannot be looked at.
    pub async fn stop(&self, grace: Duration) -> Result<Option<ExitStatus>> {
        if self.id().is_none() || self.signal(Signal::SIGTERM).is_err() {
            return Ok(None);
        }
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if let Some(status) = self.exit_status()? {
                *self.child() = None;
                return Ok(Some(status));
            }
            tokio::time::sleep(POLL).await;
        }
        self.kill();
        Ok(None)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child();
        let child = child.as_ref().with_context(|| format!("{} does not run", self.program.name))?;
        kill(as_pid(child)?, signal).with_context(|| format!("send {signal} to {}", self.program.name))
    }

    fn exit_status(&self) -> Result<Option<ExitStatus>> {
        match self.child().as_mut() {
            Some(child) => child.try_wait().context("look at the process"),
            None => Ok(None),
        }
    }

    /// Waits until `probe` succeeds.
    ///
    /// # Errors
    /// When the process ends, or when the deadline passes; the error shows the last failure of the probe and the end
    /// of the log.
    pub async fn ready<T>(&self, within: Duration, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.exit_status()? {
                return Err(anyhow!("{} ended with {status}\n{}", self.program.name, self.log_tail()));
            }
            let last = match tokio::time::timeout(within, probe()).await {
                Ok(Ok(ready)) => return Ok(ready),
                Ok(Err(error)) => error,
                Err(_) => anyhow!("no answer"),
            };
            if Instant::now() > deadline {
                let tail = self.log_tail();
                return Err(last.context(format!("{} was not ready within {within:?}\n{tail}", self.program.name)));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The last lines of the log, indented, under the name of the file.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = read_tail(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(LOG_TAIL_LINES);
        let tail = lines.get(first..).unwrap_or_default().join("\n  | ");
        format!("{}:\n  | {tail}", self.log.display())
    }
}

fn read_tail(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// When the process `id` was started, in the kernel's clock ticks since boot. With the id it names one process for as
/// long as the machine runs. `None` when there is no such process.
#[must_use]
pub fn start_time(id: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything, so fields are counted after it.
    let (_, after_name) = text.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn is_alive(id: u32) -> bool {
        start_time(id).is_some()
    }

    fn sleeper(group: &Arc<ProcessGroup>, logs: &Path) -> Process {
        Process::start(Program::new("sleeper", "/bin/sleep").args(["1000"]), group, logs).unwrap()
    }

    #[test]
    fn a_dropped_group_leaves_no_member_even_a_paused_one() {
        let logs = tempfile::tempdir().unwrap();
        let group = ProcessGroup::start().unwrap();
        let (first, second) = (sleeper(&group, logs.path()), sleeper(&group, logs.path()));
        second.pause().unwrap();
        let ids = [first.id().unwrap(), second.id().unwrap()];
        assert!(ids.into_iter().all(is_alive));
        killpg(group.id, Signal::SIGKILL).unwrap();
        drop((first, second, group));
        assert!(!ids.into_iter().any(is_alive));
    }

    #[test]
    fn the_watchdog_kills_the_group_when_its_parent_is_gone() {
        let mut group = ProcessGroup::spawn().unwrap();
        let mut member = Command::new("/bin/sleep").arg("1000").process_group(group.id()).spawn().unwrap();
        drop(group.watchdog.stdin.take());
        assert_eq!(member.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
    }

    #[tokio::test]
    async fn a_program_that_ends_early_is_reported_with_its_log() {
        let logs = tempfile::tempdir().unwrap();
        let group = ProcessGroup::start().unwrap();
        let program = Program::new("quitter", "/bin/sh").args(["-c", "echo out of luck; exit 3"]);
        let process = Process::start(program, &group, logs.path()).unwrap();
        let error =
            process.ready(Duration::from_secs(5), async || -> Result<()> { bail!("not yet") }).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("quitter ended") && text.contains("out of luck"), "{text}");
    }

    #[tokio::test]
    async fn a_stopped_process_can_be_started_again() {
        let logs = tempfile::tempdir().unwrap();
        let group = ProcessGroup::start().unwrap();
        let process = sleeper(&group, logs.path());
        let first = process.id().unwrap();
        process.stop(Duration::from_secs(5)).await.unwrap();
        assert!(!is_alive(first));
        process.start_again().unwrap();
        assert!(process.id().is_some_and(|second| second != first));
    }
}
