//! A role that permits exactly what a route needs opens it, and one that permits everything else does not.

use anyhow::{Result, bail, ensure};
use krake_testbed::{alone::Alone, configuration::Configuration, rest::Rest};
use reqwest::Method;
use serde_json::{Value, json};

use crate::door::{administrator, facade};

/// The table that the facade's own tests hold against its routes.
const ROUTES: &str = include_str!("../../../../api-facade/src/router/routes.txt");
const VERBS: [&str; 5] = ["create", "list", "get", "update", "delete"];
const ROLE: &str = "/core/roles/permissions";

/// A route, and what a role must permit.
struct Route {
    method: Method,
    path: String,
    api: &'static str,
    resource: &'static str,
    verb: &'static str,
}

fn routes() -> Result<Vec<Route>> {
    let lines = ROUTES.lines().filter(|line| !line.starts_with('#') && !line.ends_with('-'));
    lines
        .map(|line| {
            let [method, path, api, resource, verb] = line.split(' ').collect::<Vec<_>>()[..] else {
                bail!("{line:?} has other columns");
            };
            let path = path.replace("{namespace}", "team").replace("{name}", "nobody");
            Ok(Route { method: method.parse()?, path, api, resource, verb })
        })
        .collect()
}

impl Route {
    fn exactly(&self) -> Value {
        json!([rule(self.api, &[self.resource], &[self.verb])])
    }

    /// Everything but what the route needs.
    fn all_else(&self) -> Result<Value> {
        let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| *verb != self.verb).collect();
        let mut resources: Vec<&str> = routes()?.iter().map(|route| route.resource).collect();
        resources.retain(|resource| *resource != self.resource);
        let others = ["core", "kubernetes", "infrastructure", "openstack"].into_iter().filter(|api| *api != self.api);
        let others = others.map(|api| rule(api, &[""], &VERBS));
        let own = [rule(self.api, &resources, &VERBS), rule(self.api, &[""], &verbs)];
        Ok(own.into_iter().chain(others).collect())
    }

    async fn is_forbidden(&self, rest: &Rest) -> Result<bool> {
        // No body, so that nothing is created by what is permitted.
        let answer = rest.send(self.method.clone(), &self.path, None).await?;
        ensure!(answer.status < 500, "{} gave {}: {}", answer.request, answer.status, answer.body);
        Ok(answer.status == 403)
    }
}

fn rule(api: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "api": api, "resources": resources, "namespaces": [""], "verbs": verbs })
}

async fn permit(admin: &Rest, rules: Value) -> Result<()> {
    let mut role = admin.get(ROLE).await?.expect(200)?;
    role["rules"] = rules;
    admin.put(ROLE, &role).await?.expect(200).map(drop)
}

#[tokio::test]
async fn every_route_opens_to_the_role_it_names_and_to_no_other() -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let administration = administrator(&alone).await?;
    let admin = administration.rest()?;
    let role = json!({ "metadata": { "name": "permissions" }, "rules": [] });
    admin.post("/core/roles", &role).await?.expect(200)?;
    let binding = json!({ "metadata": { "name": "permissions" }, "users": ["alice"], "roles": ["permissions"] });
    admin.post("/core/rolebindings", &binding).await?.expect(200)?;
    let door = facade(&alone, Configuration::new("RBAC").with_static("alice")).await?;
    let alice = door.rest()?;

    let routes = routes()?;
    assert!(routes.len() > 80, "the table has {} lines only", routes.len());
    for route in &routes {
        permit(&admin, route.exactly()).await?;
        assert!(!route.is_forbidden(&alice).await?, "{} {} stays closed", route.method, route.path);
        permit(&admin, route.all_else()?).await?;
        assert!(route.is_forbidden(&alice).await?, "{} {} is open", route.method, route.path);
    }
    Ok(())
}

#[tokio::test]
async fn a_plan_is_for_those_who_may_list_the_applications_of_its_namespace() -> Result<()> {
    let Some(alone) = Alone::start().await? else { return Ok(()) };
    let administration = administrator(&alone).await?;
    let admin = administration.rest()?;
    let listing =
        json!({ "api": "kubernetes", "resources": ["applications"], "namespaces": ["team"], "verbs": ["list"] });
    let role = json!({ "metadata": { "name": "planners" }, "rules": [listing] });
    admin.post("/core/roles", &role).await?.expect(200)?;
    let binding = json!({ "metadata": { "name": "planners" }, "users": ["alice"], "roles": ["planners"] });
    admin.post("/core/rolebindings", &binding).await?.expect(200)?;
    let door = facade(&alone, Configuration::new("RBAC").with_static("alice")).await?;
    let plan = async |namespace: &str| door.rest()?.post("/plan", &json!({ "namespace": namespace })).await;
    plan("other").await?.expect(403)?;
    let problem = plan("team").await?.expect(503)?;
    assert_eq!(problem["detail"], "There is no management cluster, so there is no operator that places applications.");
    Ok(())
}
