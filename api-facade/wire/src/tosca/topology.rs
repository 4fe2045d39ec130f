//! The topology of a template: its nodes, and what goes into it and comes out of it.

use super::node_types::NodeTypes;
use super::{Shape, has_sections};
use crate::Json;
use crate::json::Object;
use crate::schema::{Mode, Value};

const SECTIONS: [(&str, Shape); 8] = [
    ("description", Shape::Text),
    ("inputs", Shape::Members),
    ("node_templates", Shape::Members),
    ("relationship_templates", Shape::Members),
    ("outputs", Shape::Members),
    ("groups", Shape::Members),
    ("substitution_mappings", Shape::Members),
    ("policies", Shape::List),
];

/// What a node can call itself and its neighbours.
const NEIGHBOURS: [&str; 4] = ["SELF", "HOST", "SOURCE", "TARGET"];

/// Whether the topology of the template, if it has one, is valid.
pub(super) fn is_valid(template: &Object) -> bool {
    let Some(topology) = template.get("topology_template").and_then(Json::as_object) else { return true };
    let mut types = NodeTypes::of(template);
    has_sections(topology, &SECTIONS)
        && all(topology, "inputs", is_input)
        && all(topology, "node_templates", |node| is_node(node, topology, &mut types))
        && all(topology, "outputs", |output| is_output(output, topology))
}

/// Whether all members of the section pass.
fn all(topology: &Object, section: &str, passes: impl FnMut(&Json) -> bool) -> bool {
    topology.get(section).and_then(Json::as_object).is_none_or(|members| members.values().all(passes))
}

fn has_member(topology: &Object, section: &str, name: &str) -> bool {
    topology.get(section).is_some_and(|section| section.get(name).is_some())
}

fn is_input(input: &Json) -> bool {
    let Some(name) = input.get("type").and_then(Json::as_str) else { return false };
    input.get("default").is_none_or(|default| default.is_falsy() || is_of_type(default, name))
}

/// As leniently as the original, which reads integers from other numbers and from strings, but takes no integer for a
/// float.
fn is_of_type(value: &Json, name: &str) -> bool {
    if function(value).is_some() {
        return true;
    }
    match name {
        "string" => value.as_str().is_some(),
        "integer" => matches!(value, Json::Bool(_) | Json::BigInt(_)) || i64::read(value, Mode::Full).is_ok(),
        "float" => matches!(value, Json::Float(_)),
        "boolean" => match value {
            Json::Bool(_) => true,
            Json::String(text) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
            _ => false,
        },
        "list" | "range" => value.as_array().is_some(),
        "map" => value.as_object().is_some(),
        _ => true,
    }
}

fn is_output(output: &Json, topology: &Object) -> bool {
    output.get("value").is_some_and(|value| !value.is_null() && refers_to_something(value, topology, &[]))
}

fn is_node(node: &Json, topology: &Object, types: &mut NodeTypes<'_>) -> bool {
    let Some(name) = node.get("type").and_then(Json::as_str) else { return false };
    let properties = node.get("properties").filter(|properties| !properties.is_falsy());
    if properties.is_some_and(|properties| properties.as_object().is_none()) {
        return false;
    }
    let properties = properties.and_then(Json::as_object);
    types.allow(name, properties)
        && properties
            .is_none_or(|properties| properties.values().all(|v| refers_to_something(v, topology, &NEIGHBOURS)))
}

/// Whether a function asks for an input or a node that exists. Like the original, this does not look into the
/// arguments of other functions.
fn refers_to_something(value: &Json, topology: &Object, neighbours: &[&str]) -> bool {
    let Some((function, arguments)) = function(value) else { return true };
    let arguments = arguments.as_array().unwrap_or(std::slice::from_ref(arguments));
    match (function, arguments) {
        ("get_input", [Json::String(name)]) => has_member(topology, "inputs", name),
        ("get_attribute" | "get_property", [Json::String(node), _, ..]) => {
            neighbours.contains(&node.as_str()) || has_member(topology, "node_templates", node)
        }
        ("get_input" | "get_attribute" | "get_property", _) => false,
        _ => true,
    }
}

/// The name and the arguments, if the value is a call of a function.
fn function(value: &Json) -> Option<(&str, &Json)> {
    let call = value.as_object().filter(|call| call.len() == 1)?;
    let (name, arguments) = call.first()?;
    (name.starts_with("get_") || name == "concat" || name == "token").then_some((name, arguments))
}
