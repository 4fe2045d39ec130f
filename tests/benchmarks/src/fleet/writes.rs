//! How much is written to the management cluster, counted in its etcd, Leases excepted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use krake_testbed::{etcd::Etcd, rest::Rest};
use serde_json::{Value, json};

use crate::figure::{Pulse, Sheet};

/// Two looks so far apart that show the same are a quiet system.
const QUIET: Duration = Duration::from_secs(5);

/// The keys that tick by themselves: Leases, those that API servers keep among themselves, and where one of them notes
/// every five minutes what it has compacted.
const TICKING: [(&str, &str); 3] = [
    ("/registry/leases/", "/registry/leases0"),
    ("/registry/peerserverleases/", "/registry/peerserverleases0"),
    ("compact_rev_key", "compact_rev_key0"),
];

/// Counts of writes since the beginning of an etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writes {
    revision: i64,
    ticking: i64,
}

impl Writes {
    /// The counts of now.
    pub(super) async fn read(etcd: &Etcd) -> Result<Self> {
        let rest = Rest::new(&etcd.endpoint())?;
        let mut ticking = 0;
        for (from, to) in TICKING {
            let keys = range(&rest, from, to, 0).await?;
            ticking += keys.iter().filter_map(|key| text(key, "version")?.parse::<i64>().ok()).sum::<i64>();
        }
        Ok(Self { revision: etcd.revision().await?, ticking })
    }

    /// What was written between an earlier count and this one. A Lease that is renewed between the two questions of one
    /// count can make it wrong by one in either direction, which is never less than none.
    pub(super) fn since(self, before: Self) -> u32 {
        let written = (self.revision - before.revision) - (self.ticking - before.ticking);
        u32::try_from(written.max(0)).unwrap_or(u32::MAX)
    }
}

/// What was written since a count, for people: how many keys below which prefix.
pub(super) async fn explain(etcd: &Etcd, before: Writes) -> Result<String> {
    let rest = Rest::new(&etcd.endpoint())?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for key in range(&rest, "/registry/", "/registry0", before.revision + 1).await? {
        let name = text(&key, "key").and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).into_owned();
        *counts.entry(prefix(&name)).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(prefix, count)| format!("{count} {prefix}")).collect();
    Ok(if counts.is_empty() { "deletions only".to_owned() } else { counts.join(", ") })
}

/// Waits until nothing is written any more.
pub(super) async fn quiet(etcd: &Etcd, within: Duration, sheet: &Sheet) -> Result<()> {
    let (deadline, mut pulse) = (Instant::now() + within, Pulse::default());
    let mut before = Writes::read(etcd).await?;
    loop {
        tokio::time::sleep(QUIET).await;
        let now = Writes::read(etcd).await?;
        let written = now.since(before);
        if written == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("not quiet within {within:?}: {written} writes in {QUIET:?}: {}", explain(etcd, before).await?);
        }
        pulse.say(sheet.progress(), || format!("not quiet yet: {written} writes in {QUIET:?}"));
        before = now;
    }
}

/// The kind's part of a key: `/registry/<group>/<plural>`, or `/registry/<plural>` for those of Kubernetes itself.
fn prefix(key: &str) -> String {
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty()).collect();
    let taken = if parts.get(1).is_some_and(|group| group.contains('.')) { 3 } else { 2 };
    parts.iter().skip(1).take(taken - 1).copied().collect::<Vec<_>>().join("/")
}

async fn range(rest: &Rest, from: &str, to: &str, since: i64) -> Result<Vec<Value>> {
    let question = json!({
        "key": STANDARD.encode(from), "range_end": STANDARD.encode(to), "keys_only": true,
        "min_mod_revision": since.to_string(),
    });
    let mut answer = rest.post("/v3/kv/range", &question).await?.expect(200).context("ask etcd for keys")?;
    Ok(answer.get_mut("kvs").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default())
}

fn text<'a>(key: &'a Value, member: &str) -> Option<&'a str> {
    key.get(member)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewed_leases_are_no_writes() {
        let (before, after) = (Writes { revision: 100, ticking: 10 }, Writes { revision: 107, ticking: 14 });
        assert_eq!(after.since(before), 3);
    }

    #[test]
    fn keys_are_told_by_kind() {
        assert_eq!(
            prefix("/registry/kubernetes.krake.dev/applications/bench-0/app-1"),
            "kubernetes.krake.dev/applications"
        );
        assert_eq!(prefix("/registry/events/bench-0/app-1.17"), "events");
    }
}
