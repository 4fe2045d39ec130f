//! The nodes of a target, watched as long as it is connected.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use k8s_openapi::api::core::v1::Node as LiveNode;
use krake_crds::kubernetes::cluster::{Node, NodeCondition};
use kube::{
    Api, ResourceExt,
    runtime::watcher::{self, Event},
};

use crate::{
    answer::said,
    connection::{Connection, PAGE},
    wake::Wake,
};

/// Nodes that are kept. Kubernetes is tested with 5,000; the largest known clusters have some ten thousand.
const MOST_NODES: usize = 20_000;

/// Conditions of one node that are kept. Kubernetes sets five; a node problem detector adds a dozen.
const MOST_CONDITIONS: usize = 32;

/// Bytes of what the conditions of one node say that are kept. A real node says one or two kilobytes.
const LONGEST_CONDITIONS: usize = 8 * 1024;

/// The longest name that an API server accepts.
const LONGEST_NAME: usize = 253;

/// Bytes of each text in a condition that are kept.
const LONGEST_TEXT: usize = 512;

/// What is known about the nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Nodes {
    /// Not listed since the cluster was last reached.
    #[default]
    Unknown,
    /// The kubeconfig does not allow to list nodes, or there are too many.
    Unreadable {
        /// What the API server answered, or that there are too many.
        why: String,
    },
    /// All nodes in name order, with what they say about themselves except for timestamps.
    Known(Vec<Node>),
}

pub(crate) async fn keep_watching(connection: Arc<Connection>) {
    let api: Api<LiveNode> = Api::all(connection.client.clone());
    let mut table = Table::default();
    let on_event = |event| {
        let (nodes, next) = match event {
            Ok(event) => (table.take(event), ControlFlow::Continue(())),
            Err(error) => match refusal(&error) {
                Some(why) => (Some(Nodes::Unreadable { why }), ControlFlow::Break(())),
                None => (None, ControlFlow::Continue(())),
            },
        };
        let Some(nodes) = nodes else { return next };
        let is_new = connection.nodes.send_if_modified(|before| {
            let is_new = *before != nodes;
            *before = nodes;
            is_new
        });
        if is_new {
            connection.wake(Wake::Cluster(connection.address.key.clone()));
        }
        next
    };
    connection.follow(api, watcher::Config::default().page_size(PAGE), on_event).await;
}

/// The nodes as the watch tells them.
#[derive(Default)]
struct Table {
    nodes: BTreeMap<String, Vec<NodeCondition>>,
    listing: BTreeMap<String, Vec<NodeCondition>>,
    /// Since the last list began.
    is_too_large: bool,
}

impl Table {
    /// Takes note of an event; answers the nodes once they are complete again.
    fn take(&mut self, event: Event<LiveNode>) -> Option<Nodes> {
        match event {
            Event::Init => {
                self.listing.clear();
                self.is_too_large = false;
                return None;
            }
            Event::InitApply(node) => {
                self.is_too_large |= !put(&mut self.listing, &node, conditions(&node));
                return None;
            }
            Event::InitDone => self.nodes = std::mem::take(&mut self.listing),
            Event::Apply(node) => {
                let says = conditions(&node);
                // A heartbeat.
                if self.nodes.get(&node.name_any()) == Some(&says) {
                    return None;
                }
                self.is_too_large |= !put(&mut self.nodes, &node, says);
            }
            Event::Delete(node) => drop(self.nodes.remove(&node.name_any())),
        }
        if self.is_too_large {
            return Some(Nodes::Unreadable { why: format!("the cluster has more than {MOST_NODES} nodes") });
        }
        let listed =
            self.nodes.iter().map(|(name, conditions)| Node { name: name.clone(), conditions: conditions.clone() });
        Some(Nodes::Known(listed.collect()))
    }
}

/// Puts a node into a table; `false` when there is no place for another one. One that no API server would accept is left
/// out.
fn put(table: &mut BTreeMap<String, Vec<NodeCondition>>, node: &LiveNode, says: Vec<NodeCondition>) -> bool {
    let name = node.name_any();
    if name.len() > LONGEST_NAME {
        return true;
    }
    let has_place = table.len() < MOST_NODES || table.contains_key(&name);
    if has_place {
        table.insert(name, says);
    }
    has_place
}

