use std::convert::Infallible;

use http::{Request, Response};
use kube::client::Body;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    connection::Address,
    gate::{Access, CallError},
};

const INTERVAL: Duration = Duration::from_secs(5);

fn rhythm(clusters: usize) -> Rhythm {
    Rhythm { origin: Instant::now(), interval: INTERVAL, clusters: Arc::new(AtomicUsize::new(clusters)) }
}

/// How an API server answers.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    After(Duration),
    Refuses,
    Silent,
}

const WELL: Mood = Mood::After(Duration::from_millis(5));

/// A cluster whose mood can be changed, and a connection to it that is being probed.
struct Cluster {
    mood: watch::Sender<Mood>,
    probes: Arc<AtomicUsize>,
    connection: Arc<Connection>,
    stop: CancellationToken,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Cluster {
    fn probed(mood: Mood) -> Self {
        let (mood, moods) = watch::channel(mood);
        let probes = Arc::new(AtomicUsize::new(0));
        let counter = probes.clone();
        let answer = move |_: Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            let mood = *moods.borrow();
            async move {
                let (delay, code) = match mood {
                    Mood::After(delay) => (delay, 200),
                    Mood::Refuses => (Duration::ZERO, 401),
                    Mood::Silent => std::future::pending().await,
                };
                sleep(delay).await;
                let body = serde_json::json!({
                    "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "",
                    "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
                });
                let body = Body::from(body.to_string().into_bytes());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        };
        let address = Address {
            key: ClusterKey::new("web", "edge"),
            default_namespace: "shop".into(),
            server_host: "edge.example.org".into(),
            kubeconfig: [0; 32],
        };
        let stop = CancellationToken::new();
        let client = Client::new(tower::service_fn(answer), "shop");
        let connection = Connection::new(address, client, broadcast::channel(8).0, stop.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(keep_probing(connection.clone(), rhythm(1))));
        Self { mood, probes, connection, stop }
    }

    /// How long it takes until the verdict is like this.
    async fn until(&self, like: impl Fn(&Reachability) -> bool) -> Duration {
        let begun = Instant::now();
        while !like(&self.connection.gate.verdict()) {
            sleep(Duration::from_millis(10)).await;
            assert!(begun.elapsed() < Duration::from_mins(5), "{:?}", self.connection.gate.verdict());
        }
        begun.elapsed()
    }

    async fn until_reachable(&self) -> Duration {
        self.until(|verdict| matches!(verdict, Reachability::Reachable { .. })).await
    }

    async fn until_unreachable(&self) -> Duration {
        self.until(|verdict| matches!(verdict, Reachability::Unreachable { .. })).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_falls_silent_is_found_out_within_ten_seconds_whenever_it_does() {
    for moment in 0..12 {
        let cluster = Cluster::probed(WELL);
        cluster.until_reachable().await;
        sleep(Duration::from_millis(500) * moment).await;
        cluster.mood.send_replace(Mood::Silent);
        let found = cluster.until_unreachable().await;
        assert!((4.0..10.1).contains(&found.as_secs_f64()), "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_cluster_and_a_single_lost_probe_are_no_outage() {
    let slow = Cluster::probed(Mood::After(Duration::from_millis(3500)));
    slow.until_reachable().await;
    let verdicts = async {
        loop {
            assert!(slow.connection.gate.verdict().answers());
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_mins(2), verdicts).await.unwrap_err();
    let unlucky = Cluster::probed(WELL);
    unlucky.until_reachable().await;
    let before = unlucky.probes.load(Ordering::Relaxed);
    unlucky.mood.send_replace(Mood::Refuses);
    while unlucky.probes.load(Ordering::Relaxed) == before {
        sleep(Duration::from_millis(100)).await;
    }
    unlucky.mood.send_replace(WELL);
    sleep(Duration::from_secs(20)).await;
    assert!(matches!(unlucky.connection.gate.verdict(), Reachability::Reachable { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_back_is_relied_upon_after_some_seconds_of_answers() {
    let cluster = Cluster::probed(WELL);
    cluster.until_reachable().await;
    cluster.mood.send_replace(Mood::Silent);
    cluster.until_unreachable().await;
    cluster.mood.send_replace(WELL);
    let back = cluster.until(Reachability::answers).await;
    assert!(matches!(cluster.connection.gate.verdict(), Reachability::Returning { .. }));
    assert!(back <= INTERVAL * 6 / 5 + PATIENCE * 2, "{back:?}");
    let steady = cluster.until_reachable().await;
    assert!((2.0..3.0).contains(&steady.as_secs_f64()), "{steady:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_brings_the_next_probe_forward() {
    let cluster = Cluster::probed(WELL);
    cluster.until_reachable().await;
    cluster.mood.send_replace(Mood::Refuses);
    let unauthorized = kube::core::Status::failure("no", "Unauthorized").with_code(401).boxed();
    let call = std::future::ready(Err::<(), _>(kube::Error::Api(unauthorized)));
    cluster.connection.gate.pass(Access::Read, call).await.unwrap_err();
    let found = cluster.until_unreachable().await;
    assert!(found < Duration::from_millis(1500), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_writes_does_not_wait_for_a_cluster_that_is_away() {
    for moment in 0..12 {
        let cluster = Cluster::probed(WELL);
        cluster.until_reachable().await;
        sleep(Duration::from_millis(500) * moment).await;
        cluster.mood.send_replace(Mood::Silent);
        let begun = Instant::now();
        let call = cluster.connection.gate.pass(Access::Write, std::future::pending::<kube::Result<()>>());
        assert!(matches!(call.await, Err(CallError::Deadline { is_alive: false, .. })));
        assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_heard_of_is_probed_once_a_minute() {
    let quiet = Cluster::probed(WELL);
    let busy = Cluster::probed(WELL);
    busy.until_reachable().await;
    let chatter = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            busy.connection.gate.heard();
        }
    };
    timeout(Duration::from_mins(10), chatter).await.unwrap_err();
    assert!((100..=151).contains(&quiet.probes.load(Ordering::Relaxed)), "{:?}", quiet.probes);
    assert!((8..=12).contains(&busy.probes.load(Ordering::Relaxed)), "{:?}", busy.probes);
}

#[test]
fn probes_are_spread_around_the_interval() {
    let rhythm = rhythm(700);
    let pauses: Vec<_> = (0..200).map(|turn| rhythm.turn(&ClusterKey::new("web", "edge"), turn)).collect();
    assert!(pauses.iter().all(|pause| (4.0..=6.0).contains(&pause.as_secs_f64())), "{pauses:?}");
    let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
    assert!(least.as_secs_f64() < 4.3 && most.as_secs_f64() > 5.7, "{least:?} {most:?}");
}

#[test]
fn clusters_of_a_large_fleet_are_probed_less_often_as_it_grows() {
    let pause = |clusters: usize| rhythm(clusters).turn(&ClusterKey::new("web", "edge"), 1);
    assert_eq!(pause(1), pause(700));
    assert_eq!(pause(2800), 2 * pause(1400));
    assert!(pause(1400) > pause(700));
}

#[test]
fn the_first_probes_of_a_thousand_clusters_are_spread_and_that_of_a_single_one_is_not_delayed() {
    let first = |clusters: usize, number: usize| rhythm(clusters).first(&ClusterKey::new("web", number.to_string()));
    assert!((0..100).all(|number| first(1, number) <= Duration::from_millis(2)));
    let among_many: Vec<_> = (0..1000).map(|number| first(1000, number)).collect();
    assert!(among_many.iter().all(|pause| *pause <= Duration::from_secs(2)));
    let early = among_many.iter().filter(|pause| **pause < Duration::from_secs(1)).count();
    assert!((400..600).contains(&early), "{early}");
    assert!((0..100).all(|number| first(1_000_000, number) <= INTERVAL));
}

#[test]
fn turns_fall_on_beats_that_all_clusters_share() {
    let rhythm = rhythm(2);
    let at = |millis| rhythm.origin + Duration::from_millis(millis);
    for (moment, beat) in [(0, 0), (249, 0), (250, 250), (5123, 5000)] {
        assert_eq!(rhythm.beat(at(moment)), at(beat));
    }
}
