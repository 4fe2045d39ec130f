//! One of the two that are compared, behind its REST API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, FuturesUnordered},
};
use krake_testbed::{
    eventually,
    rest::{Answer, Rest, Watch},
};
use serde_json::{Value, json};

use super::{
    problem::{APPLICATIONS, CLUSTERS, COLLECTIONS, Creation, NAMESPACE, Problem},
    window::{Load, Outcome, Seen, Step, Window},
};
use crate::{
    figure::{Pulse, Sheet},
    fleet::load::AT_ONCE,
};

/// How long the clusters may take until they are ONLINE.
const ONLINE_WITHIN: Duration = Duration::from_mins(2);

/// How long it may take to remove everything.
const GONE_WITHIN: Duration = Duration::from_mins(2);

/// How long decisions may take, and how much longer for each that counts: far longer than they should.
const DECIDED_WITHIN: Duration = Duration::from_mins(2);
const DECIDED_WITHIN_EACH: Duration = Duration::from_secs(3);

/// How often a wait for an event looks whether it is time to tell something.
const LOOK: Duration = Duration::from_secs(1);

/// A Krake, ours or the original.
pub(super) struct Side {
    /// What it is called in messages.
    name: String,
    rest: Rest,
}

impl Side {
    pub(super) fn new(name: impl Into<String>, base: &str) -> Result<Self> {
        Ok(Self { name: name.into(), rest: Rest::new(base)? })
    }

    /// Sees to it that a Krake answers that lets everybody in and has nothing else to do.
    pub(super) async fn greet(&self) -> Result<()> {
        let answer = self.rest.get("/").await.with_context(|| format!("{} does not answer", self.name))?;
        is_krake(&answer).with_context(|| format!("{} is not what --compare needs", self.name))?;
        let applications = self.list("/kubernetes/applications").await?;
        let is_foreign = |object: &&Value| object.pointer("/metadata/namespace") != Some(&NAMESPACE.into());
        let others = applications.iter().filter(is_foreign).count();
        ensure!(others == 0, "{} has {others} other applications; the comparison needs it for itself", self.name);
        Ok(())
    }

    /// Creates everything; which of it is first does not matter.
    pub(super) async fn create_all(&self, creations: impl IntoIterator<Item = Creation>) -> Result<()> {
        let create =
            async |(collection, body): Creation| self.rest.post(collection, &body).await?.expect(200).map(drop);
        let outcomes = stream::iter(creations).map(create).buffer_unordered(AT_ONCE);
        outcomes.try_collect::<()>().await.with_context(|| format!("create at {}", self.name))
    }

    /// Waits until somebody has found all clusters to be there.
    pub(super) async fn online(&self) -> Result<()> {
        eventually(&format!("all clusters are ONLINE at {}", self.name), ONLINE_WITHIN, async || {
            let clusters = self.list(CLUSTERS).await?;
            let state = |cluster: &Value| cluster.pointer("/status/state").cloned();
            let other = clusters.iter().find(|cluster| state(cluster) != Some("ONLINE".into()));
            ensure!(other.is_none(), "{:?}", other.and_then(|cluster| cluster.pointer("/status")));
            Ok(())
        })
        .await
    }

    /// Says that all clusters are there, as a cluster controller would that has looked at them.
    pub(super) async fn declare_online(&self) -> Result<()> {
        for mut cluster in self.list(CLUSTERS).await? {
            let path = format!("{CLUSTERS}/{}/status", name(&cluster)?);
            *cluster.pointer_mut("/status/state").context("a cluster has no state")? = "ONLINE".into();
            self.rest.put(&path, &cluster).await?.expect(200)?;
        }
        Ok(())
    }

    /// Creates applications, as many as the load says, and waits for the decisions on them.
    pub(super) async fn place(&self, problem: &Problem, load: Load, sheet: &Sheet) -> Result<Outcome> {
        let mut watch = self.rest.watch(APPLICATIONS).await?;
        let within = DECIDED_WITHIN + DECIDED_WITHIN_EACH * u32::try_from(load.decisions).unwrap_or(u32::MAX);
        let (deadline, mut pulse) = (Instant::now() + within, Pulse::default());
        let mut window = Window::new(problem, load, Instant::now());
        let mut requests = FuturesUnordered::new();
        loop {
            requests.extend(window.steps(Instant::now()).into_iter().map(|step| self.take(problem, step)));
            let seen = tokio::select! {
                Some(seen) = requests.next() => Some(seen?),
                event = tokio::time::timeout(LOOK, self.next(&mut watch)) => event.ok().transpose()?,
            };
            if let Some(seen) = seen {
                window.note(&seen, Instant::now())?;
            }
            if let Some(outcome) = window.outcome() {
                return Ok(outcome);
            }
            let so_far = || format!("{}: {}", self.name, window.so_far());
            ensure!(
                Instant::now() < deadline,
                "not within {} s: {}; does its scheduler run?",
                within.as_secs(),
                so_far()
            );
            pulse.say(sheet.progress(), so_far);
        }
    }

