//! Facades on an etcd alone, and who writes to them and reads from them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use krake_testbed::{
    alone::Alone,
    facade::{Facade, FacadeOptions},
    objects::{self, Application},
    proxy::Proxy,
    rest::{Event, Rest, Watch},
};
use serde_json::Value;

/// Starts a facade right beside etcd.
pub(crate) async fn facade(alone: &Alone, name: &str) -> Result<Facade> {
    alone.facade(FacadeOptions { name: name.to_owned(), ..FacadeOptions::default() }).await
}

/// Starts a facade with a line to etcd that can be disturbed.
pub(crate) async fn distant_facade(alone: &Alone, name: &str) -> Result<(Facade, Proxy)> {
    let line = Proxy::start(alone.etcd.address()).await?;
    let etcd_endpoints = vec![format!("http://{}", line.address())];
    let facade = alone.facade(FacadeOptions { name: name.to_owned(), etcd_endpoints, ..FacadeOptions::default() });
    Ok((facade.await?, line))
}

/// An application whose label `turn` says how often it was written.
pub(crate) fn application(name: &str, turn: usize) -> Application {
    objects::application(name).labelled("turn", &turn.to_string())
}

/// The label of [`application`].
pub(crate) fn turn(object: &Value) -> Option<usize> {
    object.pointer("/metadata/labels/turn")?.as_str()?.parse().ok()
}

/// Writes the application as of this turn, the first of which creates it.
pub(crate) async fn write(rest: &Rest, name: &str, at: usize) -> Result<()> {
    let application = application(name, at);
    if at == 0 {
        return rest.post(&application.collection(), &application.rest()).await?.expect(200).map(drop);
    }
    rest.edit(&application.path(), |object| object["metadata"]["labels"]["turn"] = at.to_string().into())
        .await
        .map(drop)
}

/// Removes the application at once.
pub(crate) async fn remove(rest: &Rest, name: &str) -> Result<()> {
    let path = format!("{}?force=True", application(name, 0).path());
    rest.delete(&path).await?.expect(200).map(drop)
}

/// Someone who believes each event of a watch, and protests against those that cannot be.
pub(crate) struct Reader {
    watch: Watch,
    /// The objects by name, as they were told last.
    pub(crate) seen: BTreeMap<String, Value>,
    /// How many events there were for each object since it was added.
    pub(crate) counts: BTreeMap<String, usize>,
}

impl Reader {
    /// Opens a watch on all applications.
    pub(crate) async fn open(rest: &Rest) -> Result<Self> {
        let watch = rest.watch("/kubernetes/applications").await?;
        Ok(Self { watch, seen: BTreeMap::new(), counts: BTreeMap::new() })
    }

    /// Reads until the object called `name` was told as of this turn.
    pub(crate) async fn until(&mut self, name: &str, at: usize, within: Duration) -> Result<()> {
        self.read(within, |reader| reader.seen.get(name).and_then(turn).is_some_and(|seen| seen >= at)).await
    }

    /// Reads until what was told satisfies `enough`.
    pub(crate) async fn read(&mut self, within: Duration, enough: impl Fn(&Self) -> bool) -> Result<()> {
        let reading = async {
            while !enough(self) {
                let event = self.watch.next().await?.context("the watch ended")?;
                self.take(event)?;
            }
            Ok(())
        };
        let ended = tokio::time::timeout(within, reading).await;
        ended.with_context(|| format!("not enough events within {within:?}; seen {:?}", self.counts))?
    }

    fn take(&mut self, Event { kind, object }: Event) -> Result<()> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).context("an object has a name")?.to_owned();
        let before =
            if kind == "DELETED" { self.seen.remove(&name) } else { self.seen.insert(name.clone(), object.clone()) };
        ensure!(before.is_none() == (kind == "ADDED"), "{kind} of {name}, which was {before:?}");
        ensure!(
            kind != "DELETED" || before.as_ref() == Some(&object),
            "{name} was removed as {object}, not {before:?}"
        );
        let is_doubled = kind == "MODIFIED" && before.is_some_and(|before| turn(&before) >= turn(&object));
        ensure!(!is_doubled, "{name} was told twice, or in the wrong order: {object}");
        if kind == "ADDED" {
            self.counts.remove(&name);
        }
        *self.counts.entry(name).or_default() += 1;
        Ok(())
    }
}
