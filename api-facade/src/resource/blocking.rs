//! `?blocking=<state>`: answer only when the object has got there. Source: section 1.23 of the REST contract, with the
//! treatment of section 9.2 no. 3: the addressed object counts, its present state counts, and it does not take for ever.

use std::time::Duration;

use axum::body::Bytes;
use krake_facade_store::{Collection, Key, Subscription};

use super::Resource;
use crate::call::Call;
use crate::problem::Failure;
use crate::served::Served;

/// After this time the client gets the answer it would have got without blocking.
const LIMIT: Duration = Duration::from_mins(1);

/// What a client waits for.
#[derive(Debug, PartialEq, Eq)]
enum Goal {
    Gone,
    State(&'static str),
}

impl Goal {
    /// Words that are no state ask for nothing.
    fn parse<K: Served>(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "DELETED" => Some(Self::Gone),
            state => K::find_state(state).map(Self::State),
        }
    }
}

/// Waits for what the query asks for. Gives the bytes of the object then, and `answer` if there is nothing to wait for, no
/// more time, or no way to see: the change itself has succeeded.
pub(super) async fn after_change<K: Served>(resource: &Resource<K>, call: &Call, key: &Key, answer: Bytes) -> Bytes {
    let Some(goal) = call.query.blocking().and_then(Goal::parse::<K>) else { return answer };
    call.turn.end();
    let reached = resource.shared.stop.run_until_cancelled(reach(resource, key, &goal, &answer));
    match tokio::time::timeout(LIMIT, reached).await {
        Ok(Some(Ok(bytes))) => bytes,
        Ok(Some(Err(failure))) => {
            tracing::warn!(?failure, key = key.as_str(), "not waiting for the object any longer");
            answer
        }
        Ok(None) | Err(_) => answer,
    }
}

async fn reach<K: Served>(resource: &Resource<K>, key: &Key, goal: &Goal, answer: &Bytes) -> Result<Bytes, Failure> {
    let mut last = None;
    loop {
        let mut events = resource.hub.subscribe(Collection::of::<K>(key.namespace())).await?;
        loop {
            let Some(record) = resource.shared.store.get(key).await? else {
                // Whatever it was to become, it will not any more.
                return Ok(last.map_or_else(|| answer.clone(), gone));
            };
            let object = krake_facade_store::read::<K>(&record)?;
            if matches!(goal, Goal::State(wanted) if object.state() == Some(wanted)) {
                return Ok(object.to_bytes().into());
            }
            last = Some(object);
            if !changed(&mut events, key).await {
                break;
            }
        }
    }
}

/// Waits for the next event of an object; false if events may have been lost.
async fn changed(events: &mut Subscription, key: &Key) -> bool {
    while let Some(event) = events.next().await {
        if event.key == *key {
            return true;
        }
    }
    false
}

fn gone<K: Served>(mut last: K) -> Bytes {
    last.show_deleted();
    last.to_bytes().into()
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::kubernetes::{Application, Cluster};

    use super::*;

    #[test]
    fn states_are_named_in_any_case_and_other_words_mean_nothing() {
        assert_eq!(Goal::parse::<Application>("running"), Some(Goal::State("RUNNING")));
        assert_eq!(Goal::parse::<Application>("Deleted"), Some(Goal::Gone));
        assert_eq!(Goal::parse::<Application>("online"), None);
        assert_eq!(Goal::parse::<Cluster>("online"), Some(Goal::State("ONLINE")));
        assert_eq!(Goal::parse::<Cluster>(""), None);
    }
}
