//! Observer schemas: partial Kubernetes objects with `null` in the place of everything that is to be watched, and a
//! control element at the end of each list. Source: the REST contract's chapter on applications.

use crate::Json;
use crate::json::Object;
use crate::manifest::identity;

const MIN: &str = "observer_schema_list_min_length";
const MAX: &str = "observer_schema_list_max_length";

type Checked = Result<(), String>;

/// Fails with the first broken rule. Without a manifest (it may come from a template) nothing is checked.
pub(crate) fn check(schema: &[Object], manifest: &[Object]) -> Checked {
    if manifest.is_empty() {
        return Ok(());
    }
    for entry in schema {
        check_identity(entry)?;
        check_members(entry, &["apiVersion", "kind", "metadata"])?;
        let metadata = entry.get("metadata").and_then(Json::as_object);
        metadata.map_or(Ok(()), |metadata| check_members(metadata, &["name"]))?;
        if !manifest.iter().any(|element| identity(element) == identity(entry)) {
            return Err("Observed resource must be in manifest".to_owned());
        }
    }
    Ok(())
}

fn check_identity(entry: &Object) -> Checked {
    let is_defined = |field: Option<&Json>| field.is_some_and(|field| !field.is_null());
    let rule = |holds: bool, text: &str| if holds { Ok(()) } else { Err(text.to_owned()) };
    let metadata = entry.get("metadata");
    rule(is_defined(entry.get("apiVersion")), "apiVersion is not defined")?;
    rule(is_defined(entry.get("kind")), "kind is not defined")?;
    rule(metadata.is_some(), "metadata dictionary is not defined")?;
    rule(metadata.and_then(Json::as_object).is_some(), "metadata must be a dictionary")?;
    rule(is_defined(metadata.and_then(|m| m.get("name"))), "name is not defined in the metadata dictionary")
}

/// The members `except` are somebody else's.
fn check_members(object: &Object, except: &[&str]) -> Checked {
    for (key, member) in object.iter().filter(|(key, _)| !except.contains(&key.as_str())) {
        match member {
            Json::Object(members) => check_members(members, &[])?,
            Json::Array(elements) => check_list(elements)?,
            Json::Null => {}
            _ => return Err(format!("Value of '{key}' is not 'None'")),
        }
    }
    Ok(())
}

fn check_list(elements: &[Json]) -> Checked {
    let Some((Json::Object(control), elements)) = elements.split_last() else {
        return Err("Special list control dictionary not found".to_owned());
    };
    check_control(control, elements.len())?;
    for element in elements {
        match element {
            Json::Object(members) => check_members(members, &[])?,
            Json::Array(elements) => check_list(elements)?,
            Json::Null => {}
            _ => return Err("Element of a list is not 'None'".to_owned()),
        }
    }
    Ok(())
}

fn check_control(control: &Object, observed: usize) -> Checked {
    let (Some(min), Some(max)) = (control.get(MIN), control.get(MAX)) else {
        return Err("Special list control dictionary malformed".to_owned());
    };
    let min = length(min, MIN)?;
    let max = length(max, MAX)?;
    if max != 0 && max < min {
        return Err(format!("{MAX} is inferior to {MIN}"));
    }
    if max != 0 && usize::try_from(max).is_ok_and(|max| max < observed) {
        return Err(format!("{MAX} is inferior to the number of observed elements"));
    }
    Ok(())
}

fn length(value: &Json, name: &str) -> Result<i64, String> {
    match value {
        Json::Int(length) if *length >= 0 => Ok(*length),
        Json::Int(_) | Json::BigInt(_) => Err(format!("Invalid value for {name}")),
        _ => Err(format!("{name} should be an integer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Mode, Value};

    fn objects(text: &str) -> Vec<Object> {
        Vec::read(&crate::json::parse(text.as_bytes()).unwrap(), Mode::Full).unwrap()
    }

    fn verdict(entry: &str) -> String {
        let manifest = objects(r#"[{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": "n"}}]"#);
        check(&objects(&format!("[{entry}]")), &manifest).err().unwrap_or_default()
    }

    fn verdict_on_member(member: &str) -> String {
        verdict(&format!(r#"{{"apiVersion": "v1", "kind": "A", "metadata": {{"name": "a"}}, "x": {member}}}"#))
    }

    #[test]
    fn an_entry_must_say_which_resource_it_observes() {
        for (entry, expected) in [
            (r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": null}}"#, ""),
            (r#"{"kind": "A", "metadata": {"name": "a"}}"#, "apiVersion is not defined"),
            (r#"{"apiVersion": "v1", "kind": null, "metadata": {"name": "a"}}"#, "kind is not defined"),
            (r#"{"apiVersion": "v1", "kind": "A"}"#, "metadata dictionary is not defined"),
            (r#"{"apiVersion": "v1", "kind": "A", "metadata": null}"#, "metadata must be a dictionary"),
            (r#"{"apiVersion": "v1", "kind": "A", "metadata": {}}"#, "name is not defined in the metadata dictionary"),
            (
                r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "b"}}"#,
                "Observed resource must be in manifest",
            ),
            (
                r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "namespace": "n"}}"#,
                "Value of 'namespace' is not 'None'",
            ),
        ] {
            assert_eq!(verdict(entry), expected, "{entry}");
        }
    }

    #[test]
    fn leaves_are_null_and_lists_end_with_their_control_element() {
        let control = |min: &str, max: &str| format!(r#"[null, {{"{MIN}": {min}, "{MAX}": {max}}}]"#);
        for (member, expected) in [
            ("null".to_owned(), ""),
            (r#"{"y": {"z": null}}"#.to_owned(), ""),
            (r#"{"y": "z"}"#.to_owned(), "Value of 'y' is not 'None'"),
            (control("0", "2"), ""),
            (control("5", "0"), ""),
            ("[]".to_owned(), "Special list control dictionary not found"),
            ("[null]".to_owned(), "Special list control dictionary not found"),
            ("[{}]".to_owned(), "Special list control dictionary malformed"),
            (control("null", "1"), "observer_schema_list_min_length should be an integer"),
            (control("0", "true"), "observer_schema_list_max_length should be an integer"),
            (control("-1", "1"), "Invalid value for observer_schema_list_min_length"),
            (control("0", "-1"), "Invalid value for observer_schema_list_max_length"),
            (control("2", "1"), "observer_schema_list_max_length is inferior to observer_schema_list_min_length"),
            (
                control("0", "1").replace("[null,", "[null, null,"),
                "observer_schema_list_max_length is inferior to the number of observed elements",
            ),
            (control("0", "1").replace("null", "1"), "Element of a list is not 'None'"),
        ] {
            assert_eq!(verdict_on_member(&member), expected, "{member}");
        }
    }

    #[test]
    fn without_a_manifest_nothing_is_checked() {
        assert_eq!(check(&objects("[{}]"), &[]), Ok(()));
    }
}
