//! The sources in use. A provider is looked up beside the loop of the reader, and for all its metrics at once: the Secret
//! with its token comes from the API server, which can be slow.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use krake_operator_providers::metrics::Source;
use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use super::{
    lookup::Provider,
    record::{Attempt, silent},
};

/// How long it may take to find out how a provider is asked.
const LONGEST: Duration = Duration::from_secs(10);

/// The sources in use; few.
#[derive(Default)]
pub(super) struct Sources(Mutex<Vec<Arc<Entry>>>);

struct Entry {
    provider: Provider,
    /// Held while the token is read, so that it is read once for all who wait.
    known: tokio::sync::Mutex<Option<Known>>,
}

struct Known {
    at: Instant,
    token: Option<String>,
    source: Result<Source, Attempt>,
}

impl Sources {
    /// Forgets the providers that are not in use.
    pub(super) fn retain(&self, is_used: impl Fn(&Provider) -> bool) {
        self.lock().retain(|entry| is_used(&entry.provider));
    }

    /// The source of a provider. Its token is read at most once per `interval`, and nothing is waited for longer than 10 s.
    pub(super) async fn get(
        &self,
        provider: &Provider,
        interval: Duration,
        token: impl Future<Output = Result<Option<String>, Attempt>>,
    ) -> Result<Source, Attempt> {
        let entry = self.entry(provider);
        let late = |_| Err(silent("the token of the metrics provider cannot be read within 10 s".into()));
        timeout(LONGEST, entry.source(interval, token)).await.unwrap_or_else(late)
    }

    fn entry(&self, provider: &Provider) -> Arc<Entry> {
        let mut entries = self.lock();
        if let Some(known) = entries.iter().find(|entry| entry.provider == *provider) {
            return known.clone();
        }
        let entry = Arc::new(Entry { provider: provider.clone(), known: tokio::sync::Mutex::default() });
        entries.push(entry.clone());
        entry
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    async fn source(
        &self,
        interval: Duration,
        token: impl Future<Output = Result<Option<String>, Attempt>>,
    ) -> Result<Source, Attempt> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.at.elapsed() < interval) {
            return known.source.clone();
        }
        let at = Instant::now();
        let read = token.await;
        let token = read.as_ref().ok().cloned().flatten();
        let source = match (read, known.take()) {
            (Err(attempt), _) => Err(attempt),
            // Its connections are kept.
            (Ok(_), Some(Known { token: same, source: Ok(source), .. })) if same == token => Ok(source),
            (Ok(token), _) => {
                let made = Source::new(&self.provider.spec, token.map(SecretString::from));
                made.map_err(|error| Attempt::of(&error))
            }
        };
        *known = Some(Known { at, token, source: source.clone() });
        source
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use krake_crds::{
        core::metrics_provider::{MetricsProviderSpec, MetricsProviderType, Static},
        reason::ReasonCode,
    };

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn provider() -> Provider {
        let static_ = Some(Static::default());
        let spec = MetricsProviderSpec { type_: MetricsProviderType::Static, static_, ..Default::default() };
        Provider { spec, secrets: "web".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_once_per_interval_for_all_who_need_it() {
        let (sources, provider, reads) = (Sources::default(), provider(), AtomicUsize::new(0));
        let token = || async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            reads.fetch_add(1, Ordering::Relaxed);
            Ok(Some("t0ken".into()))
        };
        let get = || sources.get(&provider, INTERVAL, token());
        let all = futures::future::join_all((0..8).map(|_| get())).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        tokio::time::advance(INTERVAL).await;
        get().await.unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_does_not_come_is_not_waited_for() {
        let (sources, provider, start) = (Sources::default(), provider(), Instant::now());
        let silence = sources.get(&provider, INTERVAL, std::future::pending()).await.unwrap_err();
        let Attempt::Silent(reason) = silence else { panic!("{silence:?}") };
        assert_eq!(reason.code, ReasonCode::UnreachableMetricsProvider);
        assert_eq!(start.elapsed().as_secs(), 10);
        sources.get(&provider, INTERVAL, async { Ok(None) }).await.expect("it is asked again");
    }

    #[tokio::test]
    async fn what_is_not_in_use_is_forgotten() {
        let (sources, provider) = (Sources::default(), provider());
        sources.get(&provider, INTERVAL, async { Ok(None) }).await.unwrap();
        sources.retain(|known| *known == provider);
        assert_eq!(sources.lock().len(), 1);
        sources.retain(|_| false);
        assert_eq!(sources.lock().len(), 0);
    }
}
