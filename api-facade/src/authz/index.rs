//! All roles and role bindings, by user, and always those of now.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use krake_facade_store::{Census, Collection, Error, Record, Store};
use krake_facade_wire::Kind;
use krake_facade_wire::core::{Role, RoleBinding, RoleRule};
use tokio::sync::RwLock;

/// Roles and role bindings as of one moment.
#[derive(Debug, Default)]
pub(super) struct Index {
    roles_of: HashMap<String, BTreeSet<String>>,
    rules_of: HashMap<String, Vec<RoleRule>>,
}

impl Index {
    /// Takes roles by the names under which they are stored.
    fn new(roles: impl IntoIterator<Item = (String, Role)>, bindings: impl IntoIterator<Item = RoleBinding>) -> Self {
        let mut roles_of: HashMap<_, BTreeSet<_>> = HashMap::new();
        for RoleBinding { users, roles, .. } in bindings {
            for user in users {
                roles_of.entry(user).or_default().extend(roles.iter().cloned());
            }
        }
        Self { roles_of, rules_of: roles.into_iter().map(|(name, role)| (name, role.rules)).collect() }
    }

    /// The names of the roles that are bound to a user, sorted, each once; they need not exist.
    pub(super) fn roles_of(&self, user: &str) -> impl Iterator<Item = &str> {
        self.roles_of.get(user).into_iter().flatten().map(String::as_str)
    }

    /// The rules of those roles that exist.
    pub(super) fn rules_of(&self, user: &str) -> impl Iterator<Item = &RoleRule> {
        self.roles_of(user).filter_map(|role| self.rules_of.get(role)).flatten()
    }
}

/// The index of what etcd holds at the time of asking. Each time it costs one question, whether it is still the same.
pub(super) struct Current {
    store: Store,
    collections: [Collection; 2],
    known: RwLock<Option<Known>>,
}

struct Known {
    census: Census,
    index: Arc<Index>,
}

impl Current {
    pub(super) fn new(store: Store) -> Self {
        let collections = [Collection::of::<Role>(None), Collection::of::<RoleBinding>(None)];
        Self { store, collections, known: RwLock::default() }
    }

    /// An index that is not older than any write acknowledged before the call.
    ///
    /// # Errors
    /// As [`Store::census`] and [`Store::list_as_of`].
    pub(super) async fn index(&self) -> Result<Arc<Index>, Error> {
        let census = self.store.census(&self.collections).await?;
        if let Some(index) = find(self.known.read().await.as_ref(), &census) {
            return Ok(index);
        }
        let mut known = self.known.write().await;
        // Others had the same reason to wait for the lock, and may already know as much, or more.
        if let Some(index) = find(known.as_ref(), &census) {
            return Ok(index);
        }
        let census = self.store.census(&self.collections).await?;
        if let Some(index) = find(known.as_ref(), &census) {
            return Ok(index);
        }
        let index = Arc::new(self.read(&census).await?);
        *known = Some(Known { census, index: index.clone() });
        Ok(index)
    }

    async fn read(&self, census: &Census) -> Result<Index, Error> {
        let [roles, bindings] = &self.collections;
        let roles = self.store.list_as_of(roles, census).await?.records;
        let bindings = self.store.list_as_of(bindings, census).await?.records;
        let roles = roles.iter().filter_map(|record| Some((record.key.name().to_owned(), readable(record)?)));
        Ok(Index::new(roles, bindings.iter().filter_map(readable)))
    }
}

fn find(known: Option<&Known>, census: &Census) -> Option<Arc<Index>> {
    known.filter(|known| known.census.still_holds(census)).map(|known| known.index.clone())
}

/// One bad value must not lock everybody out.
fn readable<K: Kind>(record: &Record) -> Option<K> {
    krake_facade_store::read(record)
        .inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "a role or binding cannot be read and grants nothing"
            );
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use krake_facade_wire::json;

    use super::*;

    fn object<K: Kind>(name: &str, rest: &str) -> K {
        let document = format!(r#"{{"metadata": {{"name": "{name}"}}, {rest}}}"#);
        K::decode_new(&json::parse(document.as_bytes()).unwrap()).unwrap()
    }

    fn role(name: &str, resource: &str) -> (String, Role) {
        let rule = format!(r#"{{"api": "", "resources": ["{resource}"], "namespaces": [""], "verbs": ["get"]}}"#);
        (name.to_owned(), object(name, &format!(r#""rules": [{rule}]"#)))
    }

    fn binding(name: &str, users: &str, roles: &str) -> RoleBinding {
        object(name, &format!(r#""users": {users}, "roles": {roles}"#))
    }

    fn resources<'a>(index: &'a Index, user: &str) -> Vec<&'a str> {
        index.rules_of(user).map(|rule| rule.resources[0].as_str()).collect()
    }

    #[test]
    fn a_user_has_the_roles_of_all_bindings_once_and_sorted() {
        let bindings = [
            binding("one", r#"["alice", "bob"]"#, r#"["writer", "reader"]"#),
            binding("two", r#"["alice"]"#, r#"["admin", "reader", "gone"]"#),
        ];
        let index = Index::new([role("reader", "clouds"), role("admin", "roles")], bindings);
        assert_eq!(index.roles_of("alice").collect::<Vec<_>>(), ["admin", "gone", "reader", "writer"]);
        assert_eq!(index.roles_of("bob").collect::<Vec<_>>(), ["reader", "writer"]);
        assert_eq!(index.roles_of("Alice").count(), 0);
    }

    #[test]
    fn roles_that_do_not_exist_grant_nothing() {
        let index = Index::new([role("reader", "clouds")], [binding("one", r#"["alice"]"#, r#"["gone", "reader"]"#)]);
        assert_eq!(resources(&index, "alice"), ["clouds"]);
        assert!(resources(&index, "bob").is_empty());
    }
}
