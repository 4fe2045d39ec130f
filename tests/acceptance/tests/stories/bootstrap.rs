//! What the bootstrap tool writes is there before anybody can use the API; what it cannot write leaves no trace.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use krake_acceptance::SOON;
use krake_testbed::{
    Testbed,
    alone::Alone,
    binaries,
    etcd::Etcd,
    eventually,
    facade::{Facade, FacadeOptions},
    rest::Rest,
    unique,
};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// An etcd, and a facade to look through.
struct Ground {
    rest: Rest,
    _facade: Facade,
    // Last, because the facade writes to its folder.
    alone: Alone,
}

impl Ground {
    async fn lay() -> Result<Option<Self>> {
        let Some(alone) = Alone::start().await? else { return Ok(None) };
        let options = FacadeOptions { name: "api-facade".to_owned(), ..FacadeOptions::default() };
        let facade = alone.facade(options).await?;
        Ok(Some(Self { rest: facade.rest()?, _facade: facade, alone }))
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.alone.dir().join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// `krake-api-facade bootstrap` on this etcd.
    async fn bootstrap(&self, args: &[&str], input: &str) -> Result<Told> {
        bootstrap(&self.alone.etcd, args, input).await
    }

    async fn uid(&self, path: &str) -> Result<Value> {
        Ok(self.rest.get(path).await?.expect(200)?["metadata"]["uid"].clone())
    }
}

async fn bootstrap(etcd: &Etcd, args: &[&str], input: &str) -> Result<Told> {
    let mut command = program()?;
    command.args(["bootstrap", "--etcd-endpoints", &etcd.endpoint()]).args(args);
    run(command, input).await
}

fn program() -> Result<Command> {
    Ok(Command::new(binaries::path(binaries::API_FACADE)?))
}

/// How a run ended, and what it said.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    output: String,
    complaint: String,
}

impl Told {
    fn succeeded(self) -> Result<String> {
        ensure!(self.code == Some(0) && self.complaint.is_empty(), "{self:?}");
        Ok(self.output)
    }

    fn failed(self) -> Result<String> {
        ensure!(self.code == Some(1), "{self:?}");
        Ok(self.complaint)
    }
}

async fn run(mut command: Command, input: &str) -> Result<Told> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("start the bootstrap tool")?;
    child.stdin.take().context("its input")?.write_all(input.as_bytes()).await?;
    let Output { status, stdout, stderr } = child.wait_with_output().await?;
    Ok(Told { code: status.code(), output: String::from_utf8(stdout)?, complaint: String::from_utf8(stderr)? })
}

fn role(name: &str) -> String {
    format!("api: core\nkind: Role\nmetadata: {{name: '{name}'}}\nrules: []\n---\n")
}

fn reference(name: &str) -> String {
    format!("Role(api='core', namespace='None', name='{name}')")
}

#[tokio::test]
async fn the_default_roles_are_written_once() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let output = ground.bootstrap(&["--default-roles"], "").await?.succeeded()?;
    let lines: Vec<_> = output.lines().collect();
    assert_eq!((lines[0], lines.len()), ("Resources added to database:", 1 + 18));
    assert_eq!(lines[1], format!(" * {}", reference("role:system")));

    let roles = ground.rest.get("/core/roles").await?.expect(200)?;
    assert_eq!(roles["items"].as_array().map(Vec::len), Some(9));
    let binding = ground.rest.get("/core/rolebindings/rolebinding:system").await?.expect(200)?;
    assert_eq!(binding["users"][0], "system:admin");

    let complaint = ground.bootstrap(&["--default-roles"], "").await?.failed()?;
    let present = "with error: ResourcePresentException('Resource already present in database')";
    assert_eq!(complaint.matches(present).count(), 18);
    assert!(
        complaint.contains("In file '<default roles>':\n * Role(api='core', namespace='None', name='role:system'), ")
    );
    assert_eq!(ground.uid("/core/rolebindings/rolebinding:system").await?, binding["metadata"]["uid"]);

    let mut printed = program()?;
    printed.args(["bootstrap", "--print-default-roles"]);
    let printed = run(printed, "").await?.succeeded()?;
    ground.bootstrap(&["--force", "-"], &printed).await?.succeeded()?;
    assert_ne!(ground.uid("/core/rolebindings/rolebinding:system").await?, binding["metadata"]["uid"]);
    Ok(())
}

