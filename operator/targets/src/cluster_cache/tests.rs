use super::*;

fn kubeconfig(token: &str) -> Kubeconfig {
    format!(
        "
contexts: [{{name: main, context: {{cluster: edge, user: krake}}}}]
users: [{{name: krake, user: {{token: {token}}}}}]
clusters: [{{name: edge, cluster: {{server: 'http://127.0.0.1:1'}}}}]
"
    )
    .parse()
    .unwrap()
}

#[tokio::test]
async fn another_kubeconfig_replaces_the_connection_and_the_same_one_keeps_it() {
    let cache = ClusterCache::new(Duration::from_secs(5), CancellationToken::new());
    let key = ClusterKey::new("web", "edge");
    cache.connect(&key, &kubeconfig("a")).await.unwrap();
    let first = cache.connection(&key).unwrap();
    cache.connect(&key, &kubeconfig("a")).await.unwrap();
    assert!(Arc::ptr_eq(&first, &cache.connection(&key).unwrap()) && !first.is_closed());

    first.gate.probed(Ok("v1.37.2".into()));
    let handle = cache.get(&key).unwrap();
    cache.connect(&key, &kubeconfig("b")).await.unwrap();
    let second = cache.connection(&key).unwrap();
    assert!(!Arc::ptr_eq(&first, &second) && first.is_closed() && !second.is_closed());
    assert!(matches!(handle.find_scope("v1", "ConfigMap").await, Err(Error::NotConnected { .. })));
    assert_eq!(cache.view(&key).unwrap().reachability, Reachability::Unknown, "nothing is known through it yet");

    cache.disconnect(&key);
    assert!(second.is_closed() && cache.connected().is_empty() && cache.view(&key).is_none());
}
