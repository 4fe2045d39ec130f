//! Every kind through both doors: made, shown, changed and deleted at one, seen at the other; secrets only in Secrets.

mod cases;

use anyhow::{Context, Result, ensure};
use krake_acceptance::{APPLICATION, SOON, Stage};
use krake_testbed::{Testbed, access::SYSTEM_NAMESPACE, eventually, kubectl::Kubectl, rest::Rest, unique};
use serde_json::{Value, json};

use cases::{Case, SECRET, cases};

/// What a user changes it to.
const NEW_SECRET: &str = "an0ther-s3cret";

/// One kind on stage.
struct Scene<'a> {
    case: &'a Case,
    namespace: String,
    name: String,
    rest: Rest,
    kubectl: Kubectl,
}

impl<'a> Scene<'a> {
    fn set(testbed: &Testbed, case: &'a Case) -> Result<Self> {
        let story = unique(case.plural);
        let namespace = if case.is_namespaced { story.clone() } else { SYSTEM_NAMESPACE.to_owned() };
        Ok(Self { case, namespace, name: story, rest: testbed.rest()?, kubectl: testbed.management_kubectl().clone() })
    }

    fn collection(&self) -> String {
        let Case { api, plural, .. } = self.case;
        let place = if self.case.is_namespaced { format!("namespaces/{}/", self.namespace) } else { String::new() };
        format!("/{api}/{place}{plural}")
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    fn resource(&self) -> String {
        format!("{}.{}.krake.dev", self.case.plural, self.case.api)
    }

    fn document(&self) -> Value {
        let mut document = self.case.rest.clone();
        document["metadata"] = json!({ "name": self.name, "labels": { "tier": "one" } });
        document
    }

    fn custom_resource(&self) -> Value {
        let Case { api, kind, .. } = self.case;
        let mut spec = self.case.spec(&self.name);
        spec["labels"] = json!({ "tier": "one" });
        let namespace = self.case.is_namespaced.then_some(&self.namespace);
        json!({
            "apiVersion": format!("{api}.krake.dev/v1alpha1"), "kind": kind,
            "metadata": { "name": self.name, "namespace": namespace }, "spec": spec,
        })
    }

    async fn object(&self) -> Result<Value> {
        self.kubectl.json(&["-n", &self.namespace, "get", &self.resource(), &self.name]).await
    }

    async fn until_object(&self, what: &str, look: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("kubectl shows {} of {what}", self.resource()), SOON, async || {
            let object = self.object().await?;
            ensure!(look(&object), "{object}");
            Ok(object)
        })
        .await
    }

