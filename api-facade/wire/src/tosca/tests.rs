use super::*;

fn template(text: &str) -> Object {
    json::parse(text.as_bytes()).unwrap().as_object().cloned().unwrap()
}

fn is_valid(text: &str) -> bool {
    check_template(&template(text)).is_ok()
}

/// The verdict on a template of these sections.
fn sections(sections: &str) -> bool {
    is_valid(&format!(r#"{{"tosca_definitions_version": "tosca_simple_yaml_1_0", {sections}}}"#))
}

const TYPES: &str = r#""node_types": {
    "my.Type": {"derived_from": "my.Parent", "properties": {"spec": {"type": "string"}, "size": {"required": false}}},
    "my.Parent": {"derived_from": "tosca.nodes.Root", "properties": {"level": {}, "color": {"default": "red"}}},
    "my.Mild": {"derived_from": "my.Type", "properties": {"spec": {"required": false}, "level": {"default": 1}}},
    "my.Server": {"derived_from": "tosca.nodes.Compute", "properties": {"spec": {}}},
    "my.Short": {"derived_from": "tosca:Root", "properties": {"spec": {}}},
    "my.Stray": {"derived_from": "not.There"},
    "my.Loop": {"derived_from": "my.Loop"},
    "my.Free": null,
    "my.Odd": {"properties": {"spec": null}},
    "my.Wrong": "x"
}"#;

/// The verdict on a topology of these sections, in a template with some types.
fn topology(topology: &str) -> bool {
    sections(&format!(r#"{TYPES}, "topology_template": {{{topology}}}"#))
}

fn node(node: &str) -> bool {
    topology(&format!(r#""inputs": {{"port": {{"type": "integer"}}}}, "node_templates": {{"a": {node}}}"#))
}

#[test]
fn templates_have_a_known_version_and_known_sections() {
    assert!(is_valid("{}"));
    for version in ["simple_yaml_1_0", "simple_yaml_1_2", "simple_profile_for_nfv_1_0_0"] {
        assert!(is_valid(&format!(r#"{{"tosca_definitions_version": "tosca_{version}"}}"#)), "{version}");
    }
    for bad in [
        r#"{"tosca_definitions_version": "tosca_simple_yaml_1_1"}"#,
        r#"{"tosca_definitions_version": "tosca_simple_yaml_1_3"}"#,
        r#"{"tosca_definitions_version": "tosca_2_0"}"#,
        r#"{"tosca_definitions_version": 5}"#,
        r#"{"tosca_definitions_version": null}"#,
        r#"{"node_templates": {}}"#,
    ] {
        assert!(!is_valid(bad), "{bad}");
    }
    assert!(sections(r#""description": "x", "metadata": 5, "imports": [], "data_types": null"#));
    assert!(!sections(r#""nodes": {}"#));
    assert!(!sections(r#""interfaces": {}"#));
}

#[test]
fn sections_that_would_crash_the_original_are_refused() {
    for bad in [
        r#""description": 5"#,
        r#""imports": 5"#,
        r#""node_types": "x""#,
        r#""repositories": 5"#,
        r#""topology_template": "x""#,
        r#""topology_template": {"description": 5}"#,
        r#""topology_template": {"node_templates": "x"}"#,
        r#""topology_template": {"policies": {"a": 1}}"#,
    ] {
        assert!(!sections(bad), "{bad}");
    }
    for empty in ["null", "{}", "[]", "0", r#""""#] {
        assert!(sections(&format!(r#""description": {empty}, "topology_template": {empty}"#)), "{empty}");
        assert!(
            topology(&format!(r#""description": {empty}, "inputs": {empty}, "node_templates": {empty}"#)),
            "{empty}"
        );
    }
    assert!(!topology(r#""workflows": {}"#));
}

#[test]
fn nodes_have_types_of_the_template_or_of_tosca() {
    for good in ["tosca.nodes.Compute", "Compute", "tosca:Compute", "tosca.nodes.nfv.VDU", "my.Free"] {
        assert!(node(&format!(r#"{{"type": "{good}"}}"#)), "{good}");
    }
    for bad in ["other.Type", "tosca.nodes.Other", "my.Stray", "my.Loop", "my.Odd", "my.Wrong"] {
        assert!(!node(&format!(r#"{{"type": "{bad}"}}"#)), "{bad}");
    }
    for bad in ["null", "{}", "[]", "\"x\"", r#"{"type": 5}"#] {
        assert!(!node(bad), "{bad}");
    }
}

#[test]
fn the_original_takes_types_of_data_for_types_of_nodes() {
    assert!(sections(
        r#""data_types": {"my.Type": {"properties": {"spec": {"type": "string"}}}},
           "topology_template": {"node_templates": {"a": {"type": "my.Type", "properties": {"spec": "x"}}}}"#
    ));
}

#[test]
fn nodes_have_the_properties_of_their_types() {
    for (name, properties, is_good) in [
        ("my.Type", r#"{"spec": "x", "level": 1}"#, true),
        ("my.Type", r#"{"spec": null, "level": 1, "size": 2, "color": "blue"}"#, true),
        ("my.Type", r#"{"spec": "x"}"#, false),
        ("my.Type", r#"{"level": 1}"#, false),
        ("my.Type", r#"{"spec": "x", "level": 1, "other": 1}"#, false),
        ("my.Type", "null", false),
        ("my.Type", "\"x\"", false),
        ("my.Mild", "{}", true),
        ("my.Mild", r#"{"other": 1}"#, false),
        ("my.Free", r#"{"other": 1}"#, false),
        ("my.Server", r#"{"spec": "x", "other": 1}"#, true),
        ("my.Server", r#"{"other": 1}"#, false),
        ("my.Short", r#"{"spec": "x"}"#, true),
        ("my.Short", r#"{"spec": "x", "other": 1}"#, false),
    ] {
        assert_eq!(
            node(&format!(r#"{{"type": "{name}", "properties": {properties}}}"#)),
            is_good,
            "{name} with {properties}"
        );
    }
}

#[test]
fn imports_are_not_fetched_but_may_bring_any_type() {
    let nodes = r#""topology_template": {"node_templates": {"a": {"type": "any.Type", "properties": {"any": 1}}}}"#;
    assert!(!sections(nodes));
    assert!(!sections(&format!(r#""imports": [], {nodes}"#)));
    assert!(sections(&format!(r#""imports": [{{"any": "http://192.0.2.1/types.yaml"}}], {nodes}"#)));
    assert!(!sections(&format!(r#""imports": "http://192.0.2.1/types.yaml", {nodes}"#)));
}

#[test]
fn functions_ask_for_inputs_and_nodes_that_exist() {
    for (function, is_good) in [
        (r#"{"get_input": "port"}"#, true),
        (r#"{"get_input": ["port"]}"#, true),
        (r#"{"get_input": "other"}"#, false),
        (r#"{"get_input": ["port", "other"]}"#, false),
        (r#"{"get_input": {"port": 1}}"#, false),
        (r#"{"get_property": ["SELF", "color"]}"#, true),
        (r#"{"get_property": ["a", "color"]}"#, true),
        (r#"{"get_property": ["b", "color"]}"#, false),
        (r#"{"get_attribute": ["a", "tosca_name"]}"#, true),
        (r#"{"get_attribute": ["b", "tosca_name"]}"#, false),
        (r#"{"get_attribute": ["a"]}"#, false),
        (r#"{"concat": ["port: ", {"get_input": "port"}]}"#, true),
        (r#"{"concat": ["port: ", {"get_input": "other"}]}"#, true),
        (r#"{"get_input": "other", "no": "function"}"#, true),
    ] {
        let verdict = node(&format!(r#"{{"type": "my.Server", "properties": {{"spec": {function}}}}}"#));
        assert_eq!(verdict, is_good, "{function}");
    }
}

#[test]
fn outputs_have_values() {
    let output = |output: &str| topology(&format!(r#""outputs": {{"a": {output}}}"#));
    for good in [r#"{"value": 1}"#, r#"{"value": ""}"#, r#"{"value": {"concat": []}}"#] {
        assert!(output(good), "{good}");
    }
    for bad in [
        "null",
        "{}",
        r#"{"value": null}"#,
        r#"{"value": {"get_attribute": ["a", "b"]}}"#,
        r#"{"value": {"get_attribute": ["SELF", "b"]}}"#,
        r#"{"value": {"get_input": "a"}}"#,
    ] {
        assert!(!output(bad), "{bad}");
    }
}

#[test]
fn defaults_of_inputs_are_of_their_type() {
    for (input, is_good) in [
        (r#"{"type": "string"}"#, true),
        (r#"{"type": "string", "default": null}"#, true),
        (r#"{"type": "string", "default": "x"}"#, true),
        (r#"{"type": "string", "default": 5}"#, false),
        (r#"{"type": "integer", "default": "5"}"#, true),
        (r#"{"type": "integer", "default": 99999999999999999999}"#, true),
        (r#"{"type": "integer", "default": "x"}"#, false),
        (r#"{"type": "integer", "default": {"get_input": "x"}}"#, true),
        (r#"{"type": "float", "default": 1.5}"#, true),
        (r#"{"type": "float", "default": 1}"#, false),
        (r#"{"type": "boolean", "default": "True"}"#, true),
        (r#"{"type": "boolean", "default": "yes"}"#, false),
        (r#"{"type": "list", "default": [1]}"#, true),
        (r#"{"type": "list", "default": "x"}"#, false),
        (r#"{"type": "range", "default": [1, 2]}"#, true),
        (r#"{"type": "range", "default": "x"}"#, false),
        (r#"{"type": "map", "default": {"a": 1}}"#, true),
        (r#"{"type": "map", "default": "x"}"#, false),
        (r#"{"type": "scalar-unit.size", "default": "2 GB"}"#, true),
        (r#"{"default": 5}"#, false),
        ("null", false),
    ] {
        assert_eq!(topology(&format!(r#""inputs": {{"a": {input}}}"#)), is_good, "{input}");
    }
}

#[test]
fn templates_that_take_long_to_check_are_refused() {
    let properties: Vec<_> = (0..1_000).map(|i| format!(r#""p{i}": {{"required": false}}"#)).collect();
    let of_size = |nodes: usize| {
        let nodes: Vec<_> = (0..nodes).map(|i| format!(r#""n{i}": {{"type": "my.Type"}}"#)).collect();
        sections(&format!(
            r#""node_types": {{"my.Type": {{"properties": {{{}}}}}}}, "topology_template": {{"node_templates": {{{}}}}}"#,
            properties.join(", "),
            nodes.join(", ")
        ))
    };
    assert!(of_size(100));
    assert!(!of_size(101));
}

#[test]
fn urls_are_judged_by_their_ending() {
    for (url, is_good) in [("", true), ("http://h/a.yaml", true), ("a.yml", true), ("a.json", false), ("yaml", false)] {
        assert_eq!(check(&Tosca::Url(url.to_owned())).is_ok(), is_good, "{url}");
    }
    for (url, is_good) in [("a.csar", true), ("a.zip", true), ("a.tar", false), ("", false)] {
        assert_eq!(check_archive_url(url).is_ok(), is_good, "{url}");
    }
}

#[test]
fn a_cluster_template_puts_out_a_kubeconfig() {
    let refusal = |text: &str| check_cluster_template(&template(text)).err().map(|invalid| invalid.to_string());
    let missing = Some("['Invalid TOSCA template content. The output `kubeconfig` is missing.']".to_owned());
    assert_eq!(refusal("{}"), None);
    assert_eq!(
        refusal(
            r#"{"tosca_definitions_version": "tosca_simple_yaml_1_0",
                "topology_template": {"outputs": {"kubeconfig": {"value": "x"}}}}"#
        ),
        None
    );
    assert_eq!(refusal(r#"{"topology_template": null}"#), missing);
    assert_eq!(refusal(r#"{"topology_template": {"outputs": {"kubeconfig": {}}}}"#), missing);
    assert_eq!(
        refusal(r#"{"topology_template": {"outputs": {"kubeconfig": {"value": "x"}}}}"#),
        Some("['Invalid TOSCA template content.']".to_owned())
    );
}
