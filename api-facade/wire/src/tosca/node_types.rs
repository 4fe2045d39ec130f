//! The types of nodes that a template can use, and which properties they have.

use std::sync::LazyLock;

use crate::Json;
use crate::json::Object;

/// The sections whose types nodes can have, as the original does not tell them apart; later ones win.
const SECTIONS: [&str; 7] = [
    "node_types",
    "capability_types",
    "relationship_types",
    "data_types",
    "interface_types",
    "policy_types",
    "group_types",
];

/// The types that come with TOSCA, without their prefix.
const BASE_TYPES: [&str; 16] = [
    ROOT,
    "Compute",
    "SoftwareComponent",
    "DBMS",
    "Database",
    "WebServer",
    "WebApplication",
    "BlockStorage",
    "network.Network",
    "network.Port",
    "network.FloatingIP",
    "ObjectStorage",
    "LoadBalancer",
    "Container.Application",
    "Container.Runtime",
    "Container.Application.Docker",
];

const ROOT: &str = "Root";
const BASE_PREFIX: &str = "tosca.nodes.";
/// The types that come with the two profiles.
const PROFILES: [&str; 2] = ["nfv.", "mec."];

/// How many types a type may derive from, directly or not; real ones derive from three or four.
const MAX_ANCESTORS: usize = 16;

/// How many properties the types of all nodes may have together, so that checking a template takes little time: a body
/// has room for many nodes of one type of many properties.
const MAX_PROPERTIES: usize = 100_000;

/// The types of a template.
pub(super) struct NodeTypes<'a> {
    sections: Vec<&'a Object>,
    has_imports: bool,
    properties_left: usize,
}

/// The properties of a type.
struct Properties<'a> {
    /// Those of the type itself, then those of its ancestors; the first of a name counts.
    declared: Vec<&'a Object>,
    /// Whether there are no others.
    is_complete: bool,
}

impl<'a> NodeTypes<'a> {
    pub(super) fn of(template: &'a Object) -> Self {
        let sections = SECTIONS.iter().rev().filter_map(|section| template.get(*section)?.as_object()).collect();
        let has_imports = template.get("imports").is_some_and(|imports| !imports.is_falsy());
        Self { sections, has_imports, properties_left: MAX_PROPERTIES }
    }

    /// Whether a node of the type may have these properties, and these only.
    pub(super) fn allow(&mut self, name: &str, given: Option<&Object>) -> bool {
        let Some(properties) = self.properties(name) else { return false };
        let count = properties.declared.iter().map(|declared| declared.len()).sum();
        let Some(left) = self.properties_left.checked_sub(count) else { return false };
        self.properties_left = left;
        properties.allow(given)
    }

    /// Nothing if there is no such type, or if it cannot be understood.
    fn properties(&self, name: &str) -> Option<Properties<'a>> {
        let mut properties = Properties { declared: Vec::new(), is_complete: true };
        let mut name = name;
        for _ in 0..=MAX_ANCESTORS {
            name = name.strip_prefix("tosca:").unwrap_or(name);
            let Some(definition) = self.sections.iter().find_map(|types| types.get(name)) else {
                properties.is_complete = is_root(name);
                return (self.has_imports || is_base_type(name)).then_some(properties);
            };
            let definition = object(Some(definition))?;
            properties.declared.push(object(definition.get("properties"))?);
            match definition.get("derived_from").filter(|parent| !parent.is_falsy()) {
                Some(parent) => name = parent.as_str()?,
                None => return Some(properties),
            }
        }
        None
    }
}

impl Properties<'_> {
    fn allow(&self, given: Option<&Object>) -> bool {
        let is_given = |name: &str| given.is_some_and(|given| given.contains_key(name));
        let is_declared = |name: &str, by: usize| self.declared.iter().take(by).any(|some| some.contains_key(name));
        let has_required = self.declared.iter().enumerate().all(|(index, declared)| {
            declared.iter().all(|(name, definition)| {
                let may_be_absent = may_be_absent(definition) || is_declared(name, index);
                definition.as_object().is_some() && (may_be_absent || is_given(name))
            })
        });
        let mut given = given.into_iter().flat_map(Object::keys);
        has_required && (!self.is_complete || given.all(|name| is_declared(name, self.declared.len())))
    }
}

/// Properties are required unless they say otherwise or have a default.
fn may_be_absent(definition: &Json) -> bool {
    definition.get("required").is_some_and(Json::is_falsy)
        || definition.get("default").is_some_and(|default| !default.is_null())
}

/// The members of a section that may be absent or empty; nothing if it is no object.
fn object(section: Option<&Json>) -> Option<&Object> {
    static EMPTY: LazyLock<Object> = LazyLock::new(Object::new);
    section.filter(|section| !section.is_falsy()).map_or(Some(&*EMPTY), Json::as_object)
}

fn is_root(name: &str) -> bool {
    name.strip_prefix(BASE_PREFIX).unwrap_or(name) == ROOT
}

fn is_base_type(name: &str) -> bool {
    let name = name.strip_prefix(BASE_PREFIX).unwrap_or(name);
    BASE_TYPES.contains(&name) || PROFILES.iter().any(|profile| name.starts_with(profile))
}
