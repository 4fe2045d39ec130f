//! TOSCA templates, as far as the contract checks them: their shape, the types of their nodes, and what their inputs,
//! outputs and properties refer to. The original's rules are those of tosca-parser 2.6.0.
//!
//! Unlike the original, nothing is fetched: a type that the template does not declare may come from any import, and
//! nodes of such types have any properties. Nor are values of properties compared with their types, or requirements
//! and capabilities looked at. A template that fails there does so when it is translated. Sections, nodes, inputs
//! and outputs whose shape crashes the original are refused, and so are types that derive from themselves, on which it
//! hangs.

mod node_types;
mod topology;

use crate::json::{self, Object};
use crate::schema::{Mode, Value};
use crate::{Invalid, Json};

/// Where an application's manifest comes from if it is not given: a template, or the URL of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Tosca {
    /// The template itself; empty if there is none.
    Template(Object),
    /// Where the template is; empty if there is none.
    Url(String),
}

impl Tosca {
    /// Whether no template is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Template(template) => template.is_empty(),
            Self::Url(url) => url.is_empty(),
        }
    }
}

impl Default for Tosca {
    fn default() -> Self {
        Self::Template(Object::new())
    }
}

impl Value for Tosca {
    fn read(json: &Json, _: Mode) -> Result<Self, Invalid> {
        match json {
            Json::Object(template) => Ok(Self::Template(template.clone())),
            Json::String(url) => Ok(Self::Url(url.clone())),
            _ => Err(Invalid::Alternatives(vec![
                Invalid::message("Not a valid mapping type."),
                Invalid::message("Not a valid string."),
            ])),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Template(template) => template.write(out),
            Self::Url(url) => json::write_str(url, out),
        }
    }
}

/// Checks an application's template.
pub(crate) fn check(tosca: &Tosca) -> Result<(), Invalid> {
    match tosca {
        Tosca::Template(template) => check_template(template),
        Tosca::Url(url) if url.is_empty() || ends_with_any(url, &[".yaml", ".yml"]) => Ok(()),
        Tosca::Url(_) => Err(Invalid::message("Invalid TOSCA template URL.")),
    }
}

fn ends_with_any(url: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| url.ends_with(ending))
}

/// Checks a cluster's template: it must put out a kubeconfig.
pub(crate) fn check_cluster_template(template: &Object) -> Result<(), Invalid> {
    let outputs = template.get("topology_template").and_then(|topology| topology.get("outputs"));
    let kubeconfig = outputs.and_then(|outputs| outputs.get("kubeconfig"));
    if !template.is_empty() && kubeconfig.is_none_or(Json::is_falsy) {
        return Err(Invalid::message("Invalid TOSCA template content. The output `kubeconfig` is missing."));
    }
    check_template(template)
}

/// Checks the URL of an archive; unlike a template's, an empty one is wrong.
pub(crate) fn check_archive_url(url: &str) -> Result<(), Invalid> {
    if ends_with_any(url, &[".csar", ".zip"]) { Ok(()) } else { Err(Invalid::message("Invalid CSAR archive URL.")) }
}

fn check_template(template: &Object) -> Result<(), Invalid> {
    if template.is_empty() || is_template(template) {
        Ok(())
    } else {
        Err(Invalid::message("Invalid TOSCA template content."))
    }
}

const VERSIONS: [&str; 4] = [
    "tosca_simple_yaml_1_0",
    "tosca_simple_yaml_1_2",
    "tosca_simple_profile_for_nfv_1_0_0",
    "tosca_simple_profile_for_mec_1_0_0",
];

/// What a section holds, unless it is empty.
enum Shape {
    Anything,
    Text,
    List,
    Members,
}

impl Shape {
    fn fits(&self, section: &Json) -> bool {
        match self {
            _ if section.is_falsy() => true,
            Self::Anything => true,
            Self::Text => section.as_str().is_some(),
            Self::List => section.as_array().is_some(),
            Self::Members => section.as_object().is_some(),
        }
    }
}

const SECTIONS: [(&str, Shape); 20] = [
    ("tosca_definitions_version", Shape::Text),
    ("tosca_default_namespace", Shape::Anything),
    ("template_name", Shape::Anything),
    ("template_author", Shape::Anything),
    ("template_version", Shape::Anything),
    ("description", Shape::Text),
    ("metadata", Shape::Anything),
    ("imports", Shape::List),
    ("dsl_definitions", Shape::Anything),
    ("repositories", Shape::Members),
    ("node_types", Shape::Members),
    ("relationship_types", Shape::Members),
    ("relationship_templates", Shape::Anything),
    ("capability_types", Shape::Members),
    ("artifact_types", Shape::Anything),
    ("data_types", Shape::Members),
    ("interface_types", Shape::Members),
    ("policy_types", Shape::Members),
    ("group_types", Shape::Members),
    ("topology_template", Shape::Members),
];

fn is_template(template: &Object) -> bool {
    let version = template.get("tosca_definitions_version").and_then(Json::as_str);
    version.is_some_and(|version| VERSIONS.contains(&version))
        && has_sections(template, &SECTIONS)
        && topology::is_valid(template)
}

/// Whether the object has no sections but these, each in its shape.
fn has_sections(object: &Object, sections: &[(&str, Shape)]) -> bool {
    object.iter().all(|(name, section)| sections.iter().any(|(known, shape)| known == name && shape.fits(section)))
}

#[cfg(test)]
mod tests;
