//! Reads the metrics: each that is in use, once per interval, all of them at the same time but few of one provider.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Secret;
use krake_crds::reason::{Reason, ReasonCode};
use krake_operator_domain::metric::{MetricKey, Readings};
use krake_operator_loops::{
    context::{Cached, Context, Shared},
    readings::provider_kind,
};
use krake_operator_providers::metrics::Source;
use kube::Api;
use tokio::time::Instant;

use super::{
    lookup::{self, Provider, Wanted},
    pace::Pace,
    record::{Attempt, Moment, Record, silent},
    sources::Sources,
    turns::{Busy, turns},
};

/// How long changes of objects are collected before they are followed.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest sleep: nothing is due.
const LONGEST: Duration = Duration::from_mins(1);

/// No metric is read more seldom: what is longer, no clock may be able to count.
const A_YEAR: Duration = Duration::from_hours(365 * 24);

/// Reads until the term of `context` ends.
pub(super) async fn run(context: Arc<Context>) {
    let stop = context.stop.clone();
    let reader = Reader {
        context,
        records: BTreeMap::new(),
        sources: Arc::default(),
        under_way: FuturesUnordered::new(),
        busy: Busy::default(),
        pace: Pace::default(),
        expires: None,
    };
    stop.run_until_cancelled(reader.run()).await.unwrap_or_default();
}

struct Reader {
    context: Arc<Context>,
    records: BTreeMap<MetricKey, Record>,
    sources: Arc<Sources>,
    under_way: FuturesUnordered<BoxFuture<'static, (Wanted, Attempt)>>,
    /// What is under way.
    busy: Busy,
    pace: Pace,
    /// When the first of the values that were published stops to count.
    expires: Option<Instant>,
}

impl Reader {
    async fn run(mut self) {
        let mut changes = changes(&self.context);
        let mut is_stale = true;
        loop {
            if is_stale {
                self.follow();
            }
            self.begin();
            self.publish();
            let due = self.due();
            is_stale = tokio::select! {
                Some(()) = changes.next() => {
                    tokio::time::sleep(PAUSE).await;
                    while changes.next().now_or_never().flatten().is_some() {}
                    true
                }
                Some((asked, attempt)) = self.under_way.next() => {
                    self.end(&asked, attempt);
                    while let Some((asked, attempt)) = self.under_way.next().now_or_never().flatten() {
                        self.end(&asked, attempt);
                    }
                    false
                }
                () = tokio::time::sleep_until(due) => false,
            };
        }
    }

    /// Takes over what the objects say.
    fn follow(&mut self) {
        let now = Instant::now();
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
            .retain(|provider| records.values().any(|record| record.wanted.provider.as_ref() == Some(provider)));
        self.pace.want();
    }

    /// Begins to read what is due.
    fn begin(&mut self) {
        let now = Instant::now();
        let due = turns(self.records.values(), &self.busy).into_iter().take_while(|record| record.due <= now);
        let due: Vec<_> = due.map(|record| record.wanted.clone()).collect();
        for wanted in due {
            self.busy.takes(&wanted);
            if let Some(record) = self.records.get_mut(&wanted.key) {
                record.is_under_way = true;
                record.due = now + self.context.settings.metrics_interval.min(A_YEAR);
            }
            self.under_way.push(read(wanted, self.sources.clone(), self.context.clone()).boxed());
        }
    }

    /// When to go on although nothing happens.
    fn due(&self) -> Instant {
        let now = Instant::now();
        let next = turns(self.records.values(), &self.busy).first().map(|record| record.due);
        let reasons = [next, self.expires, self.pace.due(now)];
        reasons.into_iter().flatten().fold(now + LONGEST, Instant::min)
    }

    fn end(&mut self, asked: &Wanted, attempt: Attempt) {
        if let Attempt::Silent(reason) | Attempt::Failed(reason) = &attempt {
            tracing::debug!(metric = asked.key.name, reason = reason.message, "not read");
        }
        self.context.instruments.read_metric(matches!(attempt, Attempt::Read(_)));
        self.busy.frees(asked);
        let now = Moment::now();
        if let Attempt::Silent(reason) = &attempt {
            self.records.values_mut().for_each(|record| record.take_over(asked, reason, now.shown));
        }
        if let Some(record) = self.records.get_mut(&asked.key) {
            record.take(asked, attempt, now, self.context.settings.metrics_max_age);
        }
        self.pace.want();
    }

    /// Publishes what is known, if it has changed or is too old by now.
    fn publish(&mut self) {
        let now = Instant::now();
        if self.expires.is_some_and(|expires| expires <= now) {
            self.pace.want();
        }
        if !self.pace.takes(now) {
            return;
        }
        let settings = &self.context.settings;
        // One attempt more than is forgiven: it may be under way.
        let limit = settings.metrics_max_age.saturating_add(settings.metrics_interval);
        let records = self.records.iter();
        let readings: Readings = records.map(|(key, record)| (key.clone(), record.reading(now, limit))).collect();
        self.expires = self.records.values().filter_map(|record| record.expires(limit)).filter(|at| *at > now).min();
        self.context.readings.publish(readings);
    }
}

async fn read(wanted: Wanted, sources: Arc<Sources>, context: Arc<Context>) -> (Wanted, Attempt) {
    let attempt = match source(&wanted, &sources, &context).await {
        Ok(source) => {
            let read = source.read(&wanted.spec.provider.metric).await;
            read.map_or_else(|error| Attempt::of(&error), Attempt::Read)
        }
        Err(attempt) => attempt,
    };
    (wanted, attempt)
}

/// The source that a metric is read from.
async fn source(wanted: &Wanted, sources: &Sources, context: &Context) -> Result<Source, Attempt> {
    let Some(provider) = &wanted.provider else {
        let kind = provider_kind(wanted.key.namespace.as_deref());
        let message = format!("there is no {kind} {}", wanted.spec.provider.name);
        return Err(Attempt::Failed(Reason::new(ReasonCode::UnknownMetricsProvider, message)));
    };
    sources.get(provider, context.settings.metrics_interval, token(provider, context)).await
}

/// The token of a provider that needs one.
async fn token(provider: &Provider, context: &Context) -> Result<Option<String>, Attempt> {
    let Some(reference) = provider.spec.influx.as_ref().and_then(|influx| influx.token_secret_ref.as_ref()) else {
        return Ok(None);
    };
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