    /// The next event of the watch.
    async fn next(&self, watch: &mut Watch) -> Result<Seen> {
        let event = watch.next().await?.with_context(|| format!("{} has ended the watch", self.name))?;
        Ok(Seen { object: event.object, touched: false })
    }

    async fn take(&self, problem: &Problem, step: Step) -> Result<Seen> {
        match step {
            Step::Create(number) => {
                let (collection, body) = problem.application(number);
                let object = self.rest.post(collection, &body).await?.expect(200)?;
                Ok(Seen { object, touched: false })
            }
            Step::Remind(number) => self.remind(&Problem::name_of_application(number)).await,
        }
    }

    /// Looks at an application again, and touches it if it still has no place.
    async fn remind(&self, name: &str) -> Result<Seen> {
        let path = format!("{APPLICATIONS}/{name}");
        // The request that creates it may still be on its way.
        let mut object = unless_gone(self.rest.get(&path).await?)?.unwrap_or_default();
        let has_place = object.pointer("/status/scheduled_to").is_some_and(Value::is_object);
        let Some(labels) = object.pointer_mut("/metadata/labels").filter(|_| !has_place) else {
            return Ok(Seen { object, touched: false });
        };
        *labels = json!({ "touched": rand::random::<u32>().to_string() });
        let answer = self.rest.put(&path, &object).await?;
        if answer.status == 409 {
            // Somebody was quicker, and is the scheduler.
            return Ok(Seen { object, touched: false });
        }
        Ok(Seen { object: answer.expect(200)?, touched: true })
    }

    /// Removes everything that is in the namespace of the comparison, whether it was made just now or is left of another
    /// run, and whoever should have cleaned up after it.
    pub(super) async fn clear(&self) -> Result<()> {
        eventually(&format!("nothing is left of the comparison at {}", self.name), GONE_WITHIN, async || {
            let mut found = 0;
            for collection in COLLECTIONS {
                let objects = self.list(collection).await?;
                found += objects.len();
                let removals = stream::iter(&objects).map(|object| self.remove(collection, object));
                removals.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            }
            // Requests that were given up may still have been obeyed: only a look that finds nothing says that all is gone.
            ensure!(found == 0, "{found} objects");
            Ok(())
        })
        .await
    }

    /// Marks an object as deleted, then takes the finalizers from it, with which it goes. A deletion by `force` would
    /// leave the mark out, and the original's scheduler would go on with an application that it saw no mark on.
    async fn remove(&self, collection: &str, object: &Value) -> Result<()> {
        let path = format!("{collection}/{}", name(object)?);
        let Some(mut marked) = unless_gone(self.rest.delete(&path).await?)? else {
            return Ok(());
        };
        *marked.pointer_mut("/metadata/finalizers").context("an object has no finalizers")? = json!([]);
        unless_gone(self.rest.put(&path, &marked).await?).map(drop)
    }

    async fn list(&self, collection: &str) -> Result<Vec<Value>> {
        let mut list = self.rest.get(collection).await?.expect(200).with_context(|| format!("ask {}", self.name))?;
        let items = list.get_mut("items").and_then(Value::as_array_mut);
        items.map(std::mem::take).with_context(|| format!("{} gave no list of {collection}", self.name))
    }
}

/// Whether this is what Krake says to a request for `/`.
fn is_krake(answer: &Answer) -> Result<()> {
    match answer.status {
        200 if answer.body.get("version").is_some_and(Value::is_string) => Ok(()),
        401 | 403 => bail!(
            "it answers {} to everybody: start it with static authentication and `authorization: always-allow`",
            answer.status
        ),
        _ => bail!("it answers {} to {}, and Krake 200 and its version", answer.status, answer.request),
    }
}

fn name(object: &Value) -> Result<&str> {
    object.pointer("/metadata/name").and_then(Value::as_str).context("an object has no name")
}

/// The object of an answer, or nothing if there is none any more.
fn unless_gone(answer: Answer) -> Result<Option<Value>> {
    if answer.status == 404 { Ok(None) } else { answer.expect(200).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(status: u16, body: Value) -> Result<()> {
        is_krake(&Answer { request: "GET /".to_owned(), status, body })
    }

    #[test]
    fn a_krake_is_known_by_its_version() {
        assert!(says(200, json!({ "version": "1.0.1" })).is_ok());
        assert!(says(200, Value::Null).is_err());
        assert!(says(404, json!({ "version": "1.0.1" })).is_err());
    }

    #[test]
    fn one_that_lets_nobody_in_is_told_apart() {
        assert!(format!("{:#}", says(401, Value::Null).unwrap_err()).contains("always-allow"));
    }
}
