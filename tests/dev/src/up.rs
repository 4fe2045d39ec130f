//! `./dev up`: the stack, until Ctrl-C.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, Result, ensure};
use krake_testbed::{
    assets::Assets,
    binaries, port,
    progress::{Progress, seconds},
    project,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    args::UpOptions,
    demo,
    env_file::EnvFile,
    instance::{Instance, ensure_none_runs},
    say,
    stack::Stack,
    supervision, switch,
};

pub(crate) async fn run(options: UpOptions) -> Result<ExitCode> {
    ensure_none_runs()?;
    if !options.clusters_only {
        let port = options.port;
        ensure!(port::is_free(port), "port {port} is taken; choose another one with --port, or see ./dev status");
    }
    let assets = Assets::find_or_build(Progress::Shown).await?;
    if !options.clusters_only {
        binaries::build(&[binaries::OPERATOR, binaries::API_FACADE]).await?;
    }
    let mut interruption = Interruption::listen()?;
    let stack = tokio::select! {
        stack = start(&options, assets) => stack?,
        () = interruption.wait() => return Ok(ExitCode::FAILURE),
    };
    let outcome = tokio::select! {
        outcome = serve(&options, &stack) => outcome,
        () = interruption.wait() => Ok(ExitCode::SUCCESS),
    };
    say("\nstopping the stack");
    stack.stop().await;
    Instance::forget();
    outcome
}

async fn start(options: &UpOptions, assets: Assets) -> Result<Stack> {
    let data = data_dir(options)?;
    let start = Instant::now();
    say(format!("starting the stack; data and logs: {}", data.display()));
    let stack = Stack::start(options, assets, data).await?;
    say(format!("the stack runs, after {}", seconds(start.elapsed())));
    Ok(stack)
}

/// The folder that the user wants to keep, or an empty one.
fn data_dir(options: &UpOptions) -> Result<PathBuf> {
    let dir = options.data.clone().unwrap_or_else(|| project::root().join(".krake-dev/data"));
    if options.data.is_none() && dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("empty {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    dir.canonicalize().with_context(|| format!("find {}", dir.display()))
}

async fn serve(options: &UpOptions, stack: &Stack) -> Result<ExitCode> {
    switch::release_all();
    stack.instance()?.write()?;
    stack.env().write(&EnvFile::path())?;
    say(summary(stack));
    if options.demo {
        let outcome = demo::run(stack).await;
        if options.exit {
            return outcome.map(|()| ExitCode::SUCCESS);
        }
        if let Err(error) = outcome {
            say(format!("the demo failed: {error:#}"));
        }
    }
    say("Ctrl-C ends it.");
    supervision::run(stack).await
}

fn summary(stack: &Stack) -> String {
    let mut lines = vec![String::new()];
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:<14} {value}"));
    if let Some(url) = stack.url() {
        line("REST", url);
    }
    line("management", &stack.management.path.display().to_string());
    for target in &stack.targets {
        line(&target.name, &target.path.display().to_string());
    }
    line("for scripts", &EnvFile::path().display().to_string());
    line("try", "./dev kubectl get applications --all-namespaces");
    lines.push(String::new());
    lines.join("\n")
}

/// Ctrl-C, or a friendly kill.
struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("listen to signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
