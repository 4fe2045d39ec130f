//! What is killed when, drawn from a seed: kill -9, nothing for a while, and a new start with the same arguments.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::coordination::v1::Lease;
use krake_testbed::{Testbed, access::SYSTEM_NAMESPACE, eventually, process::Process};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Mutex, watch},
    time::{sleep, timeout},
};

use crate::history::History;

/// The longest pause before a fault that hits at any time.
const LONGEST_CALM: Duration = Duration::from_secs(4);
/// How far into a step a fault may hit: most requests are answered by then.
const DEPTH_OF_STEP: Duration = Duration::from_millis(400);
/// How long a fault waits for somebody to begin with a step.
const STEP_WITHIN: Duration = Duration::from_secs(10);
/// The longest time between a kill and the new start.
const LONGEST_DOWN: Duration = Duration::from_millis(1500);
/// One in so many predecessors leaves its Lease behind, so that the successor has to wait until it expires. The others'
/// is freed, as a quick failover would: else most of the run would be spent waiting.
const LEASE_LEFT_ONE_IN: u32 = 6;

const WHO: &str = "fault";

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The operator.
    Operator,
    /// The facade.
    Facade,
    /// Operator and facade.
    Both,
    /// The facade's etcd.
    Etcd,
}

/// When somebody is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long after the previous fault.
    Anytime(Duration),
    /// So long after the next step of a user has begun.
    InStep(Duration),
}

/// What the successor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// A Lease that the dead one seems to hold.
    Waits,
    /// No Lease.
    Immediate,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Who is killed.
    pub victim: Victim,
    /// When.
    pub moment: Moment,
    /// How long nothing runs.
    pub down: Duration,
    /// What the successor finds.
    pub succession: Succession,
}

/// The faults of a run; the same for the same arguments. `victims` must not be empty, or there are none.
#[must_use]
pub fn plan(seed: u64, kills: usize, victims: &[Victim]) -> Vec<Fault> {
    let mut dice = StdRng::seed_from_u64(seed);
    let draw = |_| {
        let victim = *victims.get(dice.random_range(0..victims.len().max(1)))?;
        let moment = if dice.random() {
            Moment::Anytime(dice.random_range(Duration::ZERO..LONGEST_CALM))
        } else {
            Moment::InStep(dice.random_range(Duration::ZERO..DEPTH_OF_STEP))
        };
        let waits = dice.random_ratio(1, LEASE_LEFT_ONE_IN);
        let succession = if waits { Succession::Waits } else { Succession::Immediate };
        Some(Fault { victim, moment, down: dice.random_range(Duration::ZERO..LONGEST_DOWN), succession })
    };
    (0..kills).map_while(draw).collect()
}

/// Carries out faults.
#[derive(Debug)]
pub struct Injector<'a> {
    /// Whom they hit.
    pub testbed: &'a Testbed,
    /// Where they are written down.
    pub history: &'a History,
    /// Held by whoever keeps the facade down.
    pub facade: &'a Mutex<()>,
}

impl Injector<'_> {
    /// Carries out one fault after the other, and waits until all are well again.
    ///
    /// # Errors
    /// When somebody does not come back.
    pub async fn inject(&self, faults: &[Fault]) -> Result<()> {
        let mut steps = self.history.steps();
        for (number, fault) in faults.iter().enumerate() {
            await_moment(fault.moment, &mut steps).await;
            self.history.note(WHO, format!("{} kill -9 {:?}, down for {:?}", number + 1, fault.victim, fault.down));
            self.strike(fault).await.with_context(|| format!("carry out {fault:?}"))?;
        }
        // Whoever keeps the facade down brings it back first.
        let _turn = self.facade.lock().await;
        self.testbed.fleet.etcd.ready().await?;
        self.testbed.operator.ready().await?;
        self.testbed.facade.ready().await?;
        self.history.note(WHO, "all runs again");
        Ok(())
    }

    async fn strike(&self, fault: &Fault) -> Result<()> {
        let Testbed { operator, facade, fleet } = self.testbed;
        let processes: &[&Process] = match fault.victim {
            Victim::Operator => &[&operator.process],
            Victim::Facade => &[&facade.process],
            Victim::Both => &[&operator.process, &facade.process],
            Victim::Etcd => &[&fleet.etcd.process],
        };
        let needs_facade = matches!(fault.victim, Victim::Facade | Victim::Both);
        let _turn = if needs_facade { Some(self.facade.lock().await) } else { None };
        for process in processes {
            process.kill();
        }
        if fault.succession == Succession::Immediate {
            free_leases(self.testbed, fault.victim).await?;
        }
        sleep(fault.down).await;
        processes.iter().try_for_each(|process| process.start_again())?;
        self.history.note(WHO, format!("{:?} starts again", fault.victim));
        Ok(())
    }
}

/// Removes the Leases that the dead held. Nobody else can: they are dead for sure, as nobody but we can know.
pub(crate) async fn free_leases(testbed: &Testbed, victim: Victim) -> Result<()> {
    let is_of_victim = |name: &str| match victim {
        Victim::Operator => name == "krake-operator",
        Victim::Facade => name == "krake-api-facade-sync",
        Victim::Both => true,
        Victim::Etcd => false,
    };
    let leases: Api<Lease> = Api::namespaced(testbed.fleet.management.client().await?, SYSTEM_NAMESPACE);
    eventually("the dead one's Lease is removed", Duration::from_secs(20), async || {
        let names = leases.list(&ListParams::default()).await?.items.into_iter();
        let names = names.filter_map(|lease| lease.metadata.name).filter(|name| is_of_victim(name));
        for name in names {
            leases.delete(&name, &DeleteParams::default()).await?;
        }
        Ok(())
    })
    .await
}

/// Waits for a moment; `steps` are those of the history.
pub(crate) async fn await_moment(moment: Moment, steps: &mut watch::Receiver<usize>) {
    match moment {
        Moment::Anytime(after) => sleep(after).await,
        Moment::InStep(after) => {
            steps.mark_unchanged();
            // Users may be waiting for something that needs longer than a fault should wait.
            let _ = timeout(STEP_WITHIN, steps.changed()).await;
            sleep(after).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Victim; 3] = [Victim::Operator, Victim::Facade, Victim::Both];

    #[test]
    fn a_seed_replays_its_faults_and_another_one_does_not() {
        assert_eq!(plan(7, 20, &ALL), plan(7, 20, &ALL));
        assert_ne!(plan(7, 20, &ALL), plan(8, 20, &ALL));
        assert_eq!(plan(7, 20, &ALL).len(), 20);
    }

    #[test]
    fn everybody_is_hit_within_and_between_steps() {
        let faults = plan(1, 60, &ALL);
        for victim in ALL {
            let mut hits = faults.iter().filter(|fault| fault.victim == victim);
            assert!(hits.clone().any(|fault| matches!(fault.moment, Moment::InStep(_))), "{victim:?}");
            assert!(hits.any(|fault| matches!(fault.moment, Moment::Anytime(_))), "{victim:?}");
        }
    }
}