#[tokio::test]
async fn metrics_from_standard_input_are_what_the_api_would_have_stored() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let spec = "{allowed_values: [], min: 0, max: 1, provider: {name: p, metric: m}}";
    let document = format!("{{api: core, kind: Metric, metadata: {{name: a, namespace: n, uid: mine}}, spec: {spec}}}");
    let output = ground.bootstrap(&["-"], &document).await?.succeeded()?;
    assert_eq!(output, "Resources added to database:\n * Metric(api='core', namespace='n', name='a')\n");

    let metric = ground.rest.get("/core/namespaces/n/metrics/a").await?.expect(200)?;
    assert_ne!(metric["metadata"]["uid"], "mine");
    assert_eq!(metric["metadata"]["created"], metric["metadata"]["modified"]);
    assert_eq!(metric["spec"]["max"], 1.0);
    Ok(())
}

#[tokio::test]
async fn one_bad_document_in_any_file_and_nothing_is_written() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let good = ground.file("good.yaml", &role("good"))?;
    let bad = ground
        .file("bad.yaml", "api: core\nkind: Role\nmetadata: {name: bad}\n---\n[no, resource]\n---\n{kind: x}\n")?;
    let broken = ground.file("broken.yaml", "{")?;
    let [good, bad, broken] = [&good, &bad, &broken].map(|path| path.to_string_lossy().into_owned());

    let complaint = ground.bootstrap(&[&good, &bad, &broken, "absent.yaml"], "").await?.failed()?;
    let expected = [
        "#############".to_owned(),
        "The following could not be added:".to_owned(),
        format!("In file '{good}':"),
        format!("In file '{bad}':"),
        " * kind: 'Role', api: 'core', namespace: 'MISSING', name: 'bad', \
         with error: ValidationError({'rules': ['Missing data for required field.']})"
            .to_owned(),
    ];
    assert_eq!(complaint.lines().take(5).collect::<Vec<_>>(), expected);
    for (place, part) in [
        ("document 2", "ValueError('The document is not a resource.')"),
        ("kind: 'x', api: 'MISSING', namespace: 'MISSING', name: 'MISSING'", "could not be found"),
        ("the file", "not valid YAML"),
        ("the file", "cannot be read"),
    ] {
        let starts = format!(" * {place}, with error: ");
        assert!(complaint.lines().any(|line| line.starts_with(&starts) && line.contains(part)), "{complaint}");
    }
    assert!(complaint.ends_with("#############\nRollback to previous state has been performed:\n"), "{complaint}");
    ground.rest.get("/core/roles/good").await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn force_replaces_a_role_and_a_watch_sees_one_go_and_another_come() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let file = ground.file("role.yaml", &role("role:a"))?.to_string_lossy().into_owned();
    ground.bootstrap(&[&file], "").await?.succeeded()?;
    let before = ground.uid("/core/roles/role:a").await?;
    let mut watch = ground.rest.watch("/core/roles").await?;

    ground.bootstrap(&[&file], "").await?.failed()?;
    assert_eq!(ground.uid("/core/roles/role:a").await?, before);

    ground.bootstrap(&["-f", &file], "").await?.succeeded()?;
    let gone = watch.until(SOON, |event| event.kind == "DELETED").await?;
    let come = watch.until(SOON, |event| event.kind == "ADDED" && event.object["metadata"]["uid"] != before).await?;
    assert_eq!(gone.object["metadata"]["uid"], before);
    assert_eq!(ground.uid("/core/roles/role:a").await?, come.object["metadata"]["uid"]);
    Ok(())
}

#[tokio::test]
async fn a_replaced_role_is_another_one_behind_both_doors() -> Result<()> {
    let Some(testbed) = Testbed::shared().await? else { return Ok(()) };
    let (rest, name) = (testbed.rest()?, unique("bootstrapped"));
    let path = format!("/core/roles/{name}");
    let shown_by_kubectl = async || {
        let stored = rest.get(&path).await?.expect(200)?;
        eventually(&format!("kubectl shows the role {name} that REST shows"), SOON, async || {
            let object = testbed.management_kubectl().json(&["get", "roles.core.krake.dev", &name]).await?;
            let metadata = &object["metadata"];
            ensure!(metadata["annotations"]["krake.dev/uid"] == stored["metadata"]["uid"], "{metadata}");
            Ok(metadata["uid"].clone())
        })
        .await
    };

    bootstrap(&testbed.fleet.etcd, &["-"], &role(&name)).await?.succeeded()?;
    let before = shown_by_kubectl().await?;
    bootstrap(&testbed.fleet.etcd, &["--force", "-"], &role(&name)).await?.succeeded()?;
    assert_ne!(shown_by_kubectl().await?, before);
    Ok(())
}

