//! What was done lately, and whether one more of it is within the budgets. Pure but for the lock around it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use krake_crds::core::{Budget, Budgets, SafetyPolicy};
use kube::ResourceExt;
use tokio::sync::watch;

use super::{Act, Withheld};

/// How soon after a permitted move the same one may be asked for again.
const SAME_MOVE: Duration = Duration::from_secs(5);

/// What was moved and removed lately. Of this process only: one that starts anew begins to count anew, but a budget that
/// is used up stays so, because its policy says it.
#[derive(Debug)]
pub struct Ledger {
    accounts: Mutex<BTreeMap<Account, VecDeque<Entry>>>,
    /// The policies whose budget for deletions is used up, and which one that was; until their spec changes.
    tripped: watch::Sender<BTreeMap<Edition, String>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { accounts: Mutex::default(), tripped: watch::Sender::new(BTreeMap::new()) }
    }
}

/// A policy as long as its spec is the same. A human who changes it has looked at it: counting begins anew, whoever learns
/// of the change first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edition {
    /// Name of the policy.
    pub(super) name: String,
    uid: Option<String>,
    generation: Option<i64>,
}

impl Edition {
    pub(super) fn of(policy: &SafetyPolicy) -> Self {
        Self { name: policy.name_any(), uid: policy.uid(), generation: policy.metadata.generation }
    }
}

/// One budget of one policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Account {
    policy: Edition,
    /// Of this namespace alone; otherwise of all that the policy is about.
    namespace: Option<String>,
    act: Act,
}

#[derive(Clone, Debug)]
struct Entry {
    at: Timestamp,
    /// Uid of the application.
    subject: String,
}

/// What follows from the policies for an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may be done, and has been counted.
    Permitted,
    /// It must not be done now.
    Withheld(Withheld),
    /// It must not be done, and its budget is used up: this policy has to say so.
    Trips {
        /// The policy.
        edition: Edition,
        /// Which of its budgets.
        budget: String,
    },
}

impl Ledger {
    /// Whether `act` may be done to the application `subject` of `namespace`. If it may, it is counted: each move, and each
    /// removal once, however long it takes.
    pub(super) fn ask(
        &self,
        policies: &[impl AsRef<SafetyPolicy>],
        act: Act,
        (namespace, subject): (&str, &str),
        now: Timestamp,
    ) -> Answer {
        let policies = policies.iter().map(AsRef::as_ref);
        let about: Vec<_> = policies.filter(|policy| is_about(policy, namespace)).collect();
        if let Some(policy) = about.iter().find(|policy| policy.spec.stop) {
            return Answer::Withheld(Withheld::stopped(&policy.name_any()));
        }
        let is_tripped = |policy: &SafetyPolicy| {
            super::is_tripped(policy) || self.tripped.borrow().contains_key(&Edition::of(policy))
        };
        if let Some(policy) = about.iter().find(|policy| act == Act::Remove && is_tripped(policy)) {
            return Answer::Withheld(Withheld::tripped(&policy.name_any()));
        }
        let budgets: Vec<_> = about.iter().flat_map(|policy| budgets(policy, act, namespace)).collect();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        for (account, budget) in &budgets {
            let entries = accounts.entry(account.clone()).or_default();
            forget_old(entries, *budget, now);
            if !is_counted(entries, act, subject, now)
                && entries.len() >= usize::try_from(budget.limit).unwrap_or(usize::MAX)
            {
                return exhausted(account, *budget, entries.front().map(|entry| entry.at), now);
            }
        }
        for (account, _) in budgets {
            let entries = accounts.entry(account).or_default();
            if !is_counted(entries, act, subject, now) {
                entries.push_back(Entry { at: now, subject: subject.to_owned() });
            } else if let Some(entry) = entries.iter_mut().find(|entry| entry.subject == subject && act == Act::Remove)
            {
                // A removal that goes on is still the same one.
                entry.at = now;
            }
        }
        Answer::Permitted
    }

    /// Notes that a budget of a policy is used up.
    pub(super) fn trip(&self, edition: Edition, budget: String) {
        self.tripped.send_if_modified(|tripped| tripped.insert(edition, budget).is_none());
    }

    /// The policies whose budget for deletions was found to be used up, and which one that was.
    pub(super) fn tripped(&self) -> watch::Receiver<BTreeMap<Edition, String>> {
        self.tripped.subscribe()
    }