    async fn until_rest(&self, what: &str, look: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("REST shows {} {what}", self.path()), SOON, async || {
            let object = self.rest.get(&self.path()).await?.expect(200)?;
            ensure!(look(&object), "{object}");
            Ok(object)
        })
        .await
    }

    async fn until_gone(&self) -> Result<()> {
        eventually(&format!("{} is gone everywhere", self.path()), SOON, async || {
            let status = self.rest.get(&self.path()).await?.status;
            ensure!(status == 404, "REST still answers {status}");
            let look = ["-n", &self.namespace, "get", &self.resource(), &self.name, "--ignore-not-found", "-o", "name"];
            let left = self.kubectl.run(&look).await?;
            ensure!(left.is_empty(), "kubectl still shows {left}");
            Ok(())
        })
        .await
    }

    /// The list shows the object with all that was asked for, its secret included.
    async fn is_listed(&self) -> Result<()> {
        let list = self.rest.get(&self.collection()).await?.expect(200)?;
        ensure!(list["kind"] == format!("{}List", self.case.kind), "{}", list["kind"]);
        let items = list["items"].as_array().context("a list has items")?;
        let listed = items.iter().find(|item| item["metadata"]["name"] == *self.name);
        let listed = listed.with_context(|| format!("{} is not in the list", self.path()))?;
        for (section, content) in self.case.rest.as_object().into_iter().flatten() {
            contains(&listed[section], content).with_context(|| format!("{section} of {}", self.path()))?;
        }
        Ok(())
    }

    async fn has_columns(&self) -> Result<()> {
        let table = self.kubectl.run(&["-n", &self.namespace, "get", &self.resource(), &self.name]).await?;
        for column in self.case.columns {
            ensure!(table.contains(column), "{column} is missing in:\n{table}");
        }
        Ok(())
    }

    /// Nothing is undocumented, down to the last field.
    async fn is_explained(&self) -> Result<()> {
        let version = format!("--api-version={}.krake.dev/v1alpha1", self.case.api);
        let text = self.kubectl.run(&["explain", &format!("{}.spec", self.case.plural), &version]).await?;
        ensure!(!text.contains("<no description>"), "{text}");
        Ok(())
    }

    /// The custom resource refers to a Secret, and holds nothing of it.
    async fn keeps_its_secret(&self, object: &Value) -> Result<()> {
        ensure!(!object.to_string().contains(SECRET), "the secret is in {object}");
        let Some(path) = self.case.reference else { return Ok(()) };
        let reference = object.pointer(path).with_context(|| format!("{path} is missing in {object}"))?;
        let name = reference["name"].as_str().context("a reference has a name")?;
        let secret = self.kubectl.json(&["-n", &self.namespace, "get", "secret", name]).await?;
        let encoded = data_encoding(SECRET);
        ensure!(secret["data"].to_string().contains(&encoded), "the secret is not in {name}");
        Ok(())
    }

    async fn replace_secret(&self) -> Result<()> {
        let name = self.name.as_str();
        let secret = self.kubectl.json(&["-n", &self.namespace, "get", "secret", name]).await?;
        let changed = secret["data"].to_string().replace(&data_encoding(SECRET), &data_encoding(NEW_SECRET));
        let patch = format!(r#"{{"data": {changed}}}"#);
        self.kubectl.run(&["-n", &self.namespace, "patch", "secret", name, "-p", &patch]).await.map(drop)
    }

    async fn make_secret(&self) -> Result<()> {
        let Some(data) = &self.case.secret else { return Ok(()) };
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": data,
            "metadata": { "name": self.name, "namespace": self.namespace },
        });
        if self.case.is_namespaced {
            self.kubectl.run(&["create", "namespace", &self.namespace]).await?;
        }
        self.kubectl.apply(&secret).await.map(drop)
    }
}

/// Everything in `expected` is in `shown`; what else is shown are defaults.
fn contains(shown: &Value, expected: &Value) -> Result<()> {
    if let (Value::Object(shown), Value::Object(expected)) = (shown, expected) {
        return expected.iter().try_for_each(|(name, value)| {
            contains(shown.get(name).unwrap_or(&Value::Null), value).context(name.clone())
        });
    }
    ensure!(shown == expected, "{shown} instead of {expected}");
    Ok(())
}

fn data_encoding(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn every_kind_made_through_rest_is_a_custom_resource() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    for case in &cases() {
        let scene = Scene::set(testbed, case)?;
        made_through_rest(&scene).await.with_context(|| format!("{} through REST", case.kind))?;
    }
    Ok(())
}

async fn made_through_rest(scene: &Scene<'_>) -> Result<()> {
    scene.rest.post(&scene.collection(), &scene.document()).await?.expect(200)?;
    scene.is_listed().await?;
    let object = scene.until_object("REST", |object| object["spec"]["labels"]["tier"] == "one").await?;
    contains(&object["spec"], &scene.case.object_without_reference())?;
    scene.keeps_its_secret(&object).await?;

    let mut wanted = scene.rest.get(&scene.path()).await?.expect(200)?;
    wanted["metadata"]["labels"]["tier"] = json!("two");
    scene.rest.put(&scene.path(), &wanted).await?.expect(200)?;
    scene.until_object("REST", |object| object["spec"]["labels"]["tier"] == "two").await?;

    scene.rest.delete(&scene.path()).await?.expect(200)?;
    scene.until_gone().await
}

#[tokio::test]
async fn every_kind_made_with_kubectl_is_in_rest() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    for case in &cases() {
        let scene = Scene::set(testbed, case)?;
        made_with_kubectl(&scene).await.with_context(|| format!("{} with kubectl", case.kind))?;
    }
    Ok(())
}

