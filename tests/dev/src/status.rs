//! `./dev status`: what of the stack runs, and what Krake knows.

use std::process::ExitCode;

use anyhow::Result;
use krake_testbed::rest::Rest;
use serde_json::Value;

use crate::{
    env_file::EnvFile,
    instance::{Component, Instance, Known},
    say,
};

/// What Krake is asked for.
const COLLECTIONS: [(&str, &str); 2] =
    [("clusters", "/kubernetes/clusters"), ("applications", "/kubernetes/applications")];

/// Ends with status 0 if everything runs, else 1.
pub(crate) async fn run() -> Result<ExitCode> {
    let Some(instance) = Instance::find()?.filter(|instance| instance.holder.is_alive()) else {
        say("nothing runs; start it: ./dev up");
        return Ok(ExitCode::FAILURE);
    };
    say(format!("the stack runs (process {})", instance.holder.id()));
    for component in &instance.components {
        say(describe(component));
    }
    let env = EnvFile::read()?;
    if let Some(url) = env.find("KRAKE_URL") {
        say(format!("\nREST at {url}"));
        let rest = Rest::new(url)?;
        for (title, path) in COLLECTIONS {
            say(format!("{title}: {}", overview(&rest, path).await));
        }
    }
    let all_run = instance.components.iter().all(Component::is_alive);
    Ok(if all_run { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(component: &Component) -> String {
    let Component { owner, name, process, log } = component;
    let state = if component.is_alive() { "runs" } else { "ended" };
    let id = process.as_ref().map_or(0, Known::id);
    format!("  {owner:<12} {name:<26} {state:<6} {id:>8}  {}", log.display())
}

async fn overview(rest: &Rest, path: &str) -> String {
    match rest.get(path).await.and_then(|answer| answer.expect(200)) {
        Ok(list) => {
            let items = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            if items.is_empty() {
                return "none".into();
            }
            let lines: Vec<String> = items.iter().map(one_line).collect();
            format!("\n  {}", lines.join("\n  "))
        }
        Err(error) => format!("unknown: {error:#}"),
    }
}

fn one_line(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
    let name = format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"));
    format!("{name:<40} {:<12} {}", text("/status/state"), text("/status/running_on/name"))
}
