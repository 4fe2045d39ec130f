use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::{Request, Response};
use kube::{Client, client::Body};
use serde_json::json;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{connection::Address, wake::ClusterKey};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_a_list_that_was_read_twice_takes_anything_back() {
    let before = Served { names: set(&["a.x", "b.x"]), is_confirmed: true, ..Served::default() };
    let listing = || Listing { names: set(&["b.x", "c.x"]), ..Listing::default() };
    assert_eq!(before.after(listing(), false).names, set(&["a.x", "b.x", "c.x"]));
    assert_eq!(before.after(listing(), true).names, set(&["b.x", "c.x"]));
}

#[test]
fn a_group_that_cannot_be_read_keeps_its_own_names_and_no_others() {
    let before = Served { names: set(&["a.dead", "a.x", "b.x"]), is_confirmed: true, ..Served::default() };
    let listing = || Listing { names: set(&["b.x"]), unread: set(&["dead"]) };
    let after = before.after(listing(), true);
    assert_eq!(after, Served { names: set(&["a.dead", "b.x"]), is_confirmed: true, unread: set(&["dead"]) });
    assert!(after.may_serve("other.dead") && after.may_serve("b.x") && !after.may_serve("a.x"));
    assert_eq!(after.after(Listing { unread: set(&[]), ..listing() }, true).names, set(&["b.x"]));
}

#[test]
fn when_too_much_cannot_be_read_nothing_is_taken_back() {
    let before = Served { names: set(&["a.x", "b.x"]), is_confirmed: true, ..Served::default() };
    let unread: BTreeSet<_> = (0..10_000).map(|number| format!("dead-{number}.example.org")).collect();
    let after = before.after(Listing { names: set(&["b.x"]), unread }, true);
    assert_eq!((&after.names, after.is_confirmed), (&before.names, false));
    assert!(after.may_serve("things.dead-9999.example.org") && after.may_serve("a.x"));
    assert!((1..1000).contains(&after.unread.len()), "{}", after.unread.len());
    assert_eq!(after.after(Listing { names: set(&["b.x"]), ..Listing::default() }, true).names, set(&["b.x"]));
}

async fn answer(request: Request<Body>, may_watch: bool, freshness: &str) -> Result<Response<Body>, Infallible> {
    let version = json!({ "version": "v1", "freshness": freshness, "resources": [{ "resource": "things" }] });
    let group = json!({ "metadata": { "name": "example.org" }, "versions": [version] });
    let is_watch = request.uri().query().is_some_and(|query| query.contains("watch="));
    let (code, body) = match request.uri().path() {
        "/apis" => (200, json!({ "kind": "APIGroupDiscoveryList", "items": [group] })),
        _ if is_watch => std::future::pending().await,
        _ if may_watch => (200, json!({ "metadata": { "resourceVersion": "5" }, "items": [] })),
        _ => (403, json!({ "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden" })),
    };
    Ok(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap())
}

/// A cluster that serves one custom resource, with or without the right to watch definitions.
struct Cluster {
    connection: Arc<Connection>,
    reads: Arc<AtomicUsize>,
}

impl Cluster {
    fn read(may_watch: bool) -> Self {
        Self::in_state(may_watch, "Current")
    }

    fn in_state(may_watch: bool, freshness: &'static str) -> Self {
        let reads = Arc::new(AtomicUsize::new(0));
        let counter = reads.clone();
        let answer = move |request: Request<Body>| {
            if request.uri().path() == "/apis" {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            answer(request, may_watch, freshness)
        };
        let address = Address {
            key: ClusterKey::new("web", "edge"),
            default_namespace: "shop".into(),
            server_host: "edge.example.org".into(),
            kubeconfig: [0; 32],
        };
        let client = Client::new(tower::service_fn(answer), "shop");
        let connection = Connection::new(address, client, broadcast::channel(8).0, CancellationToken::new());
        connection.gate.probed(Ok("v1.37.2".into()));
        tokio::spawn(keep_reading(connection.clone()));
        Self { connection, reads }
    }

    fn served(&self) -> Served {
        self.connection.served.borrow().clone()
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_served_is_read_twice_and_then_only_when_definitions_change() {
    let cluster = Cluster::read(true);
    sleep(Duration::from_secs(5)).await;
    let found = |is_confirmed| Served { names: set(&["things.example.org"]), is_confirmed, ..Served::default() };
    assert_eq!((cluster.served(), cluster.reads()), (found(false), 1));
    sleep(Duration::from_mins(1)).await;
    assert_eq!((cluster.served(), cluster.reads()), (found(true), 2));
    sleep(Duration::from_mins(4)).await;
    assert_eq!(cluster.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_watch_definitions_it_is_read_every_ten_minutes() {
    let cluster = Cluster::read(false);
    sleep(Duration::from_mins(9)).await;
    assert_eq!((cluster.served().is_confirmed, cluster.reads()), (true, 2));
    sleep(Duration::from_mins(10)).await;
    assert_eq!(cluster.reads(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_server_is_away_is_read_again_after_a_while() {
    let cluster = Cluster::in_state(true, "Stale");
    sleep(Duration::from_mins(9)).await;
    assert_eq!((cluster.served().unread, cluster.reads()), (set(&["example.org"]), 2));
    sleep(Duration::from_mins(10)).await;
    assert_eq!(cluster.reads(), 4);
}
