//! Elections among candidates that share one lease, on paused time.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use http::{Method, Request, Response, StatusCode};
use kube::{Client, client::Body};
use serde_json::{Value, json};

use super::*;

/// One lease with optimistic locking, and a line to it that can be cut.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Option<Lease>>>);

impl Server {
    fn candidate(&self, identity: &str) -> (Elector, Line) {
        let line = Line::default();
        let (server, through) = (self.clone(), line.clone());
        let service = tower::service_fn(move |request| {
            let (server, line) = (server.clone(), through.clone());
            async move {
                line.pass().await;
                Ok::<_, Infallible>(server.answer(request).await)
            }
        });
        let client = Client::new(service, "default");
        (Elector::new(Api::namespaced(client, "krake"), "operator", identity), line)
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let method = request.method().clone();
        let sent = request.into_body().collect_bytes().await.unwrap();
        let mut stored = self.0.lock().unwrap();
        if method == Method::GET {
            return stored.as_ref().map_or_else(|| status(StatusCode::NOT_FOUND, "NotFound"), reply);
        }
        let mut lease: Lease = serde_json::from_slice(&sent).unwrap();
        let version = stored.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if lease.metadata.resource_version != version {
            return status(StatusCode::CONFLICT, "Conflict");
        }
        let next = version.map_or(1, |version| version.parse::<u64>().unwrap() + 1);
        lease.metadata.resource_version = Some(next.to_string());
        reply(stored.insert(lease))
    }

    fn annotation(&self, name: &str) -> Option<String> {
        let stored = self.0.lock().unwrap();
        stored.as_ref().and_then(|lease| lease.metadata.annotations.as_ref()?.get(name).cloned())
    }

    fn holder(&self) -> Option<String> {
        self.0.lock().unwrap().as_ref().and_then(|lease| lease.spec.as_ref()?.holder_identity.clone())
    }
}

/// The line between one candidate and the server; true is cut.
#[derive(Clone, Default)]
struct Line(Arc<AtomicBool>);

impl Line {
    async fn pass(&self) {
        if self.0.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn reply(lease: &Lease) -> Response<Body> {
    Response::new(Body::from(serde_json::to_vec(lease).unwrap()))
}

fn status(code: StatusCode, reason: &str) -> Response<Body> {
    let body: Value = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code.as_u16(),
    });
    Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap()
}

struct Candidate {
    leading: watch::Receiver<bool>,
    elsewhere: watch::Receiver<bool>,
    stop: CancellationToken,
    line: Line,
}

fn enter(server: &Server, identity: &str) -> Candidate {
    join(server.candidate(identity))
}

fn join((elector, line): (Elector, Line)) -> Candidate {
    let (sender, leading) = watch::channel(false);
    let (elsewhere, stop) = (elector.elsewhere(), CancellationToken::new());
    tokio::spawn(elector.run(sender, stop.clone()));
    Candidate { leading, elsewhere, stop, line }
}

impl Candidate {
    async fn leads(&mut self) {
        self.becomes(true).await;
    }

