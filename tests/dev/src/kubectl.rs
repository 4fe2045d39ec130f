//! `./dev kubectl`: kubectl with the right kubeconfig.

use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{args::KubectlOptions, env_file::EnvFile, pass_on};

pub(crate) async fn run(options: KubectlOptions) -> Result<ExitCode> {
    let env = EnvFile::read()?;
    let kubeconfig = match &options.target {
        None => env.get("MANAGEMENT_KUBECONFIG")?,
        Some(target) => find_target(&env, target)?,
    };
    let status = Command::new(env.get("KUBECTL")?)
        .args(&options.args)
        .env("KUBECONFIG", kubeconfig)
        .status()
        .await
        .context("run kubectl")?;
    Ok(pass_on(status))
}

/// The kubeconfig of a target that is given as `target-2` or `2`.
fn find_target<'a>(env: &'a EnvFile, target: &str) -> Result<&'a str> {
    let count = env.targets().count();
    let number: Option<usize> = target.strip_prefix("target-").unwrap_or(target).parse().ok();
    number
        .and_then(|number| env.targets().nth(number.checked_sub(1)?))
        .with_context(|| format!("there is no target {target}: there are {count}, called target-1, target-2, …"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_name_and_a_number() {
        let mut env = EnvFile::default();
        env.set("TARGET_1_KUBECONFIG", "one");
        env.set("TARGET_2_KUBECONFIG", "two");
        assert_eq!(find_target(&env, "target-2").unwrap(), "two");
        assert_eq!(find_target(&env, "1").unwrap(), "one");
        for unknown in ["0", "3", "target-", "edge"] {
            assert!(find_target(&env, unknown).is_err(), "{unknown}");
        }
    }
}