async fn made_with_kubectl(scene: &Scene<'_>) -> Result<()> {
    scene.make_secret().await?;
    if scene.case.is_namespaced && scene.case.secret.is_none() {
        scene.kubectl.run(&["create", "namespace", &scene.namespace]).await?;
    }
    scene.kubectl.apply(&scene.custom_resource()).await?;
    scene.until_rest("as applied", |object| object["metadata"]["labels"]["tier"] == "one").await?;
    scene.is_listed().await?;
    scene.has_columns().await?;
    scene.is_explained().await?;
    scene.keeps_its_secret(&scene.object().await?).await?;

    if scene.case.secret.is_some() {
        scene.replace_secret().await?;
        scene.until_rest("with the new secret", |object| object.to_string().contains(NEW_SECRET)).await?;
    }
    let edit = json!({ "spec": { "labels": { "tier": "two" } } }).to_string();
    let patch = ["-n", &scene.namespace, "patch", &scene.resource(), &scene.name, "--type=merge", "-p", &edit];
    scene.kubectl.run(&patch).await?;
    scene.until_rest("as edited", |object| object["metadata"]["labels"]["tier"] == "two").await?;

    let delete = ["-n", &scene.namespace, "delete", &scene.resource(), &scene.name, "--timeout=60s"];
    scene.kubectl.run(&delete).await?;
    scene.until_gone().await
}

#[tokio::test]
async fn the_tokens_of_hooks_are_in_a_secret_and_in_rest_but_in_no_custom_resource() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let stage = Stage::bare(testbed, "hooks")?;
    let (name, shop) = stage.application("shop");
    let mut shown = stage.rest.post(&shop.collection(), &shop.rest()).await?.expect(200)?;
    stage.until_object(APPLICATION, &name, |object| object["metadata"]["uid"].is_string()).await?;
    shown["status"]["complete_token"] = json!(SECRET);
    stage.rest.put(&format!("{}/status", shop.path()), &shown).await?.expect(200)?;

    let object =
        stage.until_object(APPLICATION, &name, |object| object["status"]["hookSecretRef"]["name"].is_string()).await?;
    ensure!(!object.to_string().contains(SECRET), "the token is in {object}");
    let secret = object["status"]["hookSecretRef"]["name"].as_str().context("a reference has a name")?;
    let secret = testbed.management_kubectl().json(&["-n", &stage.namespace, "get", "secret", secret]).await?;
    ensure!(secret["data"]["complete-token"] == data_encoding(SECRET), "the token is not in the Secret");
    let shown = stage.rest.get(&shop.path()).await?.expect(200)?;
    ensure!(shown["status"]["complete_token"] == SECRET, "{}", shown["status"]);
    Ok(())
}

#[tokio::test]
async fn credentials_that_rest_replaces_are_gone_from_the_secret_whoever_set_them() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let case =
        cases().into_iter().find(|case| case.kind == "InfrastructureProvider").context("there is such a case")?;
    let scene = Scene::set(testbed, &case)?;
    scene.rest.post(&scene.collection(), &scene.document()).await?.expect(200)?;
    let reference = "/spec/im/credentialsSecretRef/name";
    let object = scene.until_object("REST", |object| object.pointer(reference).is_some()).await?;
    let secret = object.pointer(reference).and_then(Value::as_str).context("a reference has a name")?;
    let patch = json!({ "stringData": { "password": NEW_SECRET } }).to_string();
    scene.kubectl.run(&["-n", &scene.namespace, "patch", "secret", secret, "-p", &patch]).await?;
    let mut wanted = scene.until_rest("with the new secret", |object| object.to_string().contains(NEW_SECRET)).await?;

    wanted["spec"]["im"] = json!({ "url": "http://im:8800", "token": SECRET });
    scene.rest.put(&scene.path(), &wanted).await?.expect(200)?;
    eventually("the Secret holds the token alone", SOON, async || {
        let held = scene.kubectl.json(&["-n", &scene.namespace, "get", "secret", secret]).await?;
        ensure!(held["data"] == json!({ "token": data_encoding(SECRET) }), "other keys are left");
        Ok(())
    })
    .await?;
    let shown = scene.rest.get(&scene.path()).await?.expect(200)?;
    ensure!(shown["spec"]["im"]["password"].is_null(), "the password is back");
    Ok(())
}
