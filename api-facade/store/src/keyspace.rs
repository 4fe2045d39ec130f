//! Where an object lives in etcd: kind, namespace and name ⇄ key. Source: section 4.1 of the REST contract.
//!
//! ```text
//! /core/roles/{name}                          a kind without namespaces
//! /kubernetes/applications/{namespace}/{name} a kind with namespaces
//! /krake.dev/sync/kubernetes/…                what both sides of the sync last agreed on, per object
//! /krake.dev/tombstones/kubernetes/…          an object that was removed on purpose, until the sync has seen it
//! ```

use std::fmt;

use krake_facade_wire::Kind;

const BASES: &str = "/krake.dev/sync";
const TOMBSTONES: &str = "/krake.dev/tombstones";

/// The key of one object. It is case-sensitive and holds namespace and name exactly as given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The key of the object `name`. Kinds without namespaces ignore `namespace`.
    #[must_use]
    pub fn of<K: Kind>(namespace: Option<&str>, name: &str) -> Self {
        let mut key = Collection::of::<K>(namespace).prefix;
        key.push_str(name);
        Self(key)
    }

    /// The key as etcd knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace; `None` for a kind without namespaces.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        let mut segments = self.0.split('/').skip(3);
        let namespace = segments.next();
        segments.next().and(namespace)
    }

    /// The name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    pub(crate) fn base(&self) -> String {
        format!("{BASES}{}", self.0)
    }

    pub(crate) fn tombstone(&self) -> String {
        format!("{TOMBSTONES}{}", self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The objects of one kind, in one namespace or in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    prefix: String,
    /// Length of the part of the prefix that all objects of the kind share.
    kind: usize,
    /// How many segments of the key follow that part.
    segments: usize,
}

impl Collection {
    /// The collection of a kind. Kinds without namespaces ignore `namespace`.
    #[must_use]
    pub fn of<K: Kind>(namespace: Option<&str>) -> Self {
        let all = Self::whole(K::API, K::PLURAL, if K::NAMESPACED { 2 } else { 1 });
        match namespace {
            Some(namespace) if K::NAMESPACED => all.narrowed(namespace),
            _ => all,
        }
    }

    fn whole(api: &str, plural: &str, segments: usize) -> Self {
        let prefix = format!("/{api}/{plural}/");
        Self { kind: prefix.len(), prefix, segments }
    }

    fn narrowed(self, namespace: &str) -> Self {
        Self { prefix: format!("{}{namespace}/", self.prefix), ..self }
    }

    /// What every key of the collection begins with; ends in `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Less than every key of the collection, and greater than every key before it.
    pub(crate) fn start(&self) -> Key {
        Key(self.prefix.clone())
    }

    /// Whether the key of an object of this kind lies in the collection.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.0.starts_with(&self.prefix)
    }

    /// The key, if it has the shape of the kind's keys. Anything else under the prefix belongs to somebody else and is
    /// to be ignored.
    #[must_use]
    pub fn parse(&self, key: &[u8]) -> Option<Key> {
        let key = str::from_utf8(key).ok().filter(|key| key.starts_with(&self.prefix))?;
        let rest = key.get(self.kind..)?;
        let well_formed = rest.split('/').count() == self.segments && rest.split('/').all(is_parameter);
        well_formed.then(|| Key(key.to_owned()))
    }

    pub(crate) fn bases(&self) -> String {
        format!("{BASES}{}", self.prefix)
    }

    pub(crate) fn tombstones(&self) -> String {
        format!("{TOMBSTONES}{}", self.prefix)
    }

    /// The key of the object that a base or tombstone is about.
    pub(crate) fn parse_owned(&self, key: &[u8]) -> Option<Key> {
        let object = [BASES, TOMBSTONES].iter().find_map(|room| key.strip_prefix(room.as_bytes()))?;
        self.parse(object)
    }
}

fn is_parameter(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORD: &str = "[.a-zA-Z0-9_:-]{1,20}";

    fn applications(namespace: Option<&str>) -> Collection {
        let all = Collection::whole("kubernetes", "applications", 2);
        match namespace {
            Some(namespace) => all.narrowed(namespace),
            None => all,
        }
    }

    fn roles() -> Collection {
        Collection::whole("core", "roles", 1)
    }

    #[test]
    fn keys_are_those_of_the_original() {
        let key = applications(None).parse(b"/kubernetes/applications/system:admin/shop").unwrap();
        assert_eq!((key.namespace(), key.name()), (Some("system:admin"), "shop"));
        let key = roles().parse(b"/core/roles/role:system").unwrap();
        assert_eq!((key.namespace(), key.name()), (None, "role:system"));
    }

    #[test]
    fn foreign_keys_under_the_prefix_are_ignored() {
        for foreign in ["", "a", "a/", "/b", "a/b/c", "a b/c", "a/b c", "ä/b", "a//b"] {
            assert_eq!(applications(None).parse(format!("/kubernetes/applications/{foreign}").as_bytes()), None);
        }
        assert_eq!(applications(None).parse(b"/kubernetes/applications/a/\xff"), None);
        assert_eq!(roles().parse(b"/core/roles/a/b"), None);
    }

    #[test]
    fn a_namespace_is_not_a_prefix_of_its_neighbours() {
        let team = applications(Some("team"));
        assert_eq!(team.parse(b"/kubernetes/applications/team-b/shop"), None);
        assert!(team.parse(b"/kubernetes/applications/team/shop").is_some());
        assert_eq!(applications(Some("a b")).parse(b"/kubernetes/applications/a b/shop"), None);
    }

    #[test]
    fn bases_and_tombstones_lie_outside_every_kind() {
        let key = applications(None).parse(b"/kubernetes/applications/team/shop").unwrap();
        assert_eq!(key.base(), "/krake.dev/sync/kubernetes/applications/team/shop");
        assert_eq!(key.tombstone(), "/krake.dev/tombstones/kubernetes/applications/team/shop");
    }

    proptest! {
        #[test]
        fn namespace_and_name_survive_the_key(namespace in WORD, name in WORD) {
            let prefix = applications(Some(&namespace)).prefix;
            let text = format!("{prefix}{name}");
            for collection in [applications(None), applications(Some(&namespace))] {
                let key = collection.parse(text.as_bytes()).unwrap();
                prop_assert_eq!(key.namespace(), Some(namespace.as_str()));
                prop_assert_eq!(key.name(), name.as_str());
                prop_assert_eq!(collection.parse_owned(key.base().as_bytes()), Some(key.clone()));
                prop_assert_eq!(collection.parse_owned(key.tombstone().as_bytes()), Some(key));
            }
        }

        #[test]
        fn no_key_belongs_to_two_namespaces(one in WORD, other in WORD, name in WORD) {
            prop_assume!(one != other);
            let key = format!("{}{name}", applications(Some(&one)).prefix);
            prop_assert_eq!(applications(Some(&other)).parse(key.as_bytes()), None);
        }
    }
}
