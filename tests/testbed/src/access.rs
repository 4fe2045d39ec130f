//! What the operator and the facade find on a management cluster in production: the custom resource definitions, and
//! for each of the two a service account with the chart's roles. The testbed's own rights never reach them, so every
//! test also proves that the roles suffice.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use futures::future::{try_join_all, try_join3};
use k8s_openapi::{
    api::{
        authentication::v1::{TokenRequest, TokenRequestSpec},
        core::v1::{Namespace, ServiceAccount},
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams, PostParams},
    runtime::wait::{await_condition, conditions::is_crd_established},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{kubeconfig::Kubeconfig, project};

/// The namespace of the operator's and the facade's service accounts and leases.
pub const SYSTEM_NAMESPACE: &str = "krake-system";

/// Long enough that no development stack outlives it.
const TOKEN_SECONDS: i64 = 365 * 24 * 3600;

const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);

/// Who gets an account, and the file of the chart that says what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The operator.
    Operator,
    /// The REST facade.
    ApiFacade,
}

impl Account {
    /// The name of the account and of the file with its roles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::ApiFacade => "api-facade",
        }
    }
}

/// Installs the definitions and makes the two service accounts on a management cluster; gives the kubeconfig files of
/// the operator and the facade, which are written to `dir`.
///
/// # Errors
/// When the API server refuses something.
pub async fn prepare(administrator: &Kubeconfig, dir: &Path) -> Result<[PathBuf; 2]> {
    let client = administrator.client().await?;
    make_system_namespace(&client).await?;
    let ((), operator, api_facade) = try_join3(
        install_definitions(&client),
        grant(administrator, &client, Account::Operator),
        grant(administrator, &client, Account::ApiFacade),
    )
    .await?;
    let paths =
        [Account::Operator, Account::ApiFacade].map(|account| dir.join(format!("{}.kubeconfig", account.name())));
    for (kubeconfig, path) in [operator, api_facade].iter().zip(&paths) {
        kubeconfig.write(path)?;
    }
    Ok(paths)
}

/// Installs the custom resource definitions from the chart and waits until they can be used.
async fn install_definitions(client: &Client) -> Result<()> {
    let mut definitions: Vec<CustomResourceDefinition> = Vec::new();
    let dir = project::root().join("charts/krake/crds");
    for entry in std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))? {
        let path = entry?.path();
        for document in read_documents(&path)? {
            definitions.push(understand(document, &path)?);
        }
    }
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    try_join_all(definitions.iter().map(async |definition| {
        let name = name_of(definition);
        apply(&api, name, definition).await?;
        let established = await_condition(api.clone(), name, is_crd_established());
        tokio::time::timeout(ESTABLISHED_WITHIN, established)
            .await
            .with_context(|| format!("{name} is not established"))?
            .with_context(|| format!("wait for {name}"))
    }))
    .await?;
    Ok(())
}

/// Makes the namespace of the system.
async fn make_system_namespace(client: &Client) -> Result<()> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": SYSTEM_NAMESPACE } });
    apply(&Api::<Namespace>::all(client.clone()), SYSTEM_NAMESPACE, &namespace).await
}

/// Makes a service account with the chart's roles for it, and gives a kubeconfig with a token of that account.
async fn grant(administrator: &Kubeconfig, client: &Client, account: Account) -> Result<Kubeconfig> {
    let name = account.name();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let object = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } });
    apply(&accounts, name, &object).await?;
    bind_roles(client, name).await?;
    let request = TokenRequest {
        spec: Some(TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() }),
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .with_context(|| format!("ask for a token of {name}"))?;
    let token = answer.status.and_then(|status| status.token).context("find the token in the answer")?;
    administrator.for_user(name, &token)
}

/// Applies the two roles of an account's file, and binds them to it.
async fn bind_roles(client: &Client, account: &str) -> Result<()> {
    let path = project::root().join(format!("charts/krake/rbac/{account}.yaml"));
    let [cluster_role, role]: [Value; 2] = read_documents(&path)?
        .try_into()
        .map_err(|roles: Vec<_>| anyhow!("{} holds {} documents instead of two", path.display(), roles.len()))?;
    let cluster_role: ClusterRole = understand(cluster_role, &path)?;
    let name = name_of(&cluster_role);
    apply(&Api::<ClusterRole>::all(client.clone()), name, &cluster_role).await?;
    let bindings = Api::<ClusterRoleBinding>::all(client.clone());
    apply(&bindings, name, &binding("ClusterRole", name, account)).await?;
    let role: Role = understand(role, &path)?;
    let name = name_of(&role);
    apply(&Api::<Role>::namespaced(client.clone(), SYSTEM_NAMESPACE), name, &role).await?;
    let bindings = Api::<RoleBinding>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    apply(&bindings, name, &binding("Role", name, account)).await
}

/// Gives the role called `name`, which is of this kind, to an account.
fn binding(kind: &str, name: &str, account: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{kind}Binding"),
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": SYSTEM_NAMESPACE }],
    })
}

fn name_of<K: Resource>(object: &K) -> &str {
    object.meta().name.as_deref().unwrap_or_default()
}

async fn apply<K>(api: &Api<K>, name: &str, object: &(impl Serialize + Debug)) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned,
{
    let parameters = PatchParams::apply("krake-testbed").force();
    api.patch(name, &parameters, &Patch::Apply(object)).await.with_context(|| format!("apply {name}"))?;
    Ok(())
}

fn read_documents(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).with_context(|| format!("parse {}", path.display())))
        .collect()
}

fn understand<T: DeserializeOwned>(document: Value, path: &Path) -> Result<T> {
    serde_json::from_value(document).with_context(|| format!("understand {}", path.display()))
}