    /// Forgets what was counted for this policy when it was another one.
    pub(super) fn forget_all_but(&self, edition: &Edition) {
        let is_known = |known: &Edition| known.name != edition.name || known == edition;
        self.tripped.send_if_modified(|tripped| {
            let before = tripped.len();
            tripped.retain(|known, _| is_known(known));
            tripped.len() != before
        });
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|account, _| is_known(&account.policy));
    }
}

fn is_about(policy: &SafetyPolicy, namespace: &str) -> bool {
    policy.spec.namespaces.is_empty() || policy.spec.namespaces.iter().any(|named| named == namespace)
}

/// The budgets of a policy that limit this act in this namespace.
fn budgets(policy: &SafetyPolicy, act: Act, namespace: &str) -> Vec<(Account, Budget)> {
    let of = |budgets: &Option<Budgets>| {
        let budgets = budgets.as_ref()?;
        match act {
            Act::Migrate => budgets.migrations,
            Act::Remove => budgets.deletions,
            Act::Clean => None,
        }
    };
    let account =
        |namespace: Option<&str>| Account { policy: Edition::of(policy), namespace: namespace.map(str::to_owned), act };
    let fleet = of(&policy.spec.fleet).map(|budget| (account(None), budget));
    let own = of(&policy.spec.per_namespace).map(|budget| (account(Some(namespace)), budget));
    fleet.into_iter().chain(own).collect()
}

/// Whether this act was counted before: a removal while it is remembered, a move if it was asked for a moment ago, because
/// a decision that could not be written is made again.
fn is_counted(entries: &VecDeque<Entry>, act: Act, subject: &str, now: Timestamp) -> bool {
    let mut own = entries.iter().filter(|entry| entry.subject == subject);
    match act {
        Act::Migrate => own.any(|entry| age(entry.at, now) < SAME_MOVE),
        Act::Remove | Act::Clean => own.next().is_some(),
    }
}

fn forget_old(entries: &mut VecDeque<Entry>, budget: Budget, now: Timestamp) {
    let window = Duration::from_secs(budget.window_seconds.into());
    entries.retain(|entry| age(entry.at, now) < window);
}

fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

