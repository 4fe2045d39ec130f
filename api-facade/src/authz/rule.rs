//! What rules grant. Source: section 6.3 of the REST contract.

use krake_facade_wire::core::{RoleRule, RoleVerb};

use super::{Access, Verb};
use crate::authn::User;

/// What came of asking the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A rule grants it.
    Granted,
    /// The user has to be somebody first.
    Anonymous,
    /// No rule grants it.
    Refused,
}

/// Whether a user may do what they want, by the rules of all their roles. There are no rules that take away.
///
/// Rules do not speak about `system:anonymous`, even if a role is bound to that name. `is_strict` as in
/// [`super::Settings`].
pub(super) fn decide<'a>(
    user: &User,
    rules: impl IntoIterator<Item = &'a RoleRule>,
    access: &Access<'_>,
    is_strict: bool,
) -> Verdict {
    if &*user.0 == User::ANONYMOUS {
        return Verdict::Anonymous;
    }
    let is_granted = rules.into_iter().any(|rule| grants(rule, access, is_strict));
    if is_granted { Verdict::Granted } else { Verdict::Refused }
}

/// An empty text in a rule stands for anything.
fn grants(rule: &RoleRule, access: &Access<'_>, is_strict: bool) -> bool {
    let covers_place = match access.namespace {
        Some(namespace) => rule.namespaces.iter().any(|covered| covered.is_empty() || covered == namespace),
        None => !is_strict || rule.namespaces.iter().any(String::is_empty),
    };
    covers_place
        && (rule.api.is_empty() || rule.api == access.api)
        && rule.verbs.contains(&access.verb.into())
        && rule.resources.iter().any(|covered| covered.is_empty() || is_named(access, covered))
}

/// A rule for a resource says nothing about its subresources.
fn is_named(access: &Access<'_>, resource: &str) -> bool {
    match access.subresource {
        None => resource == access.plural,
        Some(subresource) => resource.split_once('/') == Some((access.plural, subresource)),
    }
}

impl From<Verb> for RoleVerb {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Create => Self::Create,
            Verb::List => Self::List,
            Verb::Get => Self::Get,
            Verb::Update => Self::Update,
            Verb::Delete => Self::Delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right to read one namespace's applications; cases change what they are about.
    fn rule() -> RoleRule {
        RoleRule {
            api: "kubernetes".into(),
            resources: vec!["applications".into()],
            namespaces: vec!["one".into()],
            verbs: vec![RoleVerb::Get],
        }
    }

