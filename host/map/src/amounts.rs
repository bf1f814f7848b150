//! Traffic by how far it goes.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::scene::Distance;

/// Bytes per second by how far they go; each byte is in one of the five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amounts {
    /// Both ends on one node.
    pub within_node: f64,
    /// To another node of the zone.
    pub within_zone: f64,
    /// To another zone of the region.
    pub across_zones: f64,
    /// To another region.
    pub across_regions: f64,
    /// With an end that has no pod on any node.
    pub unplaced: f64,
}

/// Bytes per second at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ends {
    /// Both ends are here.
    pub(crate) within: f64,
    /// One end is here.
    pub(crate) beyond: f64,
}

impl Ends {
    pub(crate) fn total(self) -> f64 {
        self.within + self.beyond
    }
}

impl Amounts {
    /// What goes from one node to another.
    #[must_use]
    pub fn beyond(&self) -> f64 {
        self.within_zone + self.across_zones + self.across_regions
    }

    /// What has both ends on nodes.
    #[must_use]
    pub fn placed(&self) -> f64 {
        self.within_node + self.beyond()
    }

    #[must_use]
    pub fn total(&self) -> f64 {
        self.placed() + self.unplaced
    }

    /// The share, 0 to 1, of what is placed that stays on its node; `None` where nothing is.
    #[must_use]
    pub fn local_share(&self) -> Option<f64> {
        let placed = self.placed();
        (placed > 0.0).then(|| self.within_node / placed)
    }

    /// The same, multiplied.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            within_node: self.within_node * factor,
            within_zone: self.within_zone * factor,
            across_zones: self.across_zones * factor,
            across_regions: self.across_regions * factor,
            unplaced: self.unplaced * factor,
        }
    }

    pub(crate) fn add(&mut self, distance: Distance, amount: f64) {
        let slot = match distance {
            Distance::Node => &mut self.within_node,
            Distance::Zone => &mut self.within_zone,
            Distance::Region => &mut self.across_zones,
            Distance::World => &mut self.across_regions,
        };
        *slot += amount;
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.within_node += other.within_node;
        self.within_zone += other.within_zone;
        self.across_zones += other.across_zones;
        self.across_regions += other.across_regions;
        self.unplaced += other.unplaced;
    }
}
