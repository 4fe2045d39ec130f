//! Any number of watches: all of them get everything in order, the facade's memory stays flat, and what a client held is
//! free when it is gone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use krake_acceptance::SOON;
use krake_testbed::{alone::Alone, eventually, facade::Facade, objects, progress::Progress, rest::Rest};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, interval},
};

use crate::alone::facade;

const COLLECTION: &str = "/kubernetes/namespaces/load/applications";

/// Opens a watch without heartbeats, so that only events are ever written to it, and reads the head of the answer.
async fn open(facade: &Facade) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(facade.address()).await.context("connect")?;
    let request = format!("GET {COLLECTION}?watch&heartbeat=0 HTTP/1.1\r\nHost: krake\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

async fn open_all(facade: &Facade, number: usize) -> Result<Vec<TcpStream>> {
    let mut watches = Vec::with_capacity(number);
    for _ in 0..number {
        watches.push(open(facade).await?);
    }
    Ok(watches)
}

/// What the watch that is ahead of the others has received.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<u8>>>);

impl Received {
    /// Reads a watch to its end, and makes sure that it receives the same as all others. That is as cheap as reading can
    /// be: there are many of them.
    async fn compare(self, mut watch: TcpStream) -> Result<usize> {
        let (mut piece, mut at) = (vec![0; 16 << 10], 0);
        loop {
            let length = watch.read(&mut piece).await?;
            let (piece, end) = (&piece[..length], at + length);
            let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = received.len().clamp(at, end) - at;
            ensure!(received[at..at + known] == piece[..known], "two watches differ after {at} bytes");
            received.extend_from_slice(&piece[known..]);
            if length == 0 {
                ensure!(at == received.len(), "a watch ended after {at} of {} bytes", received.len());
                return Ok(at);
            }
            at = end;
        }
    }

    /// The events that were received. Each is a chunk, and a chunk without content is the end.
    fn events(&self) -> Result<Vec<Value>> {
        let received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rest, mut events) = (str::from_utf8(&received)?, Vec::new());
        loop {
            let (length, after) = rest.split_once("\r\n").context("a chunk begins with its length")?;
            let length = usize::from_str_radix(length, 16)?;
            let (chunk, after) = after.split_at_checked(length).context("the last chunk is complete")?;
            if length == 0 {
                return Ok(events);
            }
            events.push(serde_json::from_str(chunk)?);
            rest = after.strip_prefix("\r\n").context("a chunk ends with a line's end")?;
        }
    }
}

/// A number that the facade shows about itself.
async fn instrument(facade: &Facade, name: &str) -> Result<f64> {
    let address = facade.health_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.context("connect")?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let line = text.lines().find(|line| line.starts_with(name)).with_context(|| format!("{name} in {text}"))?;
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).with_context(|| line.to_owned())
}

async fn until_open(facade: &Facade, number: f64) -> Result<()> {
    eventually(&format!("{number} watches are open"), SOON, async || {
        let open = instrument(facade, "krake_api_facade_watches{kind=\"Application\"}").await?;
        ensure!((open - number).abs() < 0.5, "{open} watches");
        Ok(())
    })
    .await
}

/// The memory that the facade occupies, in MB.
fn resident(facade: &Facade) -> Result<usize> {
    let id = facade.process.id().context("the facade runs")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? / 1024)
}

/// Creates an application and writes it at regular times; `turn` counts the writes.
async fn keep_writing(rest: Rest, name: String, times: usize, period: Duration) -> Result<()> {
    let application = objects::application(&name).in_namespace("load").labelled("turn", "0");
    let mut object = rest.post(&application.collection(), &application.rest()).await?.expect(200)?;
    let mut beat = interval(period);
    for turn in 1..times {
        beat.tick().await;
        object["metadata"]["labels"]["turn"] = turn.to_string().into();
        rest.put(&application.path(), &object).await?.expect(200)?;
    }
    Ok(())
}

/// Makes sure that all writes of all applications are there, in their order.
fn check(events: &[Value], writers: usize, times: usize) -> Result<()> {
    let mut turns = BTreeMap::<&str, usize>::new();
    for event in events {
        let metadata = &event["object"]["metadata"];
        let name = metadata["name"].as_str().context("an object has a name")?;
        let next = turns.entry(name).or_default();
        let turn = metadata["labels"]["turn"].as_str().context("an application has a turn")?;
        ensure!(turn.parse() == Ok(*next), "turn {turn} of {name} instead of {next}");
        *next += 1;
    }
    ensure!(turns.len() == writers && turns.values().all(|turn| *turn == times), "{turns:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_are_released_when_their_clients_are_gone() -> Result<()> {
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    for _ in 0..3 {
        let mut watches = open_all(&facade, 150).await?;
        until_open(&facade, 150.0).await?;
        for watch in watches.drain(..100) {
            // Cut off, instead of ended.
            watch.set_zero_linger()?;
        }
        until_open(&facade, 50.0).await?;
        drop(watches);
        until_open(&facade, 0.0).await?;
    }
    let gone = "krake_api_facade_watch_closes_total{kind=\"Application\",reason=\"client_gone\"}";
    ensure!(instrument(&facade, gone).await? > 449.0, "watches were closed for another reason");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_watches_get_every_event_in_order_and_the_memory_stays_flat() -> Result<()> {
    const WATCHES: usize = 1000;
    /// Together they write 50 times a second, for a minute.
    const WRITERS: usize = 5;
    const PERIOD: Duration = Duration::from_millis(100);
    const TIMES: usize = 600;
    /// What the facade may grow by while all stays the same, in MB.
    const FLAT: usize = 30;
    let _turn = crate::TURN.lock().await;
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let facade = facade(&alone, "api-facade").await?;
    let received = Received::default();
    let mut readers = JoinSet::new();
    for watch in open_all(&facade, WATCHES).await? {
        readers.spawn(received.clone().compare(watch));
    }

    let (begun, before) = (Instant::now(), resident(&facade)?);
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(keep_writing(facade.rest()?, format!("shop-{number}"), TIMES, PERIOD));
    }
    let told = "krake_api_facade_watch_events_total{kind=\"Application\"}";
    let all = u32::try_from(WATCHES * WRITERS * TIMES)?;
    eventually("half of the events are told", SOON * 5, async || {
        let told = instrument(&facade, told).await?;
        ensure!(told >= f64::from(all) / 2.0, "{told}");
        Ok(())
    })
    .await?;
    let halfway = resident(&facade)?;
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let wrote = begun.elapsed();
    eventually("all events are told", SOON, async || {
        let told = instrument(&facade, told).await?;
        ensure!(told >= f64::from(all), "{told}");
        Ok(())
    })
    .await?;
    let (read, after) = (begun.elapsed(), resident(&facade)?);

    facade.stop().await?;
    while let Some(reader) = readers.join_next().await {
        reader??;
    }
    check(&received.events()?, WRITERS, TIMES)?;
    Progress::Shown.say(&format!(
        "{WATCHES} watches, {} writes in {wrote:.1?}, all {all} events told after {read:.1?}; \
         memory {before} MB at first, {halfway} MB halfway, {after} MB in the end",
        WRITERS * TIMES,
    ));
    ensure!(after < halfway + FLAT, "the memory grew from {halfway} to {after} MB");
    Ok(())
}
