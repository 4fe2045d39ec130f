//! TOSCA templates, as far as the contract checks them: by their shape. Nothing is fetched and no property is
//! compared with its type; a template that fails later does so when it is translated.

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

const VERSIONS: [&str; 3] = ["tosca_simple_yaml_1_0", "tosca_simple_yaml_1_2", "tosca_simple_profile_for_nfv_1_0_0"];

const SECTIONS: [&str; 20] = [
    "tosca_definitions_version",
    "tosca_default_namespace",
    "template_name",
    "template_author",
    "template_version",
    "description",
    "metadata",
    "imports",
    "dsl_definitions",
    "repositories",
    "node_types",
    "relationship_types",
    "capability_types",
    "artifact_types",
    "data_types",
    "interface_types",
    "interfaces",
    "policy_types",
    "group_types",
    "topology_template",
];

const TOPOLOGY_SECTIONS: [&str; 8] = [
    "description",
    "inputs",
    "node_templates",
    "relationship_templates",
    "outputs",
    "groups",
    "substitution_mappings",
    "policies",
];

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

fn is_template(template: &Object) -> bool {
    let version = template.get("tosca_definitions_version").and_then(Json::as_str);
    version.is_some_and(|version| VERSIONS.contains(&version))
        && template.keys().all(|section| SECTIONS.contains(&section.as_str()))
        && template.get("description").is_none_or(|description| description.as_str().is_some())
        && match template.get("topology_template") {
            None | Some(Json::Null) => true,
            Some(Json::Object(topology)) => is_topology(topology, template),
            Some(_) => false,
        }
}

fn is_topology(topology: &Object, template: &Object) -> bool {
    topology.keys().all(|section| TOPOLOGY_SECTIONS.contains(&section.as_str()))
        && all(topology.get("node_templates"), |node| {
            node.get("type").and_then(Json::as_str).is_some_and(|name| is_type(name, template))
        })
        && all(topology.get("outputs"), |output| output.get("value").is_some())
}

/// Whether the section is absent, or an object whose members all pass.
fn all(section: Option<&Json>, passes: impl Fn(&Json) -> bool) -> bool {
    match section {
        None | Some(Json::Null) => true,
        Some(Json::Object(members)) => members.values().all(passes),
        Some(_) => false,
    }
}

/// Types come with TOSCA, from the template itself, or from its imports, which nobody looks into here.
fn is_type(name: &str, template: &Object) -> bool {
    let is_declared = template.get("node_types").is_some_and(|types| types.get(name).is_some());
    let has_imports = template.get("imports").is_some_and(|imports| !imports.is_falsy());
    is_declared || has_imports || name.starts_with("tosca.nodes.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(template: &str) -> bool {
        check_template(json::parse(template.as_bytes()).unwrap().as_object().unwrap()).is_ok()
    }

    fn topology(topology: &str) -> bool {
        verdict(&format!(
            r#"{{"tosca_definitions_version": "tosca_simple_yaml_1_0", "node_types": {{"my.Type": {{}}}},
                "topology_template": {topology}}}"#
        ))
    }

    #[test]
    fn templates_are_judged_by_their_shape() {
        assert!(verdict("{}"));
        assert!(verdict(r#"{"tosca_definitions_version": "tosca_simple_yaml_1_2", "imports": ["x.yaml"]}"#));
        assert!(!verdict(r#"{"tosca_definitions_version": "tosca_simple_yaml_1_1"}"#));
        assert!(!verdict(r#"{"tosca_definitions_version": 5}"#));
        assert!(!verdict(r#"{"node_templates": {}}"#));
        assert!(!verdict(r#"{"tosca_definitions_version": "tosca_simple_yaml_1_0", "nodes": {}}"#));
    }

    #[test]
    fn topologies_have_known_sections_types_and_values() {
        for good in
            ["null", "{}", r#"{"node_templates": {"a": {"type": "my.Type"}}}"#, r#"{"outputs": {"a": {"value": 1}}}"#]
        {
            assert!(topology(good), "{good}");
        }
        for bad in [
            "\"x\"",
            r#"{"nodes": {}}"#,
            r#"{"node_templates": {"a": null}}"#,
            r#"{"node_templates": {"a": {}}}"#,
            r#"{"node_templates": {"a": {"type": "other.Type"}}}"#,
            r#"{"outputs": {"a": {}}}"#,
        ] {
            assert!(!topology(bad), "{bad}");
        }
    }

    #[test]
    fn urls_are_judged_by_their_ending() {
        for (url, is_good) in
            [("", true), ("http://h/a.yaml", true), ("a.yml", true), ("a.json", false), ("yaml", false)]
        {
            assert_eq!(check(&Tosca::Url(url.to_owned())).is_ok(), is_good, "{url}");
        }
        for (url, is_good) in [("a.csar", true), ("a.zip", true), ("a.tar", false), ("", false)] {
            assert_eq!(check_archive_url(url).is_ok(), is_good, "{url}");
        }
    }

    #[test]
    fn a_cluster_template_puts_out_a_kubeconfig() {
        let template = |text: &str| json::parse(text.as_bytes()).unwrap().as_object().cloned().unwrap();
        assert!(check_cluster_template(&Object::new()).is_ok());
        assert!(
            check_cluster_template(&template(
                r#"{"tosca_definitions_version": "tosca_simple_yaml_1_0",
                    "topology_template": {"outputs": {"kubeconfig": {"value": "x"}}}}"#
            ))
            .is_ok()
        );
        assert_eq!(
            check_cluster_template(&template(r#"{"topology_template": null}"#)).unwrap_err().to_string(),
            "['Invalid TOSCA template content. The output `kubeconfig` is missing.']"
        );
    }
}
