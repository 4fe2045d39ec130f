//! `.krake-dev/env`: what a script needs to know about the running stack, as KEY=VALUE lines that a shell can read.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use krake_testbed::project;

/// Names and values, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvFile(Vec<(String, String)>);

impl EnvFile {
    pub(crate) fn path() -> PathBuf {
        project::root().join(".krake-dev/env")
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Result<&str> {
        self.find(name).with_context(|| format!("there is no {name} in {}", Self::path().display()))
    }

    /// The kubeconfig files of the targets, in their order.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        (1..).map_while(|number| self.find(&format!("TARGET_{number}_KUBECONFIG")))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        std::fs::write(path, self.print()).with_context(|| format!("write {}", path.display()))
    }

    pub(crate) fn read() -> Result<Self> {
        match std::fs::read_to_string(Self::path()) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!("the stack is not running; start it: ./dev up"),
            Err(error) => Err(error).with_context(|| format!("read {}", Self::path().display())),
        }
    }

    fn print(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
        lines.join("\n") + "\n"
    }

    fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), unquote(value))).collect())
    }
}

/// Quotes what a shell would not take as one plain word.
fn quote(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:,@%+".contains(c);
    if value.chars().all(is_plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

fn unquote(word: &str) -> String {
    match word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(quoted) => quoted.replace(r"'\''", "'"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> EnvFile {
        let mut file = EnvFile::default();
        file.set("KRAKE_URL", "http://127.0.0.1:8080");
        file.set("TARGET_1_KUBECONFIG", "/home/a/target-1.kubeconfig");
        file.set("TARGET_2_KUBECONFIG", "/home/it's mine/$HOME/target-2.kubeconfig");
        file
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(EnvFile::parse(&sample().print()), sample());
    }

    #[test]
    fn a_shell_reads_the_same_values() {
        let script = format!("{}\nprintf %s \"$TARGET_2_KUBECONFIG\"", sample().print());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), sample().get("TARGET_2_KUBECONFIG").unwrap());
    }

    #[test]
    fn plain_values_are_not_quoted() {
        assert!(sample().print().contains("KRAKE_URL=http://127.0.0.1:8080\n"));
    }

    #[test]
    fn targets_come_in_their_order() {
        assert_eq!(sample().targets().count(), 2);
    }
}
