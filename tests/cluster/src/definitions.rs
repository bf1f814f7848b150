//! Installing the definitions (CRDs) of others.

use crate::control_plane::ControlPlane;
use anyhow::Result;
use netmarks_test_tools::definitions;

impl ControlPlane {
    /// Installs the definitions of cert-manager and the Prometheus operator.
    pub fn install_definitions(&self) -> Result<()> {
        for file in definitions()? {
            self.kubectl(&["create", "-f", &file.to_string_lossy()])?;
        }
        self.kubectl(&["wait", "customresourcedefinitions", "--all", "--for=condition=Established"])?;
        Ok(())
    }
}
