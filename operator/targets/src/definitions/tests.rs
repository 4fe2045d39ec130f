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
fn only_a_complete_list_that_was_read_twice_takes_anything_back() {
    let before = Served { names: set(&["a.x", "b.x"]), is_complete: true };
    let complete = || Listing { names: set(&["b.x", "c.x"]), is_complete: true };
    let partial = Listing { is_complete: false, ..complete() };
    let all = Served { names: set(&["a.x", "b.x", "c.x"]), is_complete: false };
    assert_eq!(before.after(complete(), false), all);
    assert_eq!(before.after(partial, true), all);
    assert_eq!(before.after(complete(), true), Served { names: set(&["b.x", "c.x"]), is_complete: true });
}

async fn answer(request: Request<Body>, may_watch: bool) -> Result<Response<Body>, Infallible> {
    let version = json!({ "version": "v1", "resources": [{ "resource": "things" }] });
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
        let reads = Arc::new(AtomicUsize::new(0));
        let counter = reads.clone();
        let answer = move |request: Request<Body>| {
            if request.uri().path() == "/apis" {
                counter.fetch_add(1, Ordering::Relaxed);
            }
            answer(request, may_watch)
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
    let found = |is_complete| Served { names: set(&["things.example.org"]), is_complete };
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
    assert_eq!((cluster.served().is_complete, cluster.reads()), (true, 2));
    sleep(Duration::from_mins(10)).await;
    assert_eq!(cluster.reads(), 4);
}
