//! One run: some users at their scenarios, faults among them, a witness, and what must hold in the end.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use futures::future::{try_join, try_join_all};
use krake_testbed::{Testbed, access::Account, eventually, process::Process, progress::Progress};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    eyes::Eyes,
    fault::{self, Injector, Victim},
    history::History,
    scenario::{Place, Scenario},
    thing::Kind,
    traffic::PATIENCE,
    validate::{self, Breach, Wish, World},
    witness::{Side, Witness},
};

/// How many users there are: enough that a kill meets different things, few enough for two processors.
const USERS: u64 = 2;

/// How long a quiet world is looked at again, to see that it stays.
const STAYS: Duration = Duration::from_secs(1);

/// What a run does.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the choices of users and faults are drawn from.
    pub seed: u64,
    /// How many faults there are.
    pub kills: usize,
    /// Who may be killed.
    pub victims: Vec<Victim>,
}

impl Options {
    /// So many faults among `victims`; `KRAKE_KILLS` in the environment asks for another number, and `KRAKE_SEED` for
    /// the choices of an earlier run.
    ///
    /// # Errors
    /// When one of the two is not a number.
    pub fn from_env(kills: usize, victims: &[Victim]) -> Result<Self> {
        let seed = number("KRAKE_SEED")?.unwrap_or_else(|| u64::from(rand::rng().random::<u32>()));
        let kills = number("KRAKE_KILLS")?.map_or(Ok(kills), usize::try_from)?;
        Ok(Self { seed, kills, victims: victims.to_vec() })
    }
}

fn number(variable: &str) -> Result<Option<u64>> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty());
    text.map(|text| text.parse().with_context(|| format!("{variable} is {text:?}, which is no number"))).transpose()
}

/// Runs; the seed is shown at once.
///
/// # Errors
/// The broken guarantee, with the seed and everything that was done.
pub async fn run(testbed: &Testbed, options: &Options) -> Result<()> {
    tell(testbed, options, async |history| Box::pin(attempt(testbed, options, history)).await).await
}

/// Tells the seed before and, if there is need to, everything that was done after a run.
pub(crate) async fn tell(
    testbed: &Testbed,
    options: &Options,
    attempt: impl AsyncFnOnce(&History) -> Result<()>,
) -> Result<()> {
    let Options { seed, kills, victims } = options;
    Progress::Shown.say(&format!("{kills} kills of {victims:?} with KRAKE_SEED={seed}"));
    let history = History::default();
    let outcome = attempt(&history).await;
    if std::env::var_os("KRAKE_HISTORY").is_some() {
        Progress::Shown.say(&history.to_string());
    }
    outcome.map_err(|error| anyhow!("{error:#}\nKRAKE_SEED={seed}\n{}", told(testbed, &history)))
}

fn told(testbed: &Testbed, history: &History) -> String {
    let logs = [&testbed.operator.process, &testbed.facade.process].map(Process::log_tail);
    format!("{history}{}", logs.join("\n"))
}

async fn attempt(testbed: &Testbed, options: &Options, history: &History) -> Result<()> {
    let (eyes, facade) = (Eyes::open(testbed).await?, Mutex::new(()));
    let place = Place { testbed, eyes: &eyes, history, facade: &facade };
    let witness = Witness::new(&eyes, history, &[Side::Stored, Side::Object]);
    tokio::select! {
        ended = witness.watch() => ended,
        ended = act(place, options) => ended,
    }?;
    let breaches = leaks(place).await?;
    ensure!(breaches.is_empty(), "{}", list(&breaches));
    Ok(())
}

/// Faults, and users who begin anew until the last fault is over.
async fn act(place: Place<'_>, options: &Options) -> Result<()> {
    let is_over = AtomicBool::new(false);
    let faults = fault::plan(options.seed, options.kills, &options.victims);
    let injector = Injector { testbed: place.testbed, history: place.history, facade: place.facade };
    let injection = async {
        let ended = injector.inject(&faults).await;
        is_over.store(true, Ordering::Relaxed);
        ended
    };
    let users = try_join_all((1..=USERS).map(async |number| {
        let mut dice = StdRng::seed_from_u64(options.seed.wrapping_add(number));
        loop {
            // Boxed, because it is everything that a user does.
            Box::pin(play(place, number, &mut dice)).await?;
            if is_over.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }));
    Box::pin(try_join(injection, users)).await.map(drop)
}

/// One user's play from the first cluster to the last.
async fn play(place: Place<'_>, user: u64, dice: &mut StdRng) -> Result<()> {
    let name = format!("user{user}");
    let scenario = Scenario::new(&name, place)?;
    let wish = scenario.play(dice).await?;
    place.history.step(&name, "look whether all is as it shall be");
    quiet(place.eyes, scenario.namespace(), &wish).await?;
    let wish = scenario.clear(dice).await?;
    quiet(place.eyes, scenario.namespace(), &wish).await?;
    place.history.note(&name, "all is gone");
    Ok(())
}

/// Waits until all guarantees about a quiet world hold in a namespace, and sees that they still do a moment later.
///
/// # Errors
/// The broken guarantees.
pub async fn quiet(eyes: &Eyes, namespace: &str, wish: &Wish) -> Result<()> {
    let hold = async || {
        let breaches = validate::quiet(&World::observe(eyes, namespace).await?, wish);
        if breaches.is_empty() { Ok(()) } else { bail!("{}", list(&breaches)) }
    };
    eventually(&format!("{namespace} is as it shall be"), PATIENCE, async || {
        hold().await?;
        tokio::time::sleep(STAYS).await;
        hold().await.context("all was well a moment ago")
    })
    .await
}

pub(crate) fn list(breaches: &[Breach]) -> String {
    breaches.iter().fold(String::from("broken guarantees:"), |mut text, breach| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {breach}");
        text
    })
}

/// Looks for credentials where none may be.
pub(crate) async fn leaks(place: Place<'_>) -> Result<Vec<Breach>> {
    let Place { testbed, eyes, .. } = place;
    let mut texts = Vec::new();
    for process in [&testbed.operator.process, &testbed.facade.process] {
        let log = std::fs::read(process.log()).with_context(|| format!("read {}", process.log().display()))?;
        texts.push((format!("the log of {}", process.name()), String::from_utf8_lossy(&log).into_owned()));
    }
    let mut objects = try_join_all(Kind::ALL.map(|kind| eyes.objects(kind, None))).await?.concat();
    objects.extend(eyes.placements(None).await?);
    objects.extend(eyes.events().await?);
    texts.extend(objects.iter().map(|object| {
        let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
        (format!("{kind} {name}"), object.to_string())
    }));
    let texts = texts.iter().map(|(place, text)| (place.as_str(), text.as_str()));
    Ok(validate::no_secret_leaked(texts, &tokens(testbed)?))
}

/// Every credential that operator and facade come to know.
fn tokens(testbed: &Testbed) -> Result<Vec<String>> {
    let token = |config: &Value| config["users"][0]["user"]["token"].as_str().map(str::to_owned);
    let mut tokens = Vec::new();
    for target in &testbed.fleet.targets {
        tokens.extend(token(target.kubeconfig().value()));
    }
    for account in [Account::Operator, Account::ApiFacade] {
        let text = std::fs::read_to_string(testbed.fleet.kubeconfig_of(account)).context("read a kubeconfig")?;
        tokens.extend(token(&serde_json::from_str(&text).context("understand a kubeconfig")?));
    }
    ensure!(tokens.len() == testbed.fleet.targets.len() + 2, "a kubeconfig without token");
    Ok(tokens)
}
