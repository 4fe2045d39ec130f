//! The programs of Kubernetes: where they are found, or how they come to be.
//!
//! They are looked for in `KUBEBUILDER_ASSETS` (any envtest installation; each program by itself, because most of them
//! hold only etcd, kube-apiserver and kubectl), then in the cache, and are built with Go as the last resort.

mod go;
mod module;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::progress::Progress;
use module::{control_plane, kwok};

/// Programs of the control plane, in the order of a start.
pub const CONTROL_PLANE: [&str; 5] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];

/// Where the programs of Kubernetes are.
#[derive(Clone, Debug)]
pub struct Assets {
    given: Option<PathBuf>,
    control_plane: Option<PathBuf>,
    kwok: PathBuf,
}

impl Assets {
    /// Finds the programs, and builds what is missing. Later calls find it at once.
    ///
    /// # Errors
    /// When something has to be built and cannot be: no Go, no network, or a failed build.
    pub async fn find_or_build(progress: Progress) -> Result<Self> {
        let given = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from).filter(|dir| dir.is_dir());
        let is_complete = given.as_deref().is_some_and(|dir| CONTROL_PLANE.iter().all(|name| dir.join(name).exists()));
        let control_plane = if is_complete { None } else { Some(control_plane()?.find_or_build(progress).await?) };
        let kwok = match given.as_ref().map(|dir| dir.join("kwok")).filter(|path| path.exists()) {
            Some(kwok) => kwok,
            None => kwok().find_or_build(progress).await?.join("kwok"),
        };
        Ok(Self { given, control_plane, kwok })
    }

    /// The path of one of [`CONTROL_PLANE`].
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let given = self.given.as_ref().map(|dir| dir.join(name)).filter(|path| path.exists());
        given.unwrap_or_else(|| self.dir().join(name))
    }

    /// The path of kwok.
    #[must_use]
    pub fn kwok(&self) -> &Path {
        &self.kwok
    }

    /// The folder that other tools know as `KUBEBUILDER_ASSETS`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.control_plane.as_deref().or(self.given.as_deref()).unwrap_or_else(|| Path::new(""))
    }
}
