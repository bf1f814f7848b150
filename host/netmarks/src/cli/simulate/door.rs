//! How policies are asked: the flags, and the settings behind them.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use netmarks_simulator::PolicyDoor;

use crate::config::load::{Flags, environment, load};

/// A door by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum DoorName {
    /// kube-scheduler asks, while it schedules
    #[default]
    Extender,
    /// The API server asks, as a pod is created; the answer is preferred node affinity
    Admission,
}

/// Where the settings of the doors are.
#[derive(Debug, clap::Args)]
pub(in super::super) struct DoorConfig {
    /// With `--door admission`: a configuration file, for its section `admission`
    #[arg(long, value_name = "FILE")]
    admission_config: Option<PathBuf>,
}

impl DoorConfig {
    /// # Errors
    /// If the configuration is needed and cannot be used.
    pub(in super::super) fn door(&self, name: DoorName) -> Result<PolicyDoor> {
        Ok(match name {
            DoorName::Extender => PolicyDoor::Extender,
            DoorName::Admission => {
                let config = load(self.admission_config.as_deref(), &environment(), &Flags::default())?;
                PolicyDoor::Admission(Box::new(config.config.admission))
            }
        })
    }
}
