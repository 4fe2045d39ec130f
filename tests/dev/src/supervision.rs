//! What `./dev up` does while it runs: it reports every server that ends, and keeps the operator and the facade as they
//! are wanted, like a Deployment would.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use anyhow::Result;
use krake_testbed::process::Process;

use crate::{
    args::Part,
    say,
    stack::{Krake, Stack},
};

/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a program that cannot be started is left alone.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Watches over the stack until it is dropped.
pub(crate) async fn run(stack: &Stack) -> Result<ExitCode> {
    let mut reported = BTreeSet::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Some(krake) = &stack.krake
            && (tend(krake, Part::Operator).await? | tend(krake, Part::Facade).await?)
        {
            stack.instance()?.write()?;
        }
        for (owner, process) in stack.processes() {
            if owner != "krake" && process.id().is_none() && reported.insert((owner, process.name())) {
                say(format!("{} of {owner} has ended; the end of its log:\n{}", process.name(), process.log_tail()));
            }
        }
    }
}

/// Stops or starts the operator or the facade if that is what is wanted; says whether it did.
async fn tend(krake: &Krake, part: Part) -> Result<bool> {
    let process = process(krake, part);
    match (process.id().is_some(), part.is_stopped()) {
        (true, false) | (false, true) => return Ok(false),
        (true, true) => {
            say(format!("stopping the {}", process.name()));
            match part {
                Part::Operator => krake.operator.stop().await?,
                Part::Facade => krake.facade.stop().await?,
            }
        }
        (false, false) => {
            say(format!("starting the {} again", process.name()));
            if let Err(error) = start_again(krake, part).await {
                say(format!("{error:#}"));
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    Ok(true)
}

async fn start_again(krake: &Krake, part: Part) -> Result<()> {
    match part {
        Part::Operator => krake.operator.start_again().await,
        Part::Facade => krake.facade.start_again().await,
    }
}

fn process(krake: &Krake, part: Part) -> &Process {
    match part {
        Part::Operator => &krake.operator.process,
        Part::Facade => &krake.facade.process,
    }
}
