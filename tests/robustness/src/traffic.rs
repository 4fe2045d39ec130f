//! Users who keep trying until they are answered. A request whose outcome is unknown is looked at before it is made
//! again, as a careful user does; so every step happens once, however often the server dies under it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use krake_testbed::{Testbed, eventually, rest::Rest};
use serde_json::Value;

use crate::{eyes::Eyes, history::History, thing::Thing};

/// How long a user tries: longer than all faults that can follow each other, on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A user of both doors.
pub struct User<'a> {
    name: String,
    testbed: &'a Testbed,
    eyes: &'a Eyes,
    rest: Rest,
    history: &'a History,
}

impl<'a> User<'a> {
    /// A user; the name tells several of them apart in the history.
    ///
    /// # Errors
    /// When no REST client can be built.
    pub fn new(name: &str, testbed: &'a Testbed, eyes: &'a Eyes, history: &'a History) -> Result<Self> {
        Ok(Self { name: name.to_owned(), testbed, eyes, rest: testbed.rest()?, history })
    }

    /// Begins a step.
    pub fn step(&self, what: &str) {
        self.history.step(&self.name, what);
    }

    fn done(&self, what: &str) {
        self.history.note(&self.name, what);
    }

    /// Creates a thing through REST.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn post(&self, thing: &Thing, body: &Value) -> Result<()> {
        let what = format!("POST {thing}");
        eventually(&what, PATIENCE, async || {
            if self.find(thing).await?.is_none() {
                self.rest.post(&thing.collection(), body).await?.expect(200)?;
            }
            Ok(())
        })
        .await?;
        self.done(&what);
        Ok(())
    }

    /// Reads a thing through REST, changes it and writes it back, until it `is_as_wanted`.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn put(
        &self,
        thing: &Thing,
        change: impl Fn(&mut Value),
        is_as_wanted: impl Fn(&Value) -> bool,
    ) -> Result<()> {
        let what = format!("PUT {thing}");
        eventually(&what, PATIENCE, async || {
            let mut object = self.find(thing).await?.context("not there yet")?;
            if !is_as_wanted(&object) {
                change(&mut object);
                self.rest.put(&thing.path(), &object).await?.expect(200)?;
            }
            Ok(())
        })
        .await?;
        self.done(&what);
        Ok(())
    }

    /// Deletes a thing that exists through REST.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn delete(&self, thing: &Thing) -> Result<()> {
        self.sees_in_rest(thing, |_| true).await?;
        self.history.give_up(thing);
        let what = format!("DELETE {thing}");
        eventually(&what, PATIENCE, async || {
            let is_asked = self.find(thing).await?.is_none_or(|object| !object["metadata"]["deleted"].is_null());
            if !is_asked {
                self.rest.delete(&thing.path()).await?.expect(200)?;
            }
            Ok(())
        })
        .await?;
        self.done(&what);
        Ok(())
    }

    /// A thing as REST shows it.
    async fn find(&self, thing: &Thing) -> Result<Option<Value>> {
        let answer = self.rest.get(&thing.path()).await?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            status => bail!("{} gave {status}: {}", answer.request, answer.body),
        }
    }

    /// Waits until REST shows a thing so.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn sees_in_rest(&self, thing: &Thing, look: impl Fn(&Value) -> bool) -> Result<()> {
        eventually(&format!("REST shows {thing} as wanted"), PATIENCE, async || {
            let object = self.find(thing).await?.context("not there")?;
            ensure!(look(&object), "{object}");
            Ok(())
        })
        .await
    }

    /// Waits until the custom resource shows a thing so.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn sees_in_kubernetes(&self, thing: &Thing, look: impl Fn(&Value) -> bool) -> Result<()> {
        eventually(&format!("the custom resource shows {thing} as wanted"), PATIENCE, async || {
            let object = self.eyes.object(thing).await?;
            ensure!(look(&object), "{object}");
            Ok(())
        })
        .await
    }

    /// `kubectl apply`.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn apply(&self, object: &Value) -> Result<()> {
        let what = format!("kubectl apply {} {}", object["kind"], object["metadata"]["name"]);
        eventually(&what, PATIENCE, async || self.testbed.management_kubectl().apply(object).await.map(drop)).await?;
        self.done(&what);
        Ok(())
    }

    /// `kubectl patch --type=json`, once the thing is there.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn patch(&self, thing: &Thing, patch: &Value) -> Result<()> {
        let what = format!("kubectl patch {thing} {patch}");
        let arguments = ["patch", &thing.resource(), &thing.name, "--type=json", "-p", &patch.to_string()];
        self.kubectl(thing, &what, &arguments).await
    }

    /// `kubectl delete --wait=false`, once the thing is there.
    ///
    /// # Errors
    /// When it is not acknowledged in time.
    pub async fn kubectl_delete(&self, thing: &Thing) -> Result<()> {
        self.history.give_up(thing);
        let what = format!("kubectl delete {thing}");
        self.kubectl(thing, &what, &["delete", &thing.resource(), &thing.name, "--wait=false"]).await
    }

    async fn kubectl(&self, thing: &Thing, what: &str, arguments: &[&str]) -> Result<()> {
        let arguments = [&["-n", &thing.namespace], arguments].concat();
        eventually(what, PATIENCE, async || self.testbed.kubectl(&arguments).await.map(drop)).await?;
        self.done(what);
        Ok(())
    }
}
