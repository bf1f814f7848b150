//! Who talks to whom, across which boundary: one moment of a cluster as figures for people, and the last hour of such moments.
//!
//! A [`Scene`] is the moment. From it are made [`MapView`], [`ApplicationView`] and [`NodeView`], bounded however large the cluster
//! is, and [`by_namespace`]. [`History`] keeps scenes as what changed from one to the next. Every byte is counted once: see
//! [`Amounts`].
//!
//! Nothing here does I/O, and nothing scores. The types of the answers are those of the API.
#![forbid(unsafe_code)]

mod amounts;
mod applications;
mod columns;
mod encoding;
mod filter;
mod history;
mod map;
mod moment;
mod namespaces;
mod node;
mod pairs;
mod scene;
mod split;
mod tally;
mod text;

pub use amounts::Amounts;
pub use applications::{
    ApplicationList, ApplicationNode, ApplicationRow, ApplicationView, ListQuery, Peer, Sort,
};
pub use columns::NodeColumns;
pub use filter::Filter;
pub use history::{Frame, History};
pub use map::{MapQuery, MapView, NodeFlows, Placements, ZoneFlow, ZoneView};
pub use namespaces::{NamespaceAmounts, by_namespace};
pub use node::{FlowWithin, NodeApplication, NodeFlow, NodePeer, NodeView, Room};
pub use scene::{Distance, Flow, Node, PlaceNames, Placed, Scene, SceneApplication, Zone};
pub use text::{LONGEST_NAME, shortened};