fn exhausted(account: &Account, budget: Budget, oldest: Option<Timestamp>, now: Timestamp) -> Answer {
    let scope =
        account.namespace.as_ref().map_or("all of its namespaces".to_owned(), |name| format!("namespace {name}"));
    let Budget { limit, window_seconds } = budget;
    let described = format!("{limit} in {window_seconds} s for {scope}");
    if account.act == Act::Remove {
        return Answer::Trips { edition: account.policy.clone(), budget: described };
    }
    let window = Duration::from_secs(window_seconds.into());
    let until_room = oldest.map_or(window, |oldest| window.saturating_sub(age(oldest, now)));
    Answer::Withheld(Withheld::exhausted(&account.policy.name, &described, until_room))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn policy(name: &str, spec: &Value, tripped: bool) -> Arc<SafetyPolicy> {
        let conditions = json!([{
            "type": "Tripped", "status": "True", "reason": "BudgetUsedUp", "message": "",
            "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 1,
        }]);
        let status = if tripped { json!({ "conditions": conditions }) } else { json!({}) };
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "core.krake.dev/v1alpha1", "kind": "SafetyPolicy",
                "metadata": { "name": name, "generation": 1 }, "spec": spec, "status": status,
            }))
            .unwrap(),
        )
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn is_permitted(ledger: &Ledger, policies: &[Arc<SafetyPolicy>], act: Act, who: (&str, &str), second: i64) -> bool {
        ledger.ask(policies, act, who, at(second)) == Answer::Permitted
    }

    #[test]
    fn without_a_policy_nothing_is_limited() {
        let ledger = Ledger::default();
        assert!((0..100).all(|index| is_permitted(&ledger, &[], Act::Remove, ("web", &index.to_string()), 0)));
    }

    #[test]
    fn a_move_beyond_the_budget_waits_until_there_is_room() {
        let ledger = Ledger::default();
        let budget = json!({ "fleet": { "migrations": { "limit": 2, "windowSeconds": 60 } } });
        let policies = [policy("fleet", &budget, false)];
        let asked = |who, second| ledger.ask(&policies, Act::Migrate, ("web", who), at(second));
        assert_eq!((asked("a", 0), asked("b", 10)), (Answer::Permitted, Answer::Permitted));
        assert_eq!(asked("b", 11), Answer::Permitted, "it is counted already");
        assert!(matches!(asked("a", 20), Answer::Withheld(_)), "it is another move");
        let Answer::Withheld(withheld) = asked("c", 20) else { panic!("permitted") };
        assert_eq!(withheld.retry_after, Some(Duration::from_secs(40)));
        assert_eq!(
            withheld.sentence,
            "the safety policy fleet permits 2 in 60 s for all of its namespaces, and these are used up"
        );
        assert_eq!(asked("c", 60), Answer::Permitted);
    }

    #[test]
    fn each_namespace_has_a_budget_of_its_own() {
        let ledger = Ledger::default();
        let policies = [policy("fleet", &json!({ "perNamespace": { "migrations": { "limit": 1 } } }), false)];
        assert!(is_permitted(&ledger, &policies, Act::Migrate, ("web", "a"), 0));
        assert!(!is_permitted(&ledger, &policies, Act::Migrate, ("web", "b"), 0));
        assert!(is_permitted(&ledger, &policies, Act::Migrate, ("dev", "c"), 0));
    }

    #[test]
    fn what_one_policy_refuses_is_not_counted_by_the_others() {
        let ledger = Ledger::default();
        let wide = policy("a-wide", &json!({ "fleet": { "migrations": { "limit": 1 } } }), false);
        let narrow = policy("b", &json!({ "namespaces": ["web"], "fleet": { "migrations": { "limit": 0 } } }), false);
        let policies = [wide, narrow];
        assert!(!is_permitted(&ledger, &policies, Act::Migrate, ("web", "a"), 0));
        assert!(is_permitted(&ledger, &policies, Act::Migrate, ("dev", "b"), 0));
    }

    #[test]
    fn a_deletion_beyond_the_budget_trips_it_and_waits_for_a_human() {
        let ledger = Ledger::default();
        let budget = json!({ "fleet": { "deletions": { "limit": 1 } } });
        let policies = [policy("fleet", &budget, false)];
        assert!(is_permitted(&ledger, &policies, Act::Remove, ("web", "a"), 0));
        let answer = ledger.ask(&policies, Act::Remove, ("web", "b"), at(0));
        assert!(matches!(answer, Answer::Trips { edition, .. } if edition.name == "fleet"));
        let tripped = [policy("fleet", &budget, true)];
        let Answer::Withheld(withheld) = ledger.ask(&tripped, Act::Remove, ("web", "a"), at(999_999)) else {
            panic!("permitted")
        };
        assert_eq!(withheld.reason, super::super::TRIPPED);
    }

    #[test]
    fn a_changed_policy_counts_anew_whether_its_change_was_noted_or_not() {
        let ledger = Ledger::default();
        let budget = json!({ "fleet": { "deletions": { "limit": 1 } } });
        let edited = |generation: i64| {
            let mut policy = (*policy("fleet", &budget, false)).clone();
            policy.metadata.generation = Some(generation);
            [Arc::new(policy)]
        };
        let trip = |policies: &[Arc<SafetyPolicy>], who| match ledger.ask(policies, Act::Remove, ("web", who), at(0)) {
            Answer::Trips { edition, budget } => ledger.trip(edition, budget),
            answer => panic!("{answer:?}"),
        };
        assert!(is_permitted(&ledger, &edited(1), Act::Remove, ("web", "a"), 0));
        trip(&edited(1), "b");
        assert!(is_permitted(&ledger, &edited(2), Act::Remove, ("web", "b"), 0), "asked before the change was noted");
        for _ in 0..2 {
            ledger.forget_all_but(&Edition::of(&edited(2)[0]));
        }
        trip(&edited(2), "c");
        ledger.forget_all_but(&Edition::of(&edited(2)[0]));
        assert!(!is_permitted(&ledger, &edited(2), Act::Remove, ("web", "d"), 0), "what was counted since stays");
    }

    #[test]
    fn a_removal_that_takes_long_is_counted_once() {
        let ledger = Ledger::default();
        let policies =
            [policy("fleet", &json!({ "fleet": { "deletions": { "limit": 1, "windowSeconds": 60 } } }), false)];
        for second in (0..300).step_by(30) {
            assert!(is_permitted(&ledger, &policies, Act::Remove, ("web", "slow"), second), "{second}");
        }
        assert!(matches!(ledger.ask(&policies, Act::Remove, ("web", "b"), at(300)), Answer::Trips { .. }));
    }

    #[test]
    fn the_stop_switch_holds_for_everything_in_its_namespaces() {
        let ledger = Ledger::default();
        let policies = [policy("halt", &json!({ "stop": true, "namespaces": ["web"] }), false)];
        for act in [Act::Migrate, Act::Remove, Act::Clean] {
            assert!(!is_permitted(&ledger, &policies, act, ("web", "a"), 0), "{act:?}");
            assert!(is_permitted(&ledger, &policies, act, ("dev", "a"), 0), "{act:?}");
        }
    }
}
