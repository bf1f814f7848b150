//! kube-scheduler as a node of the control plane runs it: by the configuration that we ship, or what a document makes of it.

use std::path::Path;

use anyhow::{Result, ensure};
use netmarks_test_cluster::{ControlPlane, SchedulerOptions};

use super::release::NAMESPACE;
use super::scratch;
use super::setting::SCHEDULER;

/// A node's files, which are elsewhere here.
pub struct Node<'a> {
    plane: &'a ControlPlane,
    /// Paths there, and here.
    files: [(&'static str, String); 2],
}

impl<'a> Node<'a> {
    /// `netmarks` is the folder with the configuration and the certificates that kube-scheduler was given.
    pub fn new(plane: &'a ControlPlane, netmarks: &Path) -> Result<Self> {
        let files = [
            ("/etc/kubernetes/scheduler.conf", plane.kubeconfig_for(SCHEDULER)?.display().to_string()),
            ("/etc/kubernetes/netmarks", netmarks.display().to_string()),
        ];
        Ok(Self { plane, files })
    }

    /// A text that names files of the node, with where they are here.
    pub fn here(&self, text: &str) -> String {
        self.files.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// kube-scheduler with this configuration, which must name the node's files, and `extender` as the URL to ask.
    pub fn scheduler(&self, name: &str, config: &str, extender: &str) -> Result<SchedulerOptions> {
        for there in self.files.iter().map(|(there, _)| *there).chain([extender]) {
            ensure!(config.contains(there), "no {there} in {config}");
        }
        let port = self.plane.local_port(NAMESPACE, 9820)?;
        let config = self.here(config).replace(extender, &format!("https://127.0.0.1:{port}"));
        let config_file = Some(scratch(self.plane, &format!("{name}.yaml"), &config)?);
        Ok(SchedulerOptions { name: name.to_owned(), config_file, ..SchedulerOptions::default() })
    }
}
