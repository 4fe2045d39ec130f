//! Bad input is answered with what is wrong, at the door it came through, and loses nothing.

use krake_acceptance::{CLUSTER, Stage, refusal};
use krake_testbed::{Testbed, objects};
use reqwest::Method;
use serde_json::{Value, json};

fn detail(body: &Value) -> String {
    body["detail"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn rest_answers_a_bad_application_with_what_is_wrong() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "bad-rest")?;
    let (_, shop) = stage.application("shop");

    let unknown = shop.clone().where_label("location near DE").rest();
    let answer = stage.rest.post(&shop.collection(), &unknown).await?.expect(422)?;
    assert!(detail(&answer).contains("Invalid label constraint"), "{answer}");

    let nameless = shop.clone().running([json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} })]).rest();
    let answer = stage.rest.post(&shop.collection(), &nameless).await?.expect(422)?;
    assert!(detail(&answer).contains("Field 'metadata.name' not found in resource at index 0"), "{answer}");

    stage.rest.send(Method::POST, &shop.collection(), Some("{".into())).await?.expect(415)?;
    let huge = format!(r#"{{"metadata":{{"name":"{}"}}}}"#, "x".repeat(2 << 20));
    let answer = stage.rest.send(Method::POST, &shop.collection(), Some(huge)).await?.expect(413)?;
    assert!(detail(&answer).starts_with("Maximum request body size 1048576 exceeded"), "{answer}");
    assert_eq!(stage.rest.get(&shop.collection()).await?.expect(200)?["items"], json!([]));
    Ok(())
}

#[tokio::test]
async fn rest_refuses_a_kubeconfig_with_two_contexts() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "bad-kubeconfig")?;
    let edge = stage.cluster(1)?;
    let answer =
        stage.rest.post(&edge.collection(), &edge.clone().with_kubeconfig(two_contexts(testbed)?).rest()).await?;
    let answer = answer.expect(422)?;
    assert!(detail(&answer).contains("Only one context is allowed"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn rest_accepts_a_credential_plugin_as_krake_does_and_the_cluster_says_that_it_is_refused() -> anyhow::Result<()>
{
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "plugin")?;
    let edge = stage.cluster(1)?.with_kubeconfig(with_plugin(testbed)?);
    stage.rest.post(&edge.collection(), &edge.rest()).await?.expect(200)?;

    let refused = stage.until_state(&edge.path(), "OFFLINE").await?;
    assert_eq!(refused["status"]["reason"]["code"], "INVALID_RESOURCE");
    assert!(
        refused["status"]["reason"]["message"].as_str().is_some_and(|message| message.contains("exec")),
        "{refused}"
    );
    Ok(())
}

#[tokio::test]
async fn the_custom_resource_refuses_a_bad_application() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "bad-apply").await?;
    let (_, shop) = stage.application("shop");
    let kubectl = testbed.management_kubectl();

    let unknown = shop.clone().where_label("location near DE").custom_resource();
    let message = refusal(kubectl.apply(&unknown).await)?;
    assert!(message.contains("each label constraint must read"), "{message}");

    let nameless = shop.clone().running([json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} })]);
    let message = refusal(kubectl.apply(&nameless.custom_resource()).await)?;
    assert!(message.contains("spec.manifest[0].metadata.name: Required value"), "{message}");

    let huge = shop.clone().running([objects::config_map("huge", "text", &"x".repeat(2 << 20))]);
    let message = refusal(kubectl.run_with_input(&["create", "-f", "-"], &huge.custom_resource().to_string()).await)?;
    assert!(message.contains("larger than max") || message.contains("too large"), "{message}");

    let empty = shop.clone().running([]);
    let message = refusal(kubectl.apply(&empty.custom_resource()).await)?;
    assert!(message.contains("an application needs a manifest"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_bad_kubeconfig_in_a_secret_shows_as_a_condition() -> anyhow::Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::set(testbed, "bad-secret").await?;
    let mut plugin = testbed.target(1)?.kubeconfig().value().clone();
    plugin["users"][0]["user"] =
        json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh" } });

    for (name, kubeconfig, word) in
        [("two", two_contexts(testbed)?, "context"), ("plugin", with_plugin(testbed)?, "exec")]
    {
        let edge = objects::cluster(name, testbed.target(1)?.kubeconfig()).in_namespace(&stage.namespace);
        let edge = edge.with_kubeconfig(kubeconfig);
        for document in edge.documents() {
            testbed.management_kubectl().apply(&document).await?;
        }
        let refused = |object: &Value| refuses_kubeconfig(object, word);
        stage.until_object(CLUSTER, name, refused).await?;
    }
    Ok(())
}

fn two_contexts(testbed: &Testbed) -> anyhow::Result<Value> {
    let mut kubeconfig = testbed.target(1)?.kubeconfig().value().clone();
    if let Some(contexts) = kubeconfig["contexts"].as_array_mut() {
        let mut second = contexts[0].clone();
        second["name"] = json!("second");
        contexts.push(second);
    }
    Ok(kubeconfig)
}

fn with_plugin(testbed: &Testbed) -> anyhow::Result<Value> {
    let mut kubeconfig = testbed.target(1)?.kubeconfig().value().clone();
    kubeconfig["users"][0]["user"] =
        json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh" } });
    Ok(kubeconfig)
}

/// Whether the cluster is not ready because of its kubeconfig, with a message that holds the word.
fn refuses_kubeconfig(cluster: &Value, word: &str) -> bool {
    let conditions = cluster["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    ready.is_some_and(|ready| {
        ready["reason"] == "KubeconfigInvalid" && ready["message"].as_str().is_some_and(|text| text.contains(word))
    })
}
