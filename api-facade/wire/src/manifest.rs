//! What a manifest must have to be one: each element names the object that it describes.

use crate::json::Object;
use crate::{Invalid, Json, python};

/// All that is missing, of all elements, in one list.
pub(crate) fn check(manifest: &[Object]) -> Result<(), Invalid> {
    let missing: Vec<String> =
        manifest.iter().enumerate().flat_map(|(index, element)| missing(index, element)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Invalid::Messages(missing)) }
}

fn missing(index: usize, element: &Object) -> Vec<String> {
    let name = element.get("metadata").and_then(|metadata| metadata.get("name")).filter(|name| !name.is_falsy());
    let suffix = name.map(|name| format!(" (metadata.name: '{}')", python::text(name))).unwrap_or_default();
    let nameless = name.is_none().then(|| format!("Field 'metadata.name' not found in resource at index {index}"));
    let fields = ["apiVersion", "kind", "metadata"].into_iter().filter(|field| !element.contains_key(*field));
    let fields = fields.map(|field| format!("Field '{field}' not found in resource at index {index}{suffix}"));
    nameless.into_iter().chain(fields).collect()
}

/// What tells Kubernetes objects of one manifest apart here; the namespace does not.
pub(crate) fn identity(element: &Object) -> (Option<&Json>, Option<&Json>, Option<&Json>) {
    let name = element.get("metadata").and_then(|metadata| metadata.get("name"));
    (element.get("apiVersion"), element.get("kind"), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Mode, Value};

    fn refusal(manifest: &str) -> String {
        let json = crate::json::parse(manifest.as_bytes()).unwrap();
        let manifest = Vec::<Object>::read(&json, Mode::Full).unwrap();
        check(&manifest).map_or_else(|invalid| invalid.to_string(), |()| String::new())
    }

    #[test]
    fn every_missing_field_of_every_element_is_listed() {
        assert_eq!(refusal(r#"[{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]"#), "");
        assert_eq!(
            refusal(r#"[{}, {"metadata": {"name": "a"}, "kind": null}]"#),
            "[\"Field 'metadata.name' not found in resource at index 0\", \
             \"Field 'apiVersion' not found in resource at index 0\", \"Field 'kind' not found in resource at index 0\", \
             \"Field 'metadata' not found in resource at index 0\", \
             \"Field 'apiVersion' not found in resource at index 1 (metadata.name: 'a')\"]"
        );
    }

    #[test]
    fn odd_metadata_is_refused_for_its_missing_name() {
        for metadata in ["5", "null", "[]", "{}", r#"{"name": ""}"#, r#"{"name": null}"#] {
            assert_eq!(
                refusal(&format!(r#"[{{"apiVersion": "v1", "kind": "Pod", "metadata": {metadata}}}]"#)),
                "[\"Field 'metadata.name' not found in resource at index 0\"]"
            );
        }
    }
}
