//! What a kubeconfig must have: one context that names one cluster and one user.
//! Source: the REST contract's chapter on clusters, whose fifteen rules are checked in their order.

use crate::json::Object;
use crate::{Invalid, Json, python};

/// Fails with the first broken rule; an empty kubeconfig stands for none.
pub(crate) fn check(config: &Object) -> Result<(), Invalid> {
    if config.is_empty() {
        return Ok(());
    }
    check_references(config).map_err(|text| Invalid::message(format!("Invalid kube-config file. {text}")))?;
    for (list, text) in [
        ("contexts", "Only one context is allowed"),
        ("users", "Only one user is allowed"),
        ("clusters", "Only one cluster is allowed"),
    ] {
        if config.get(list).and_then(Json::as_array).map(<[Json]>::len) != Some(1) {
            return Err(Invalid::message(text));
        }
    }
    Ok(())
}

/// The current context exists, and so does what it names; a missing user is fine.
fn check_references(config: &Object) -> Result<(), String> {
    let current = present(config.get("current-context"), "current-context", "kube-config")?;
    let contexts = present(config.get("contexts"), "contexts", "kube-config")?;
    let entry = get(contexts, "contexts", current)?;
    let context = present(entry.get("context"), "context", &place("contexts", current))?;

    let user = context.get("user").filter(|user| !user.is_falsy());
    let users = config.get("users").filter(|users| !users.is_falsy());
    if let (Some(user), Some(users)) = (user, users)
        && let Some(entry) = find(users, "users", user)?
    {
        present(entry.get("user"), "user", &place("users", user))?;
    }

    let clusters = present(config.get("clusters"), "clusters", "kube-config")?;
    let at = format!("{}/context", place("contexts", current));
    let cluster = present(context.get("cluster"), "cluster", &at)?;
    let entry = get(clusters, "clusters", cluster)?;
    present(entry.get("cluster"), "cluster", &place("clusters", cluster)).map(|_| ())
}

fn place(list: &str, name: &Json) -> String {
    format!("kube-config/{list}[name={}]", python::text(name))
}

/// A member that is empty counts as missing.
fn present<'a>(member: Option<&'a Json>, key: &str, at: &str) -> Result<&'a Json, String> {
    member.filter(|member| !member.is_falsy()).ok_or_else(|| format!("Expected key {key} in {at}"))
}

fn get<'a>(entries: &'a Json, list: &str, name: &Json) -> Result<&'a Json, String> {
    let missing = || format!("Expected object with name {} in kube-config/{list} list", python::text(name));
    find(entries, list, name)?.ok_or_else(missing)
}

/// The only entry of this name; the entries before a second one of the name must have names themselves.
fn find<'a>(entries: &'a Json, list: &str, name: &Json) -> Result<Option<&'a Json>, String> {
    let entries = entries.as_array().ok_or_else(|| format!("Expected kube-config/{list} to be a list"))?;
    let mut found = None;
    for entry in entries {
        let this = entry.get("name");
        let this = this.ok_or_else(|| format!("Expected all values in kube-config/{list} list to have 'name' key"))?;
        if this == name && found.replace(entry).is_some() {
            let name = python::text(name);
            return Err(format!("Expected only one object with name {name} in kube-config/{list} list"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x"
    }"#;

    /// The verdict on the good kubeconfig with some members replaced, or removed by `null`.
    fn verdict(changes: &str) -> String {
        let parse = |text: &str| crate::json::parse(text.as_bytes()).unwrap().as_object().cloned().unwrap();
        let mut config = parse(GOOD);
        for (key, value) in parse(changes) {
            config.shift_remove(&key);
            if !value.is_null() {
                config.insert(key, value);
            }
        }
        check(&config).map_or_else(|invalid| invalid.to_string(), |()| String::new())
    }

    #[test]
    fn each_rule_has_its_text() {
        let prefixed = |text: &str| format!("[{}]", python::quote(&format!("Invalid kube-config file. {text}")));
        for (changes, expected) in [
            (r#"{"current-context": null}"#, "Expected key current-context in kube-config"),
            (r#"{"contexts": []}"#, "Expected key contexts in kube-config"),
            (r#"{"contexts": {"a": 1}}"#, "Expected kube-config/contexts to be a list"),
            (r#"{"contexts": [{}]}"#, "Expected all values in kube-config/contexts list to have 'name' key"),
            (
                r#"{"contexts": [{"name": "x"}, {"name": "x"}]}"#,
                "Expected only one object with name x in kube-config/contexts list",
            ),
            (r#"{"current-context": "y"}"#, "Expected object with name y in kube-config/contexts list"),
            (r#"{"contexts": [{"name": "x"}]}"#, "Expected key context in kube-config/contexts[name=x]"),
            (r#"{"users": [5]}"#, "Expected all values in kube-config/users list to have 'name' key"),
            (r#"{"users": [{"name": "u", "user": {}}]}"#, "Expected key user in kube-config/users[name=u]"),
            (r#"{"clusters": null}"#, "Expected key clusters in kube-config"),
            (
                r#"{"contexts": [{"name": "x", "context": {"user": "u"}}]}"#,
                "Expected key cluster in kube-config/contexts[name=x]/context",
            ),
            (
                r#"{"contexts": [{"name": "x", "context": "c"}]}"#,
                "Expected key cluster in kube-config/contexts[name=x]/context",
            ),
            (r#"{"clusters": [{"name": "d"}]}"#, "Expected object with name c in kube-config/clusters list"),
            (r#"{"clusters": [{"name": "c"}]}"#, "Expected key cluster in kube-config/clusters[name=c]"),
        ] {
            assert_eq!(verdict(changes), prefixed(expected), "{changes}");
        }
    }

    #[test]
    fn there_is_one_of_each() {
        let context = r#"{"name": "x", "context": {"cluster": "c"}}"#;
        for (changes, expected) in [
            ("{}".to_owned(), ""),
            (format!(r#"{{"contexts": [{context}, {{"name": "z"}}]}}"#), "['Only one context is allowed']"),
            (r#"{"users": []}"#.to_owned(), "['Only one user is allowed']"),
            (r#"{"users": null}"#.to_owned(), "['Only one user is allowed']"),
            (r#"{"users": [{"name": "other"}]}"#.to_owned(), ""),
            (
                r#"{"clusters": [{"name": "c", "cluster": {"a": 1}}, {"name": "d"}]}"#.to_owned(),
                "['Only one cluster is allowed']",
            ),
        ] {
            assert_eq!(verdict(&changes), expected, "{changes}");
        }
        assert!(check(&Object::new()).is_ok());
    }
}