    /// What [`rule`] is for.
    fn access() -> Access<'static> {
        Access { api: "kubernetes", plural: "applications", subresource: None, namespace: Some("one"), verb: Verb::Get }
    }

    fn alice(rules: &[RoleRule], access: &Access<'_>) -> Verdict {
        decide(&User("alice".into()), rules, access, false)
    }

    #[test]
    fn a_rule_grants_what_it_names_and_nothing_else() {
        assert_eq!(alice(&[rule()], &access()), Verdict::Granted);
        for other in [
            Access { api: "openstack", ..access() },
            Access { plural: "clusters", ..access() },
            Access { subresource: Some("status"), ..access() },
            Access { namespace: Some("two"), ..access() },
            Access { verb: Verb::List, ..access() },
            Access { verb: Verb::Delete, ..access() },
        ] {
            assert_eq!(alice(&[rule()], &other), Verdict::Refused, "{other:?}");
        }
    }

    #[test]
    fn an_empty_text_stands_for_anything_of_its_kind_only() {
        let any = || vec![String::new()];
        for (rule, granted, refused) in [
            (
                RoleRule { api: String::new(), ..rule() },
                Access { api: "openstack", ..access() },
                Access { plural: "clusters", ..access() },
            ),
            (
                RoleRule { resources: any(), ..rule() },
                Access { plural: "clusters", subresource: Some("status"), ..access() },
                Access { namespace: Some("two"), ..access() },
            ),
            (
                RoleRule { namespaces: any(), ..rule() },
                Access { namespace: Some("two"), ..access() },
                Access { api: "core", ..access() },
            ),
        ] {
            assert_eq!(alice(std::slice::from_ref(&rule), &granted), Verdict::Granted, "{rule:?}");
            assert_eq!(alice(std::slice::from_ref(&rule), &refused), Verdict::Refused, "{rule:?}");
        }
    }

    #[test]
    fn nothing_but_the_empty_text_stands_for_anything() {
        for word in ["*", "all", "ALL"] {
            let rule = RoleRule { resources: vec![word.into()], ..rule() };
            assert_eq!(alice(&[rule], &access()), Verdict::Refused);
        }
    }

    #[test]
    fn a_rule_for_a_subresource_grants_that_and_not_its_object() {
        let rule = [RoleRule { resources: vec!["applications/status".into()], ..rule() }];
        assert_eq!(alice(&rule, &Access { subresource: Some("status"), ..access() }), Verdict::Granted);
        assert_eq!(alice(&rule, &Access { subresource: Some("binding"), ..access() }), Verdict::Refused);
        assert_eq!(alice(&rule, &access()), Verdict::Refused);
    }

    #[test]
    fn every_verb_is_granted_by_its_own_name() {
        let verbs = [
            (Verb::Create, RoleVerb::Create),
            (Verb::List, RoleVerb::List),
            (Verb::Get, RoleVerb::Get),
            (Verb::Update, RoleVerb::Update),
            (Verb::Delete, RoleVerb::Delete),
        ];
        for (verb, word) in verbs {
            let rule = [RoleRule { verbs: vec![word], ..rule() }];
            let granted = verbs.map(|(asked, _)| alice(&rule, &Access { verb: asked, ..access() }) == Verdict::Granted);
            assert_eq!(granted, verbs.map(|(asked, _)| asked == verb));
        }
        let rule = [RoleRule { verbs: vec![RoleVerb::ListAll], ..rule() }];
        assert_eq!(alice(&rule, &Access { verb: Verb::List, namespace: None, ..access() }), Verdict::Refused);
    }

    #[test]
    fn rules_add_up_and_are_not_mixed() {
        let other = RoleRule { resources: vec!["clusters".into()], namespaces: vec!["two".into()], ..rule() };
        let rules = [rule(), other];
        assert_eq!(alice(&rules, &access()), Verdict::Granted);
        assert_eq!(alice(&rules, &Access { plural: "clusters", namespace: Some("two"), ..access() }), Verdict::Granted);
        assert_eq!(alice(&rules, &Access { plural: "clusters", ..access() }), Verdict::Refused);
        assert_eq!(alice(&[], &access()), Verdict::Refused);
    }

    #[test]
    fn outside_of_namespaces_only_the_strict_mode_looks_at_them() {
        let everywhere = Access { namespace: None, ..access() };
        let user = User("alice".into());
        for (namespaces, is_strict, expected) in [
            (vec!["one"], false, Verdict::Granted),
            (vec![], false, Verdict::Granted),
            (vec!["one"], true, Verdict::Refused),
            (vec![], true, Verdict::Refused),
            (vec!["one", ""], true, Verdict::Granted),
        ] {
            let rule = RoleRule { namespaces: namespaces.iter().copied().map(str::to_owned).collect(), ..rule() };
            assert_eq!(decide(&user, [&rule], &everywhere, is_strict), expected, "{namespaces:?} {is_strict}");
        }
        assert_eq!(decide(&user, [&rule()], &access(), true), Verdict::Granted);
    }

    #[test]
    fn the_anonymous_have_no_rights_by_rules() {
        let anything =
            RoleRule { api: String::new(), resources: vec![String::new()], namespaces: vec![String::new()], ..rule() };
        assert_eq!(decide(&User("system:anonymous".into()), [&anything], &access(), false), Verdict::Anonymous);
    }
}
