//! A real Kubernetes cluster: etcd, kube-apiserver and kube-controller-manager; on a target also kube-scheduler and
//! kwok, which plays one node and the pods on it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use rand::RngExt;
use serde_json::json;

use crate::{
    assets::Assets,
    etcd::{Durability, Etcd},
    kubeconfig::Kubeconfig,
    kubectl::Kubectl,
    port::{reserve, retry_on_collision},
    process::{Process, ProcessGroup, Program},
    project,
};

const READY_WITHIN: Duration = Duration::from_mins(1);

/// The name of the one node of a target cluster.
pub const NODE: &str = "node-1";

/// What a cluster is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Holds Krake's custom resources; runs no pods.
    Management,
    /// Runs applications.
    Target,
}

/// A Kubernetes cluster whose programs are child processes.
#[derive(Debug)]
pub struct Cluster {
    /// Its own etcd.
    pub etcd: Etcd,
    /// Its API server, for faults: pause it, kill it, start it again.
    pub api_server: Process,
    /// Its controllers.
    pub controller_manager: Process,
    /// Puts pods on nodes. Only on a target cluster.
    pub scheduler: Option<Process>,
    /// Plays node and pods. Only on a target cluster.
    pub kwok: Option<Process>,
    name: String,
    kubeconfig: Kubeconfig,
    kubeconfig_path: PathBuf,
    kubectl: Kubectl,
}

/// What the start of every cluster of a fleet needs.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Where the programs are.
    pub assets: Assets,
    /// The process group that they join.
    pub group: Arc<ProcessGroup>,
    /// The folder below which every component keeps its data.
    pub data: PathBuf,
    /// What a crash of the machine may cost.
    pub durability: Durability,
}

impl Cluster {
    /// Starts a cluster and waits until it can be used: the API server answers and, on a target, the node is ready.
    ///
    /// # Errors
    /// When a program cannot be started or the cluster is not ready in time.
    pub async fn start(name: &str, role: Role, ground: &Ground) -> Result<Self> {
        let dir = ground.data.join(name);
        std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
        let Ground { assets, group, durability, .. } = ground;
        let etcd = Etcd::start("etcd", assets, group, &dir.join("etcd"), *durability).await?;
        let (api_server, kubeconfig) = start_api_server(name, &etcd, ground, &dir).await?;
        let kubeconfig_path = ground.data.join(format!("{name}.kubeconfig"));
        kubeconfig.write(&kubeconfig_path)?;
        let start = |program: Program| Process::start(program, group, &dir);
        let is_target = role == Role::Target;
        let cluster = Self {
            controller_manager: start(controller_manager(assets, &kubeconfig_path, &dir))?,
            scheduler: is_target.then(|| start(scheduler(assets, &kubeconfig_path))).transpose()?,
            kwok: is_target.then(|| start(kwok(assets, &kubeconfig_path))).transpose()?,
            etcd,
            api_server,
            name: name.to_owned(),
            kubectl: Kubectl::new(assets.program("kubectl"), &kubeconfig_path),
            kubeconfig,
            kubeconfig_path,
        };
        if is_target {
            cluster.make_node().await?;
        }
        Ok(cluster)
    }

    /// Its name, e.g. `target-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The administrator's kubeconfig, which is also what a user registers with Krake.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// The file that holds [`Self::kubeconfig`].
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// A new client with the administrator's rights.
    ///
    /// # Errors
    /// When the certificate authority cannot be used.
    pub async fn client(&self) -> Result<Client> {
        self.kubeconfig.client().await
    }

    /// kubectl with the administrator's rights.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Every process of the cluster.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        [&self.etcd.process, &self.api_server, &self.controller_manager]
            .into_iter()
            .chain(&self.scheduler)
            .chain(&self.kwok)
    }

    /// Waits until the API server answers, e.g. after it was killed and started again.
    ///
    /// # Errors
    /// When the process ends or the deadline passes.
    pub async fn ready(&self) -> Result<()> {
        answers(&self.api_server, &self.kubeconfig).await
    }

    /// Makes the node, and waits until pods can run on it.
    async fn make_node(&self) -> Result<()> {
        let client = self.client().await?;
        let nodes: Api<Node> = Api::all(client.clone());
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE } });
        nodes.patch(NODE, &PatchParams::apply("krake-testbed"), &Patch::Apply(&node)).await.context("make the node")?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        let player = self.kwok.as_ref().unwrap_or(&self.controller_manager);
        player
            .ready(READY_WITHIN, async || {
                ensure!(is_node_ready(&nodes.get(NODE).await?), "{NODE} of {} is not ready", self.name);
                accounts.get("default").await.context("find the service account that pods use")?;
                Ok(())
            })
            .await
    }
}