#[tokio::test]
async fn what_etcd_refuses_takes_everything_back() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    ground.bootstrap(&["-"], &role("old")).await?.succeeded()?;
    let before = ground.rest.get("/core/roles/old").await?.expect(200)?;
    // Every character becomes six in JSON: more than etcd takes.
    let huge = format!(
        "{{api: core, kind: RoleBinding, metadata: {{name: huge}}, users: ['{}'], roles: []}}",
        "é".repeat(400_000)
    );
    let documents = [role("new"), role("old"), huge].concat();

    let told = ground.bootstrap(&["--force", "-"], &documents).await?;
    let added = format!("Resources added to database:\n * {}\n * {}\n", reference("new"), reference("old"));
    assert_eq!(told.output, added);
    let complaint = told.failed()?;
    assert!(
        complaint
            .contains("In file '<stdin>':\n * RoleBinding(api='core', namespace='None', name='huge'), with error: ")
    );
    let rollback = format!(
        "Rollback to previous state has been performed:\n \
         * Resource {} added has been removed.\n * Resource {} has been restored to previous state.\n",
        reference("new"),
        reference("old")
    );
    assert!(complaint.ends_with(&rollback), "{complaint}");
    ground.rest.get("/core/roles/new").await?.expect(404)?;
    assert_eq!(ground.rest.get("/core/roles/old").await?.expect(200)?, before);
    Ok(())
}

#[tokio::test]
async fn a_flag_comes_before_the_environment_and_the_environment_before_the_file() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let endpoint = ground.alone.etcd.endpoint();
    let settings = |etcd: &str| format!("{{etcd: {{endpoints: ['{etcd}'], timeout-seconds: 1}}}}");
    let right = ground.file("right.yaml", &settings(&endpoint))?;
    let wrong = ground.file("wrong.yaml", &settings(NOWHERE))?;
    let tool = |config: &PathBuf, variable: Option<&str>, flag: Option<&str>| -> Result<Command> {
        let mut command = program()?;
        command.arg("--config").arg(config).args(["bootstrap", "-f", "-"]);
        command.envs(variable.map(|etcd| ("KRAKE_ETCD_ENDPOINTS", etcd.to_owned())));
        command.args(flag.into_iter().flat_map(|etcd| ["--etcd-endpoints", etcd]));
        Ok(command)
    };
    for (config, variable, flag) in [
        (&right, None, None),
        (&wrong, Some(endpoint.as_str()), None),
        (&wrong, Some(NOWHERE), Some(endpoint.as_str())),
    ] {
        run(tool(config, variable, flag)?, &role("a")).await?.succeeded()?;
    }
    for (config, variable, flag) in
        [(&wrong, None, None), (&right, Some(NOWHERE), None), (&right, Some(endpoint.as_str()), Some(NOWHERE))]
    {
        let complaint = run(tool(config, variable, flag)?, &role("a")).await?.failed()?;
        assert!(complaint.contains("etcd is not available"), "{complaint}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_configuration_ends_the_program_with_all_that_is_wrong() -> Result<()> {
    let Some(ground) = Ground::lay().await? else { return Ok(()) };
    let file = ground.file("api.yaml", "host: localhost\netcd:\n  prot: 1\nauthorization: ABAC\n")?;
    let mut command = program()?;
    command.arg("--config").arg(&file);
    let complaint = run(command, "").await?.failed()?;
    let lines: Vec<_> = complaint.lines().collect();
    assert_eq!((lines[0], lines.len()), ("Parsing configuration failed with error(s):", 3));
    for (field, part, place) in [
        ("authorization", "Unknown authorization strategy 'ABAC'", "line 4, column 1"),
        ("etcd.prot", "unknown key", "line 3, column 3"),
    ] {
        let starts = format!(" - field '{field}': ");
        let line = lines.iter().find(|line| line.starts_with(&starts)).context(complaint.clone())?;
        assert!(line.contains(part) && line.contains(place), "{complaint}");
    }
    Ok(())
}
