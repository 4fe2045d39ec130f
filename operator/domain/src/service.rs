//! Under which address a Service of an application is reached.

use std::{collections::BTreeMap, net::Ipv6Addr};

use serde_json::Value;

/// Stands for what a cluster has not assigned yet.
const PENDING: &str = "<pending>";

/// The `host:port` of a live Service, if it can be reached from outside its cluster.
///
/// `cluster_host` is the host of the API server's URL. Only the first port counts, and the first ingress.
#[must_use]
pub fn endpoint(service: &Value, cluster_host: &str) -> Option<String> {
    let port = &service["spec"]["ports"][0];
    if service["spec"]["type"] == "LoadBalancer" {
        let port = port["port"].as_u64().map_or(PENDING.into(), |port| port.to_string());
        let ingress = &service["status"]["loadBalancer"]["ingress"][0];
        let host =
            [&ingress["ip"], &ingress["hostname"]].into_iter().filter_map(Value::as_str).find(|it| !it.is_empty());
        return Some(host.map_or_else(
            // Without an address a known port is of no use to a client, but it is shown.
            || format!("{PENDING}:{port}"),
            |host| format!("{}:{port}", bracketed(host)),
        ));
    }
    let node_port = port["nodePort"].as_u64().filter(|port| *port != 0)?;
    Some(format!("{}:{node_port}", bracketed(cluster_host)))
}

/// The endpoints of all Services among these live objects, by name.
#[must_use]
pub fn endpoints<'a>(objects: impl IntoIterator<Item = &'a Value>, cluster_host: &str) -> BTreeMap<String, String> {
    let services = objects.into_iter().filter(|object| object["apiVersion"] == "v1" && object["kind"] == "Service");
    let reached = services.filter_map(|service| {
        Some((service["metadata"]["name"].as_str()?.to_owned(), endpoint(service, cluster_host)?))
    });
    reached.collect()
}

/// A host as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(type_: &str, ports: &Value, ingress: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "echo" },
            "spec": { "type": type_, "ports": ports },
            "status": { "loadBalancer": { "ingress": ingress } },
        })
    }

    #[test]
    fn addresses_of_services() {
        let ports = json!([{ "port": 80, "nodePort": 31_000 }, { "port": 81, "nodePort": 31_001 }]);
        let inner = json!([{ "port": 80 }]);
        let none = json!(null);
        for (type_, ports, ingress, expected) in [
            ("LoadBalancer", &ports, json!([{ "ip": "192.0.2.1" }]), Some("192.0.2.1:80")),
            ("LoadBalancer", &ports, json!([{ "hostname": "lb.example.org" }]), Some("lb.example.org:80")),
            ("LoadBalancer", &ports, json!([{ "ip": "", "hostname": "lb.example.org" }]), Some("lb.example.org:80")),
            ("LoadBalancer", &ports, json!([{ "ip": "2001:db8::1" }]), Some("[2001:db8::1]:80")),
            ("LoadBalancer", &ports, json!([]), Some("<pending>:80")),
            ("LoadBalancer", &none, json!(null), Some("<pending>:<pending>")),
            ("NodePort", &ports, json!(null), Some("cluster.example.org:31000")),
            ("ClusterIP", &ports, json!(null), Some("cluster.example.org:31000")),
            ("ClusterIP", &inner, json!(null), None),
            ("NodePort", &none, json!(null), None),
            ("ExternalName", &none, json!(null), None),
        ] {
            let found = endpoint(&service(type_, ports, &ingress), "cluster.example.org");
            assert_eq!(found.as_deref(), expected, "{type_} {ports} {ingress}");
        }
    }

    #[test]
    fn only_services_with_an_address_are_listed() {
        let reached = service("NodePort", &json!([{ "nodePort": 31_000 }]), &json!(null));
        let inner = service("ClusterIP", &json!([{ "port": 80 }]), &json!(null));
        let other = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pod" } });
        assert_eq!(endpoints([&inner, &other], "h"), BTreeMap::new());
        assert_eq!(endpoints([&reached, &other], "::1"), BTreeMap::from([("echo".into(), "[::1]:31000".into())]));
    }
}