fn conditions(node: &LiveNode) -> Vec<NodeCondition> {
    let said = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let bare = |condition: &k8s_openapi::api::core::v1::NodeCondition| NodeCondition {
        type_: shortened(&condition.type_),
        status: shortened(&condition.status),
        reason: shortened(condition.reason.as_deref().unwrap_or_default()),
        message: shortened(condition.message.as_deref().unwrap_or_default()),
    };
    let mut left = LONGEST_CONDITIONS;
    let has_room = |said: &NodeCondition| {
        let length = said.type_.len() + said.status.len() + said.reason.len() + said.message.len();
        left.checked_sub(length).inspect(|rest| left = *rest).is_some()
    };
    said.iter().take(MOST_CONDITIONS).map(bare).take_while(has_room).collect()
}

fn shortened(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or_default().to_owned()
}

/// Why a list is not given, as opposed to not at the moment.
pub(crate) fn refusal(error: &watcher::Error) -> Option<String> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if matches!(status.code, 403..=405) => {
            Some(said(status))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, ready: &str, heartbeat: &str) -> LiveNode {
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "status": { "conditions": [
                { "type": "Ready", "status": ready, "reason": "KubeletReady", "lastHeartbeatTime": heartbeat },
            ] },
        }))
        .unwrap()
    }

    fn listed(entries: &[(&str, &str)]) -> Nodes {
        let known = entries.iter().map(|(name, ready)| Node {
            name: (*name).into(),
            conditions: vec![NodeCondition {
                type_: "Ready".into(),
                status: (*ready).into(),
                reason: "KubeletReady".into(),
                message: String::new(),
            }],
        });
        Nodes::Known(known.collect())
    }

    #[test]
    fn a_list_counts_only_when_it_is_complete_and_replaces_the_one_before() {
        let mut table = Table::default();
        assert_eq!(table.take(Event::Init), None);
        assert_eq!(table.take(Event::InitApply(node("b", "True", "2026-01-01T00:00:00Z"))), None);
        assert_eq!(table.take(Event::InitApply(node("a", "True", "2026-01-01T00:00:00Z"))), None);
        assert_eq!(table.take(Event::InitDone), Some(listed(&[("a", "True"), ("b", "True")])));
        table.take(Event::Init);
        table.take(Event::InitApply(node("a", "True", "2026-01-01T00:00:00Z")));
        assert_eq!(table.take(Event::InitDone), Some(listed(&[("a", "True")])));
    }

    #[test]
    fn changes_follow_and_heartbeats_change_nothing() {
        let mut table = Table::default();
        let first = table.take(Event::Apply(node("a", "True", "2026-01-01T00:00:00Z")));
        assert_eq!(first, Some(listed(&[("a", "True")])));
        assert_eq!(table.take(Event::Apply(node("a", "True", "2026-01-01T00:05:00Z"))), None);
        assert_eq!(
            table.take(Event::Apply(node("a", "False", "2026-01-01T00:05:00Z"))),
            Some(listed(&[("a", "False")]))
        );
        assert_eq!(table.take(Event::Delete(node("a", "False", "2026-01-01T00:05:00Z"))), Some(listed(&[])));
    }

    #[test]
    fn too_many_nodes_are_not_kept() {
        let mut table = Table::default();
        table.take(Event::Init);
        for number in 0..=MOST_NODES {
            table.take(Event::InitApply(node(&number.to_string(), "True", "2026-01-01T00:00:00Z")));
        }
        assert!(matches!(table.take(Event::InitDone), Some(Nodes::Unreadable { .. })));
        assert_eq!(table.nodes.len(), MOST_NODES);
        table.take(Event::Init);
        table.take(Event::InitApply(node("a", "True", "2026-01-01T00:00:00Z")));
        assert_eq!(table.take(Event::InitDone), Some(listed(&[("a", "True")])));
    }

    #[test]
    fn what_a_node_says_is_bounded() {
        let mut talkative = node("a", "True", "2026-01-01T00:00:00Z");
        let conditions_of = talkative.status.as_mut().unwrap().conditions.as_mut().unwrap();
        conditions_of[0].message = Some("ä".repeat(10_000));
        let one = conditions_of[0].clone();
        conditions_of.resize(100, one);
        let kept = conditions(&talkative);
        assert_eq!((kept.len(), kept[0].message.len()), (15, LONGEST_TEXT));
        for condition in talkative.status.as_mut().unwrap().conditions.as_mut().unwrap() {
            condition.message = None;
        }
        assert_eq!(conditions(&talkative).len(), MOST_CONDITIONS);
    }
}
