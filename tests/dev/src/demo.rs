//! `./dev up --demo`: the main job of Krake, step by step, through the doors that users have.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use krake_testbed::{
    eventually,
    objects::{Application, Cluster, application, cluster, deployment, service},
    rest::{Event, Rest, Watch},
};
use serde_json::Value;

use crate::{
    say,
    stack::{Site, Stack},
};

const NAMESPACE: &str = "demo";
const APPLICATION: &str = "shop";
const CONSTRAINT: &str = "location is DE";

/// Where the targets stand, in their order; further ones go round.
const LOCATIONS: [&str; 2] = ["DE", "IT"];

const ONLINE_WITHIN: Duration = Duration::from_secs(20);
const RUNNING_WITHIN: Duration = Duration::from_secs(30);

/// Registers the targets, runs an application and shows it through every door.
pub(crate) async fn run(stack: &Stack) -> Result<()> {
    let rest = Rest::new(stack.url().context("the demo needs the REST API")?)?;
    ensure!(!stack.targets.is_empty(), "the demo needs a target cluster");
    say("demo");
    for (target, location) in stack.targets.iter().zip(LOCATIONS.iter().cycle()) {
        register(&rest, target, location).await?;
    }
    let shop = application(APPLICATION)
        .in_namespace(NAMESPACE)
        .running([deployment(APPLICATION, 2), service(APPLICATION)])
        .where_label(CONSTRAINT);
    let home = submit(&rest, &shop).await?;
    let target = stack.targets.iter().find(|target| target.name == home);
    show(stack, &rest, &shop, target.with_context(|| format!("{home} is no target of this stack"))?).await
}

/// Registers a target through REST, and waits until Krake has reached it.
async fn register(rest: &Rest, target: &Site, location: &str) -> Result<()> {
    let start = Instant::now();
    let object = cluster(&target.name, &target.kubeconfig).in_namespace(NAMESPACE).labelled("location", location);
    say(format!("  register {} with location={location}: POST {}", target.name, object.collection()));
    put_in_place(rest, &object).await?;
    eventually(&format!("{} is online", target.name), ONLINE_WITHIN, async || {
        let seen = rest.get(&object.path()).await?.expect(200)?;
        let state = seen.pointer("/status/state").and_then(Value::as_str).unwrap_or_default();
        ensure!(state == "ONLINE", "{state}: {}", seen.pointer("/status/reason").unwrap_or_default());
        Ok(())
    })
    .await?;
    say(elapsed(start, "ONLINE"));
    Ok(())
}

/// Creates the cluster. One of an earlier run with the same data gets the kubeconfig of this one.
async fn put_in_place(rest: &Rest, object: &Cluster) -> Result<()> {
    let answer = rest.post(&object.collection(), &object.rest()).await?;
    if answer.status != 409 {
        return answer.expect(200).map(drop);
    }
    let wanted = object.rest();
    let replace = |stored: &mut Value| {
        if let (Some(stored), Some(wanted)) =
            (stored.pointer_mut("/spec/kubeconfig"), wanted.pointer("/spec/kubeconfig"))
        {
            stored.clone_from(wanted);
        }
    };
    rest.edit(&object.path(), replace).await.map(drop)
}

/// Submits the application and follows it until it runs; gives the name of its cluster.
async fn submit(rest: &Rest, shop: &Application) -> Result<String> {
    say(format!("  submit {APPLICATION} with the constraint {CONSTRAINT:?}: POST {}", shop.collection()));
    let mut watch = rest.watch(&shop.collection()).await?;
    let start = Instant::now();
    let answer = rest.post(&shop.collection(), &shop.rest()).await?;
    if answer.status != 409 {
        answer.expect(200)?;
        return follow(&mut watch, start).await;
    }
    say(format!("  {APPLICATION} is there already, from an earlier run with the same data"));
    eventually("the application runs", RUNNING_WITHIN, async || {
        let seen = rest.get(&shop.path()).await?.expect(200)?;
        running_on(&seen).with_context(|| format!("{}", seen.pointer("/status/state").unwrap_or_default()))
    })
    .await
}

/// Shows every change of state that the watch reports, until the application runs.
async fn follow(watch: &mut Watch, start: Instant) -> Result<String> {
    let mut last = String::new();
    let running = |event: &Event| {
        if event.name() == APPLICATION && event.state() != last {
            event.state().clone_into(&mut last);
            say(elapsed(start, &describe(event)));
        }
        running_on(&event.object).is_some() || event.state() == "FAILED"
    };
    let event = watch.until(RUNNING_WITHIN, running).await?;
    let reason = event.object.pointer("/status/reason").unwrap_or_default();
    running_on(&event.object).with_context(|| format!("{APPLICATION} failed: {reason}"))
}

fn describe(event: &Event) -> String {
    let place = event.object.pointer("/status/running_on/name").or(event.object.pointer("/status/scheduled_to/name"));
    match place.and_then(Value::as_str) {
        Some(place) => format!("{} on {place}", event.state()),
        None => event.state().to_owned(),
    }
}

/// The name of the cluster that an application runs on.
fn running_on(application: &Value) -> Option<String> {
    let is_running = application.pointer("/status/state").and_then(Value::as_str) == Some("RUNNING");
    let home = application.pointer("/status/running_on/name").and_then(Value::as_str)?;
    is_running.then(|| home.to_owned())
}

/// Shows the application through REST, as a custom resource, and on its target.
async fn show(stack: &Stack, rest: &Rest, shop: &Application, target: &Site) -> Result<()> {
    let seen = rest.get(&shop.path()).await?.expect(200)?;
    say(format!("  the same object through REST: GET {}", shop.path()));
    for field in ["state", "running_on", "services"] {
        let value = seen.pointer(&format!("/status/{field}")).cloned().unwrap_or_default();
        say(format!("    status.{field}: {value}"));
    }
    let management = ["get", "applications.kubernetes.krake.dev", "-n", NAMESPACE, APPLICATION, "-o", "wide"];
    kubectl(stack, &stack.management, &management).await?;
    kubectl(stack, target, &["get", "deployment/shop", "service/shop"]).await?;
    kubectl(stack, target, &["get", "pods", "-l", "app=shop"]).await
}

async fn kubectl(stack: &Stack, site: &Site, args: &[&str]) -> Result<()> {
    say(format!("  kubectl {}   # on {}", args.join(" "), site.name));
    let output = stack.kubectl(site).run(args).await?;
    if output.trim().is_empty() {
        bail!("kubectl found nothing on {}", site.name);
    }
    output.lines().for_each(|line| say(format!("    {line}")));
    Ok(())
}

fn elapsed(start: Instant, what: &str) -> String {
    format!("    +{:>5.2} s  {what}", start.elapsed().as_secs_f64())
}
