//! A provider of metrics that is down, and one that is slow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, ensure};
use krake_acceptance::{SOON, Stage};
use krake_testbed::{
    Testbed, eventually,
    objects::{self, Cluster},
    prometheus::{self, Monitoring},
    throughout, unique,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use crate::gauges::Gauges;

/// Global metrics between 0 and 1, and a provider at this URL for them.
async fn register(stage: &Stage<'_>, url: &str, metrics: &[String]) -> Result<()> {
    let provider = unique("provider");
    let object = objects::provider(&provider, "prometheus", &json!({ "url": url })).rest();
    stage.rest.post("/core/globalmetricsproviders", &object).await?.expect(200)?;
    for metric in metrics {
        let object = objects::metric(metric, 1.0, &provider, metric).rest();
        stage.rest.post("/core/globalmetrics", &object).await?.expect(200)?;
    }
    Ok(())
}

pub(crate) async fn a_provider_that_is_down_costs_no_application_its_place(testbed: &Testbed) -> Result<()> {
    /// Values count for 5 s after they were read, and are read every second.
    const CERTAINLY_FRESH: Duration = Duration::from_secs(3);
    let Some(monitoring) = Monitoring::own().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "dark")?;
    let heat = prometheus::unique("heat");
    monitoring.exporter.set(&heat, 0.9);
    monitoring.prometheus.sees(&heat, 0.9).await?;
    register(&stage, monitoring.prometheus.url(), std::slice::from_ref(&heat)).await?;
    let rated = stage.cluster(1)?.rated(&heat, 1.0);
    stage.register([rated.clone(), stage.cluster(2)?]).await?;
    let (_, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;
    let stays = async || {
        let object = stage.rest.get(&shop.path()).await?.expect(200)?;
        let status = &object["status"];
        ensure!(status["state"] == "RUNNING" && status["scheduled_to"]["name"] == "de", "{status}");
        anyhow::Ok(())
    };

    monitoring.prometheus.process.kill();
    throughout("the last value counts", CERTAINLY_FRESH, async || {
        let object = stage.rest.get(&rated.path()).await?.expect(200)?;
        ensure!(object["status"]["state"] == "ONLINE", "{}", object["status"]);
        stays().await
    })
    .await?;
    let failing = stage.until_state(&rated.path(), "FAILING_METRICS").await?;
    let reason = &failing["status"]["metrics_reasons"][&heat];
    ensure!(reason["code"] == "UNREACHABLE_METRICS_PROVIDER", "{}", failing["status"]);
    throughout("it stays where its metrics cannot be read", 3 * CERTAINLY_FRESH, stays).await?;

    monitoring.prometheus.process.start_again()?;
    monitoring.prometheus.ready().await?;
    eventually("the cluster is well again", SOON, async || {
        let object = stage.rest.get(&rated.path()).await?.expect(200)?;
        let status = &object["status"];
        ensure!(status["state"] == "ONLINE" && status["metrics_reasons"] == json!({}), "{status}");
        Ok(())
    })
    .await?;
    stays().await
}

pub(crate) async fn a_provider_that_is_slow_slows_nobody_else(testbed: &Testbed) -> Result<()> {
    /// More than are read of one provider at the same time, many times over.
    const METRICS: usize = 80;
    const CLUSTERS: usize = 2;
    /// A value is read every second, and an application stays where it was put for five.
    const PROMPTLY: Duration = Duration::from_secs(20);
    let stage = Stage::bare(testbed, "slow")?;
    let gauges = Gauges::register(&stage).await?;
    let slow = Sluggard::start().await?;
    let metrics: Vec<_> = (0..METRICS).map(|_| prometheus::unique("slow")).collect();
    register(&stage, &slow.url, &metrics).await?;
    let clusters: Vec<Cluster> = metrics
        .chunks(METRICS / CLUSTERS)
        .enumerate()
        .map(|(index, metrics)| {
            let cluster = stage.cluster(1)?.named(&format!("slow-{index}"));
            Ok(metrics.iter().fold(cluster, |cluster, metric| cluster.rated(metric, 1.0)))
        })
        .collect::<Result<_>>()?;
    for cluster in &clusters {
        stage.rest.post(&cluster.collection(), &cluster.rest()).await?.expect(200)?;
    }
    let online = [stage.cluster(1)?.path(), stage.cluster(2)?.path()];
    eventually("slow values are known to be missing", SOON, async || {
        for path in &online {
            let object = stage.rest.get(path).await?.expect(200)?;
            ensure!(object["status"]["state"] == "ONLINE", "{path} is slowed: {}", object["status"]);
        }
        for cluster in &clusters {
            let object = stage.rest.get(&cluster.path()).await?.expect(200)?;
            ensure!(object["status"]["state"] == "FAILING_METRICS", "{}", object["status"]["state"]);
        }
        Ok(())
    })
    .await?;

    let (_, shop) = stage.application("shop");
    stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_running_on(&shop.path(), "de").await?;
    let flipped = Instant::now();
    gauges.set(&stage, [0.1, 0.9]).await?;
    stage.until_running_on(&shop.path(), "it").await?;
    ensure!(flipped.elapsed() < PROMPTLY, "a quick metric waited for slow ones: {:?}", flipped.elapsed());
    ensure!(slow.was_asked(), "the slow provider was never asked");
    Ok(())
}

/// A provider that answers everything, but late.
struct Sluggard {
    url: String,
    asked: Arc<AtomicBool>,
    // Ends with it, and every answer that is still owed.
    _tasks: JoinSet<()>,
}

impl Sluggard {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (url, asked) = (format!("http://{}", listener.local_addr()?), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        let noted = asked.clone();
        tasks.spawn(async move {
            let mut answers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                noted.store(true, Ordering::Relaxed);
                answers.spawn(answer_late(stream));
            }
        });
        Ok(Self { url, asked, _tasks: tasks })
    }

    fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn answer_late(mut stream: TcpStream) {
    const LATE: Duration = Duration::from_secs(30);
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if stream.read(&mut [0; 4096]).await.is_ok() {
        tokio::time::sleep(LATE).await;
        // Whoever asked may have gone.
        let _ = stream.write_all(ANSWER).await;
    }
}
