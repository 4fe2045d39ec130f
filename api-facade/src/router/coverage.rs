//! Every route has a line in `routes.txt`, an authorisation case and a problem case.
//!
//! That a line names the right permission is proved with real roles by the acceptance tests, from the same file.

use std::collections::BTreeSet;

use http::{Method, StatusCode};

use super::contents::Route;
use super::tests::{Unconnected, api, ask_of};
use super::*;
use crate::authz::Authorization;

/// A line of the table.
struct Line {
    method: Method,
    path: &'static str,
    needs_permission: bool,
}

fn table() -> Vec<Line> {
    let lines = include_str!("routes.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let method = words.next().unwrap().parse().unwrap();
            Line { method, path: words.next().unwrap(), needs_permission: words.next() != Some("-") }
        })
        .collect()
}

/// Methods that are answered for other methods' sake: HEAD with GET, OPTIONS by CORS.
fn methods(Route { methods, .. }: &Route) -> impl Iterator<Item = &'static str> {
    methods.split(',').filter(|method| !["HEAD", "OPTIONS"].contains(method))
}

fn concrete(path: &str) -> String {
    path.replace("{namespace}", "n").replace("{name}", "x")
}

/// Subresources that look for the object before they look at the body, or take none.
fn ignores_bodies(path: &str) -> bool {
    path.ends_with("/retry") || path.ends_with("magnumclusters/{name}/binding")
}

#[tokio::test]
async fn the_table_of_routes_is_complete() {
    let mut resources = Unconnected::new(Authorization::AlwaysAllow).await;
    let authorizer = resources.authorizer();
    let Contents { routes, router: _ } = contents(&mut resources, &authorizer);
    let served: BTreeSet<String> =
        routes.iter().flat_map(|route| methods(route).map(|method| format!("{method} {}", route.path))).collect();
    let listed: BTreeSet<String> = table().iter().map(|line| format!("{} {}", line.method, line.path)).collect();
    assert_eq!(served, listed);
    assert_eq!(listed.len(), table().len(), "a line stands twice");
}

#[tokio::test]
async fn every_route_needs_permission_before_anything_else() {
    let api = api(Authorization::AlwaysDeny).await;
    for Line { method, path, needs_permission } in table() {
        let answer = ask_of(api.clone(), method.clone(), &concrete(path), (&[], "no json")).await;
        assert_eq!(answer.status == StatusCode::FORBIDDEN, needs_permission, "{method} {path}");
    }
}

#[tokio::test]
async fn every_route_answers_with_a_problem_when_it_cannot_do_what_it_is_asked() {
    let api = api(Authorization::AlwaysAllow).await;
    for Line { method, path, .. } in table().into_iter().filter(|line| line.needs_permission) {
        let takes_body = [Method::POST, Method::PUT].contains(&method) && !ignores_bodies(path);
        let expected = if takes_body { StatusCode::UNSUPPORTED_MEDIA_TYPE } else { StatusCode::SERVICE_UNAVAILABLE };
        let answer = ask_of(api.clone(), method.clone(), &concrete(path), (&[], "no json")).await;
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json; charset=utf-8", "{method} {path}");
    }
}

#[tokio::test]
async fn every_route_names_its_methods_to_whoever_uses_another() {
    let mut resources = Unconnected::new(Authorization::AlwaysAllow).await;
    let authorizer = resources.authorizer();
    let Contents { routes, router: _ } = contents(&mut resources, &authorizer);
    let api = api(Authorization::AlwaysAllow).await;
    for Route { path, methods } in routes {
        let answer = ask_of(api.clone(), Method::PATCH, &concrete(&path), (&[], "")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers["allow"], methods, "{path}");
    }
}
