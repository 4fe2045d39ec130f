//! What a process uses, as the kernel counts it.

use std::time::Duration;

use anyhow::{Context, Result};
use krake_testbed::process::Process;

/// Linux counts times of processes in hundredths of a second, whatever the machine (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Memory and time of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// Memory that is resident now, in bytes.
    pub(super) resident: u64,
    /// The most that ever was, in bytes.
    pub(super) peak: u64,
    /// Time on a core since the start, in all threads.
    pub(super) cpu: Duration,
}

impl Usage {
    /// Of a process that runs.
    pub(super) fn of(process: &Process) -> Result<Self> {
        let id = process.id().with_context(|| format!("{} does not run", process.name()))?;
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{id}/{file}")).with_context(|| format!("read /proc/{id}/{file}"))
        };
        Self::parse(&read("status")?, &read("stat")?).context("understand what the kernel says of a process")
    }

    fn parse(status: &str, stat: &str) -> Option<Self> {
        // The second field is the program's name in brackets and may hold anything, so fields are counted after it.
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut times = after_name.split_whitespace().skip(11);
        let mut ticks = || times.next()?.parse::<u32>().ok();
        let (user, system) = (ticks()?, ticks()?);
        let (resident, peak) = (kilobytes(status, "VmRSS:")?, kilobytes(status, "VmHWM:")?);
        Some(Self { resident: resident * 1024, peak: peak * 1024, cpu: TICK * (user + system) })
    }
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let status = "Name:\tx\nVmHWM:\t  2000 kB\nVmRSS:\t  1000 kB\n";
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0";
        let expected = Usage { resident: 1_024_000, peak: 2_048_000, cpu: Duration::from_secs(3) };
        assert_eq!(Usage::parse(status, stat), Some(expected));
        assert_eq!(Usage::parse("", stat), None);
    }
}
