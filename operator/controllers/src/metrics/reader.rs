//! Reads the metrics: each that is in use, once per interval, all of them at the same time but few of one provider.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream, stream::FuturesUnordered};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use krake_crds::reason::{Reason, ReasonCode};
use krake_operator_domain::metric::{MetricKey, Readings};
use krake_operator_loops::{
    context::{Cached, Context, Shared},
    readings::provider_kind,
};
use krake_operator_providers::metrics::{Error, Source};
use kube::Api;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    lookup::{self, Provider, Wanted},
    record::{Attempt, Record},
    turns::turns,
};

/// How long changes of objects are collected before they are followed.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest sleep: nothing is due.
const LONGEST: Duration = Duration::from_mins(1);

/// Reads until the term of `context` ends.
pub(super) async fn run(context: Arc<Context>) {
    let stop = context.stop.clone();
    let reader = Reader { context, records: BTreeMap::new(), sources: Vec::new(), under_way: FuturesUnordered::new() };
    stop.run_until_cancelled(reader.run()).await.unwrap_or_default();
}

/// A source, and what it was made of.
struct Known {
    provider: Provider,
    token: Option<String>,
    source: Source,
}

struct Reader {
    context: Arc<Context>,
    records: BTreeMap<MetricKey, Record>,
    /// The sources in use; few.
    sources: Vec<Known>,
    under_way: FuturesUnordered<BoxFuture<'static, (Wanted, Attempt)>>,
}

impl Reader {
    async fn run(mut self) {
        let mut changes = changes(&self.context);
        let mut is_stale = true;
        loop {
            if is_stale {
                self.follow();
            }
            self.begin().await;
            let due = Instant::now() + self.until_due();
            is_stale = tokio::select! {
                Some(()) = changes.next() => {
                    tokio::time::sleep(PAUSE).await;
                    while changes.next().now_or_never().flatten().is_some() {}
                    true
                }
                Some((asked, attempt)) = self.under_way.next() => {
                    self.end(&asked, attempt);
                    false
                }
                () = tokio::time::sleep_until(due) => false,
            };
        }
    }

    /// Takes over what the objects say.
    fn follow(&mut self) {
        let now = Timestamp::now();
        let mut before = std::mem::take(&mut self.records);
        for wanted in lookup::wanted(&self.context) {
            let key = wanted.key.clone();
            let record = match before.remove(&key) {
                Some(mut known) => {
                    known.follow(wanted, now);
                    known
                }
                None => Record::new(wanted, now),
            };
            self.records.insert(key, record);
        }
        let records = &self.records;
        self.sources
            .retain(|known| records.values().any(|record| record.wanted.provider.as_ref() == Some(&known.provider)));
        self.publish();
    }

    /// Begins to read what is due.
    async fn begin(&mut self) {
        let now = Timestamp::now();
        let due = turns(self.records.values(), self.under_way.len()).into_iter().take_while(|record| record.due <= now);
        let due: Vec<_> = due.map(|record| record.wanted.clone()).collect();
        for wanted in due {
            let reading = match self.source(&wanted).await {
                Ok(source) => read(source, wanted.clone()).boxed(),
                Err(attempt) => std::future::ready((wanted.clone(), attempt)).boxed(),
            };
            self.under_way.push(reading);
            if let Some(record) = self.records.get_mut(&wanted.key) {
                record.is_under_way = true;
                record.due = now.checked_add(self.context.settings.metrics_interval).unwrap_or(Timestamp::MAX);
            }
        }
    }

    fn until_due(&self) -> Duration {
        let next = turns(self.records.values(), self.under_way.len()).first().map(|record| record.due);
        let until = next.map(|due| Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default());
        until.unwrap_or(LONGEST).min(LONGEST)
    }

    fn end(&mut self, asked: &Wanted, attempt: Attempt) {
        if let Attempt::Silent(reason) | Attempt::Failed(reason) = &attempt {
            tracing::debug!(metric = asked.key.name, reason = reason.message, "not read");
        }
        self.context.instruments.read_metric(matches!(attempt, Attempt::Read(_)));
        let now = Timestamp::now();
        if let Attempt::Silent(reason) = &attempt {
            self.records.values_mut().for_each(|record| record.take_over(asked, reason, now));
        }
        if let Some(record) = self.records.get_mut(&asked.key) {
            record.take(asked, attempt, now, self.context.settings.metrics_max_age);
        }
        self.publish();
    }

    fn publish(&self) {
        let readings: Readings = self.records.iter().map(|(key, record)| (key.clone(), record.reading())).collect();
        self.context.readings.publish(readings);
    }

    /// The source that a metric is read from.
    async fn source(&mut self, wanted: &Wanted) -> Result<Source, Attempt> {
        let Some(provider) = &wanted.provider else {
            let message = format!("there is no {} {}", provider_kind(&wanted.key), wanted.spec.provider.name);
            return Err(Attempt::Failed(Reason { code: ReasonCode::UnknownMetricsProvider, message }));
        };
        let token = token(provider, &self.context).await?;
        let is_same = |known: &&Known| known.provider == *provider && known.token == token;
        if let Some(known) = self.sources.iter().find(is_same) {
            return Ok(known.source.clone());
        }
        let secret = token.clone().map(SecretString::from);
        let source = Source::new(&provider.spec, secret).map_err(|error| attempt(&error))?;
        self.sources.retain(|known| known.provider != *provider);
        self.sources.push(Known { provider: provider.clone(), token, source: source.clone() });
        Ok(source)
    }
}

async fn read(source: Source, wanted: Wanted) -> (Wanted, Attempt) {
    let read = source.read(&wanted.spec.provider.metric).await;
    let attempt = read.map_or_else(|error| attempt(&error), Attempt::Read);
    (wanted, attempt)
}

fn attempt(error: &Error) -> Attempt {
    let reason = Reason { code: error.code(), message: error.sentence() };
    match error.code() {
        ReasonCode::UnreachableMetricsProvider => Attempt::Silent(reason),
        _ => Attempt::Failed(reason),
    }
}

/// The token of a provider that needs one.
async fn token(provider: &Provider, context: &Context) -> Result<Option<String>, Attempt> {
    let Some(reference) = provider.spec.influx.as_ref().and_then(|influx| influx.token_secret_ref.as_ref()) else {
        return Ok(None);
    };
    let silent = |message: String| Attempt::Silent(Reason { code: ReasonCode::UnreachableMetricsProvider, message });
    let secrets = Api::<Secret>::namespaced(context.client.clone(), &provider.secrets);
    let secret = secrets.get_opt(&reference.name).await;
    let secret = secret.map_err(|_| silent(format!("the Secret {} cannot be read", reference.name)))?;
    let value = secret.and_then(|secret| secret.data?.remove(&reference.key));
    let value = value.ok_or_else(|| silent(format!("the Secret {} has no key {}", reference.name, reference.key)))?;
    let text = String::from_utf8(value.0);
    text.map(Some).map_err(|_| silent(format!("the key {} of the Secret {} is no text", reference.key, reference.name)))
}

/// Something changes that metrics, their providers, or their use depend on.
fn changes(context: &Context) -> stream::BoxStream<'static, ()> {
    fn of<K: Cached>(shared: &Shared<K>) -> stream::BoxStream<'static, ()> {
        shared.changes().map(drop).boxed()
    }
    stream::select_all([
        of(&context.metrics),
        of(&context.global_metrics),
        of(&context.metrics_providers),
        of(&context.global_metrics_providers),
        of(&context.clusters),
        of(&context.clouds),
        of(&context.global_clouds),
        of(&context.projects),
    ])
    .boxed()
}
