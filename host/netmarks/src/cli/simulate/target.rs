//! The routing that a target placement is computed for, as a flag.

use clap::ValueEnum;
use netmarks_target_placement::TargetRouting;

/// [`TargetRouting`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum TargetRoutingName {
    /// To pods on the caller's node, where there are any
    #[default]
    Local,
    /// As the Services say, which spread them unless told otherwise
    ByService,
}

impl From<TargetRoutingName> for TargetRouting {
    fn from(name: TargetRoutingName) -> Self {
        match name {
            TargetRoutingName::Local => Self::Local,
            TargetRoutingName::ByService => Self::ByService,
        }
    }
}
