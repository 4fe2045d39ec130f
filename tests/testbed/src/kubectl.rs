//! kubectl, as a user runs it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// An unmodified kubectl with the kubeconfig of one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// The given program for the cluster of the given kubeconfig.
    #[must_use]
    pub fn new(program: PathBuf, kubeconfig: &Path) -> Self {
        Self { program, kubeconfig: kubeconfig.to_owned() }
    }

    /// Runs it and gives what it printed.
    ///
    /// # Errors
    /// When it fails; the error holds what it complained about.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with_input(args, "").await
    }

    /// Runs it with `-o json` and gives the document it printed.
    ///
    /// # Errors
    /// When it fails, or prints no JSON.
    pub async fn json(&self, args: &[&str]) -> Result<Value> {
        let output = self.run(&[args, &["-o", "json"]].concat()).await?;
        serde_json::from_str(&output).context("read the output of kubectl")
    }

    /// Applies an object, as `kubectl apply -f -` does.
    ///
    /// # Errors
    /// When it is refused; the error holds the reason that the API server gave.
    pub async fn apply(&self, object: &Value) -> Result<String> {
        self.run_with_input(&["apply", "-f", "-"], &object.to_string()).await
    }

    /// Runs it with the given text as its input.
    ///
    /// # Errors
    /// When it fails; the error holds what it complained about.
    pub async fn run_with_input(&self, args: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new(&self.program)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("run {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that ends without reading its input closes the pipe; its status tells the story.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = child.wait_with_output().await.context("wait for kubectl")?;
        if !output.status.success() {
            bail!("kubectl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
