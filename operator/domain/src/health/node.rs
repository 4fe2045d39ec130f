//! How the nodes of a cluster are.

use krake_crds::kubernetes::cluster::{ClusterState, Node, NodeCondition};

/// How the nodes are, taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeHealth {
    /// `ONLINE`, `UNHEALTHY` or `NOTREADY`: the first finding decides, in the order of the nodes and their conditions.
    pub state: ClusterState,
    /// How many nodes are ready.
    pub ready: usize,
    /// One sentence about the finding, without a full stop.
    pub sentence: String,
}

/// Evaluates the nodes of a cluster. A cluster without nodes is online: it may get them when they are needed.
#[must_use]
pub fn evaluate(nodes: &[Node]) -> NodeHealth {
    let ready = nodes.iter().filter(|node| is_ready(node)).count();
    let mut conditions = nodes.iter().flat_map(|node| node.conditions.iter().map(move |condition| (node, condition)));
    let finding = conditions.find_map(|(node, condition)| Some((node, condition, finding(condition)?)));
    let (state, sentence) = match finding {
        Some((node, condition, ClusterState::Unhealthy)) => {
            (ClusterState::Unhealthy, format!("node {} has {}", node.name, condition.type_))
        }
        Some((node, _, state)) => (state, format!("node {} is not ready", node.name)),
        None if nodes.is_empty() => (ClusterState::Online, "there are no nodes".into()),
        None => (ClusterState::Online, format!("{ready} of {} nodes are ready", nodes.len())),
    };
    NodeHealth { state, ready, sentence }
}

fn finding(condition: &NodeCondition) -> Option<ClusterState> {
    let type_ = condition.type_.to_ascii_lowercase();
    match (type_.as_str(), condition.status == "True") {
        (pressure, true) if pressure.ends_with("pressure") => Some(ClusterState::Unhealthy),
        ("ready", false) => Some(ClusterState::NotReady),
        _ => None,
    }
}

fn is_ready(node: &Node) -> bool {
    node.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, conditions: &[(&str, &str)]) -> Node {
        let condition = |&(type_, status): &(&str, &str)| NodeCondition {
            type_: type_.into(),
            status: status.into(),
            ..NodeCondition::default()
        };
        Node { name: name.into(), conditions: conditions.iter().map(condition).collect() }
    }

    #[test]
    fn the_first_finding_decides() {
        let well = node("a", &[("MemoryPressure", "False"), ("Ready", "True")]);
        for (nodes, state, sentence) in [
            (vec![], ClusterState::Online, "there are no nodes"),
            (vec![well.clone()], ClusterState::Online, "1 of 1 nodes are ready"),
            (vec![node("a", &[])], ClusterState::Online, "0 of 1 nodes are ready"),
            (vec![well.clone(), node("b", &[("Ready", "False")])], ClusterState::NotReady, "node b is not ready"),
            (vec![node("b", &[("Ready", "Unknown")])], ClusterState::NotReady, "node b is not ready"),
            (vec![node("b", &[("DiskPressure", "True")])], ClusterState::Unhealthy, "node b has DiskPressure"),
            (
                vec![node("b", &[("PIDPressure", "Unknown"), ("Ready", "True")])],
                ClusterState::Online,
                "1 of 1 nodes are ready",
            ),
            (
                vec![node("b", &[("NetworkUnavailable", "True"), ("Ready", "True")])],
                ClusterState::Online,
                "1 of 1 nodes are ready",
            ),
            (
                vec![well, node("b", &[("MemoryPressure", "True")]), node("c", &[("Ready", "False")])],
                ClusterState::Unhealthy,
                "node b has MemoryPressure",
            ),
        ] {
            let found = evaluate(&nodes);
            assert_eq!((found.state, found.sentence.as_str()), (state, sentence));
        }
    }
}
