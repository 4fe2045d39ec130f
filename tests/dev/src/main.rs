//! `krake-dev`: the development stack. Started through the script `dev` at the root of the repository.

mod args;
mod demo;
mod env_file;
mod golden;
mod instance;
mod kubectl;
mod stack;
mod status;
mod suite;
mod supervision;
mod switch;
mod up;

use std::{
    io::Write,
    process::{ExitCode, ExitStatus},
};

use clap::Parser;

use args::{Args, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Up(options) => up::run(options).await,
        Command::Kubectl(options) => kubectl::run(options).await,
        Command::Status => status::run().await,
        Command::Down => instance::down().await,
        Command::Stop(options) => switch::stop(options.part).await,
        Command::Start(options) => switch::start(options.part).await,
        Command::Test(options) => suite::test(options).await,
        Command::Bench(options) => suite::bench(options).await,
        Command::Golden(options) => golden::run(options).await,
    };
    outcome.unwrap_or_else(|error| {
        // Nobody is left to tell if standard error is closed.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Writes a line to standard output.
fn say(line: impl std::fmt::Display) {
    // A reader that went away (`| head`) is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Passes the outcome of another program on.
fn pass_on(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