    async fn becomes(&mut self, wanted: bool) {
        timeout(Duration::from_mins(2), self.leading.wait_for(|leads| *leads == wanted)).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_leads_and_the_second_waits() {
    let server = Server::default();
    let mut first = enter(&server, "first");
    first.leads().await;
    let second = enter(&server, "second");
    sleep(Duration::from_mins(5)).await;
    assert!(*first.leading.borrow() && !*second.leading.borrow());
}

#[tokio::test(start_paused = true)]
async fn a_standby_knows_a_living_leader_from_one_that_left_its_lease_behind() {
    let server = Server::default();
    let mut first = enter(&server, "first");
    first.leads().await;
    let mut standby = enter(&server, "standby");
    let waited = Instant::now();
    timeout(Duration::from_mins(2), standby.elsewhere.wait_for(|elsewhere| *elsewhere)).await.unwrap().unwrap();
    assert!(waited.elapsed() <= Timing::default().renew * 3);
    assert!(!*first.elsewhere.borrow());

    first.line.cut();
    let mut heir = enter(&server, "heir");
    drop(standby.stop);
    standby.line.cut();
    heir.leads().await;
    assert!(!*heir.elsewhere.borrow());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_leader_hands_over_without_waiting_for_the_lease_to_expire() {
    let server = Server::default();
    let mut first = enter(&server, "first");
    first.leads().await;
    let mut second = enter(&server, "second");
    let stopped = Instant::now();
    first.stop.cancel();
    second.leads().await;
    assert!(stopped.elapsed() <= Timing::default().renew * 2);
    assert_eq!(server.holder().as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_gives_up_before_another_takes_over() {
    let server = Server::default();
    let mut first = enter(&server, "first");
    first.leads().await;
    let mut second = enter(&server, "second");
    sleep(Duration::from_secs(20)).await;
    first.line.cut();
    first.becomes(false).await;
    let given_up = Instant::now();
    assert!(!*second.leading.borrow());
    second.leads().await;
    assert!(given_up.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_write_to_the_lease_does_not_cost_the_leadership() {
    let server = Server::default();
    let mut first = enter(&server, "first");
    first.leads().await;
    server.0.lock().unwrap().as_mut().unwrap().metadata.resource_version = Some("70".to_owned());
    let lost = timeout(Duration::from_mins(1), first.leading.wait_for(|leads| !*leads)).await;
    assert!(lost.is_err());
}

#[tokio::test(start_paused = true)]
async fn work_runs_only_while_leading_and_again_after_a_lost_lease() {
    let server = Server::default();
    let (elector, line) = server.candidate("first");
    let turns = Arc::new(AtomicUsize::new(0));
    let stop = CancellationToken::new();
    let counted = turns.clone();
    let running = tokio::spawn(while_leading(elector, stop.clone(), move |asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            asked.cancelled().await;
            Ok::<_, Infallible>(())
        }
    }));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(turns.load(Ordering::SeqCst), 1);
    line.cut();
    sleep(Duration::from_secs(30)).await;
    line.0.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(turns.load(Ordering::SeqCst), 2);
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn work_that_ignores_a_lost_lease_is_dropped_before_another_may_lead() {
    let server = Server::default();
    let (elector, line) = server.candidate("first");
    let at_work = Arc::new(());
    let witness = Arc::downgrade(&at_work);
    let work = move |_| {
        let busy = at_work.clone();
        async move {
            std::future::pending::<()>().await;
            drop(busy);
            Ok::<_, Infallible>(())
        }
    };
    tokio::spawn(while_leading(elector, CancellationToken::new(), work));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(witness.strong_count(), 2);
    line.cut();
    sleep(Timing::default().ttl + Timing::default().renew).await;
    assert_eq!(witness.strong_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_kept_until_the_work_has_ended() {
    let server = Server::default();
    let (elector, _line) = server.candidate("first");
    let stop = CancellationToken::new();
    let running = tokio::spawn(while_leading(elector, stop.clone(), |asked| async move {
        asked.cancelled().await;
        sleep(Duration::from_mins(1)).await;
        Ok::<_, Infallible>(())
    }));
    sleep(Duration::from_secs(5)).await;
    let mut second = enter(&server, "second");
    let stopped = Instant::now();
    stop.cancel();
    second.leads().await;
    assert!(stopped.elapsed() >= Duration::from_mins(1));
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn failing_work_ends_the_election_with_its_error() {
    let server = Server::default();
    let (elector, _line) = server.candidate("first");
    let ended = while_leading(elector, CancellationToken::new(), |_| async { Err("broken") }).await;
    assert_eq!(ended, Err("broken"));
    assert_eq!(server.holder(), None);
}

#[tokio::test(start_paused = true)]
async fn the_lease_says_what_its_holder_says_about_itself_and_nobody_else() {
    let server = Server::default();
    let enter = |identity: &str, address: Option<&str>| {
        let (elector, line) = server.candidate(identity);
        join((elector.announcing("krake.dev/api", address.map(str::to_owned)), line))
    };
    let mut first = enter("first", Some("http://10.0.0.1:1"));
    first.leads().await;
    let mut second = enter("second", Some("http://10.0.0.2:1"));
    sleep(Duration::from_secs(20)).await;
    assert_eq!(server.annotation("krake.dev/api").as_deref(), Some("http://10.0.0.1:1"));
    first.line.cut();
    second.leads().await;
    assert_eq!(server.annotation("krake.dev/api").as_deref(), Some("http://10.0.0.2:1"));
    let mut silent = enter("silent", None);
    second.line.cut();
    silent.leads().await;
    assert_eq!(server.annotation("krake.dev/api"), None);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_let_go_says_nothing_any_more() {
    let server = Server::default();
    let (elector, line) = server.candidate("first");
    let mut first = join((elector.announcing("krake.dev/api", Some("http://10.0.0.1:1".into())), line));
    first.leads().await;
    first.stop.cancel();
    let released = async {
        while server.holder().is_some() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_mins(1), released).await.unwrap();
    assert_eq!(server.annotation("krake.dev/api"), None);
}
