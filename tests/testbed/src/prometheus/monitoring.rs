//! An exporter and the Prometheus that looks at it.

use anyhow::Result;
use tokio::sync::OnceCell;

use super::{Exporter, Prometheus};
use crate::{lane::Lane, scratch::Scratch};

/// What a test with metrics needs: it sets a value here and reads it there.
///
/// ```no_run
/// # use krake_testbed::prometheus::{Monitoring, unique};
/// # async fn story() -> anyhow::Result<()> {
/// let Some(monitoring) = Monitoring::shared().await? else { return Ok(()) };
/// let heat = unique("heat");
/// monitoring.exporter.set(&heat, 2.0);
/// monitoring.prometheus.sees(&heat, 2.0).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Monitoring {
    /// The values.
    pub exporter: Exporter,
    /// Where they are asked for.
    pub prometheus: Prometheus,
    // Last, so that the folder goes after the process that writes to it.
    _scratch: Scratch,
}

impl Monitoring {
    /// The one that all tests of this test binary share; it is started by the first of them. Each test uses metrics of
    /// its own (see [`unique`](super::unique)) and leaves the Prometheus alone: a test that harms it starts its own.
    /// `None` when this machine has no Prometheus and `./dev test` said so.
    ///
    /// # Errors
    /// When Prometheus cannot be installed or does not start.
    pub async fn shared() -> Result<Option<&'static Self>> {
        static SHARED: OnceCell<Monitoring> = OnceCell::const_new();
        if Lane::Prometheus.skipped().is_some() {
            return Ok(None);
        }
        SHARED.get_or_try_init(Self::start).await.map(Some)
    }

    /// One for a test alone, which keeps it whole: its folder goes with it. `None` as for [`Self::shared`].
    ///
    /// # Errors
    /// As for [`Self::shared`].
    pub async fn own() -> Result<Option<Self>> {
        if Lane::Prometheus.skipped().is_some() {
            return Ok(None);
        }
        Self::start().await.map(Some)
    }

    async fn start() -> Result<Self> {
        let (exporter, scratch) = (Exporter::start()?, Scratch::new()?);
        let prometheus = Prometheus::start(scratch.path(), &[exporter.address()]).await?;
        // The first look takes much longer than the others.
        prometheus.sees("up", 1.0).await?;
        Ok(Self { exporter, prometheus, _scratch: scratch })
    }
}
