//! Programs that do one thing and end: within a time, with their words kept for the case that they fail.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::process::Command;

use crate::{
    process::ProcessGroup,
    progress::{Progress, seconds},
};

/// How many of the last lines of a failed program are shown.
const SHOWN_LINES: usize = 20;

/// Runs a command to its end, and gives what it printed; neither it nor its children outlive us or the time. `what`
/// is shown with the time that passed.
///
/// # Errors
/// When it cannot be started, fails, or takes longer than `within`; the error shows its last lines.
pub(crate) async fn run(command: &mut Command, what: &str, within: Duration, progress: Progress) -> Result<String> {
    let group = ProcessGroup::start()?;
    command.process_group(group.id()).stdin(Stdio::null()).kill_on_drop(true);
    let start = Instant::now();
    let mut pulse = tokio::time::interval(Progress::pulse());
    // The first tick comes at once.
    pulse.tick().await;
    let mut output = std::pin::pin!(tokio::time::timeout(within, command.output()));
    let output = loop {
        tokio::select! {
            output = &mut output => break output,
            _ = pulse.tick() => progress.update(&format!("  {what}, {}", seconds(start.elapsed()))),
        }
    };
    progress.finish_update();
    let output = output.map_err(|_| anyhow!("{what} took longer than {within:?}"))?.with_context(|| what.to_owned())?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    ensure!(output.status.success(), "{what} ended with {}\n{}", output.status, last_lines(&said));
    Ok(said)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str, within: Duration) -> Result<String> {
        run(Command::new("/bin/sh").args(["-c", script]), "script", within, Progress::Silent).await
    }

    #[tokio::test]
    async fn a_failed_command_is_reported_with_its_words() {
        let error = shell("echo out of luck >&2; exit 3", Duration::from_secs(10)).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("script ended") && text.contains("out of luck"), "{text}");
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_takes_its_children_with_it() {
        let before = Instant::now();
        let error = shell("sleep 1000 & wait", Duration::from_millis(200)).await.unwrap_err();
        assert!(format!("{error:#}").contains("took longer"), "{error:#}");
        assert!(before.elapsed() < Duration::from_secs(10));
    }
}