fn is_node_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let is_ready = conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    // The taint that keeps pods away from a new node goes a moment after the node has become ready.
    let is_tainted = node.spec.as_ref().and_then(|spec| spec.taints.as_ref()).is_some_and(|taints| !taints.is_empty());
    is_ready && !is_tainted
}

async fn start_api_server(name: &str, etcd: &Etcd, ground: &Ground, dir: &Path) -> Result<(Process, Kubeconfig)> {
    let token = administrator_token(&dir.join("tokens.csv"))?;
    retry_on_collision(async || {
        let port = reserve(&dir.join("port"))?;
        let program = api_server(&ground.assets, &etcd.endpoint(), port, dir);
        let process = Process::start(program, &ground.group, dir)?;
        let certificate = dir.join("certs/apiserver.crt");
        let authority = process
            .ready(READY_WITHIN, async || {
                let pem = std::fs::read_to_string(&certificate).context("read the server's certificate")?;
                // The server creates the file first and fills it then.
                ensure!(pem.trim_end().ends_with("-----END CERTIFICATE-----"), "the certificate is not written yet");
                Ok(pem)
            })
            .await?;
        let kubeconfig = Kubeconfig::with_token(name, &format!("https://127.0.0.1:{port}"), &authority, &token);
        answers(&process, &kubeconfig).await?;
        Ok((process, kubeconfig))
    })
    .await
}

async fn answers(api_server: &Process, kubeconfig: &Kubeconfig) -> Result<()> {
    api_server
        .ready(READY_WITHIN, async || {
            let request = ::http::Request::get("/readyz").body(Vec::new()).context("build a request")?;
            kubeconfig.client().await?.request_text(request).await.context("ask whether the API server is ready")?;
            Ok(())
        })
        .await
}

/// Reads the administrator's token, or makes one.
fn administrator_token(file: &Path) -> Result<String> {
    if let Some((token, _)) = std::fs::read_to_string(file).ok().as_deref().and_then(|line| line.split_once(',')) {
        return Ok(token.to_owned());
    }
    let token = format!("{:032x}", rand::rng().random::<u128>());
    std::fs::write(file, format!("{token},admin,admin,system:masters\n"))
        .with_context(|| format!("write {}", file.display()))?;
    Ok(token)
}

/// The server makes its own certificate; the certificate's key also signs the tokens of service accounts.
fn api_server(assets: &Assets, etcd: &str, port: u16, dir: &Path) -> Program {
    let certs = dir.join("certs");
    let key = certs.join("apiserver.key");
    Program::new("kube-apiserver", assets.program("kube-apiserver"))
        .flag("etcd-servers", etcd)
        .flag("bind-address", "127.0.0.1")
        // These two let it start on a machine without a default route.
        .flag("advertise-address", "127.0.0.1")
        .flag("endpoint-reconciler-type", "none")
        .flag("secure-port", port)
        .flag("cert-dir", certs.display())
        .flag("service-cluster-ip-range", "10.0.0.0/24")
        .flag("allow-privileged", true)
        .flag("authorization-mode", "RBAC")
        .flag("token-auth-file", dir.join("tokens.csv").display())
        .flag("service-account-issuer", "https://kubernetes.default.svc")
        .flag("service-account-key-file", key.display())
        .flag("service-account-signing-key-file", key.display())
}

fn controller_manager(assets: &Assets, kubeconfig: &Path, dir: &Path) -> Program {
    let certs = dir.join("certs");
    Program::new("kube-controller-manager", assets.program("kube-controller-manager"))
        .flag("kubeconfig", kubeconfig.display())
        .flag("leader-elect", false)
        .flag("secure-port", 0)
        .flag("root-ca-file", certs.join("apiserver.crt").display())
        .flag("service-account-private-key-file", certs.join("apiserver.key").display())
        // The defaults are meant for one cluster per machine; a test makes and deletes a lot at once.
        .flag("kube-api-qps", 200)
        .flag("kube-api-burst", 400)
}

fn scheduler(assets: &Assets, kubeconfig: &Path) -> Program {
    Program::new("kube-scheduler", assets.program("kube-scheduler"))
        .flag("kubeconfig", kubeconfig.display())
        .flag("leader-elect", false)
        .flag("secure-port", 0)
}

fn kwok(assets: &Assets, kubeconfig: &Path) -> Program {
    Program::new("kwok", assets.kwok())
        .flag("kubeconfig", kubeconfig.display())
        .flag("config", project::root().join("tests/cluster/kwok/stages.yaml").display())
        .flag("manage-all-nodes", true)
        .flag("node-lease-duration-seconds", 40)
        .flag("node-ip", "127.0.0.1")
        .flag("cidr", "10.64.0.1/16")
        .flag("server-address", "")
}
