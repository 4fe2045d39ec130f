//! The front door of a test, and who stands before it.

use std::time::Duration;

use anyhow::{Context, Result};
use krake_testbed::{
    alone::Alone,
    configuration::Configuration,
    facade::{Facade, FacadeOptions},
    rest::{Answer, Rest},
    unique,
};
use serde_json::{Value, json};

/// Longer than anything takes on a busy machine with two cores; nothing waits for it when all is well.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A facade with this configuration file.
pub(crate) async fn facade(alone: &Alone, configuration: Configuration) -> Result<Facade> {
    let options =
        FacadeOptions { name: unique("facade"), configuration: Some(configuration), ..FacadeOptions::default() };
    alone.facade(options).await
}

/// The door through which everything is allowed: for those who hand out roles.
pub(crate) async fn administrator(alone: &Alone) -> Result<Facade> {
    facade(alone, Configuration::new("always-allow").with_static("administrator")).await
}

/// Lets a user create and read applications in one namespace, and nothing else.
pub(crate) async fn let_deploy(administrator: &Rest, user: &str, namespace: &str) -> Result<()> {
    let name = unique("deployers");
    let permission = json!({
        "api": "kubernetes", "resources": ["applications"], "namespaces": [namespace], "verbs": ["create", "get"],
    });
    let role = json!({ "metadata": { "name": name }, "rules": [permission] });
    administrator.post("/core/roles", &role).await?.expect(200)?;
    let binding = json!({ "metadata": { "name": name }, "users": [user], "roles": [name] });
    administrator.post("/core/rolebindings", &binding).await?.expect(200)?;
    Ok(())
}

/// Who the facade takes the caller for.
pub(crate) async fn who_am_i(rest: &Rest) -> Result<String> {
    let me = rest.get("/me").await?.expect(200)?;
    Ok(me["user"].as_str().context("find the user")?.to_owned())
}

/// The problem that an answer with this status is.
pub(crate) fn problem(answer: Answer, status: u16) -> Result<Value> {
    let problem = answer.expect(status)?;
    assert_eq!(problem["status"], status, "{problem}");
    Ok(problem)
}
