//! kube-scheduler's filters and scores as pure functions: where could a pod run, and where would it?
//!
//! A [`Cluster`] holds nodes and how many pods of each kind are on them. A [`Pod`] is compiled once into a
//! template; pods that differ in nothing but their name share one. The questions are functions:
//! [`Cluster::feasible`] says which nodes a pod could run on, and why not on the others; a [`Scheduler`] decides as
//! kube-scheduler 1.36 does with its default profile, and answers with the scores of each plugin. A [`LiveCluster`] is a
//! cluster that follows the events of a watch.
//!
//! `docs/scheduler-model.md` lists what is modelled, what is left out, and how the model is held to the real program.

#![forbid(unsafe_code)]

mod cluster;
mod compile;
mod counts;
mod filter;
mod left_out;
mod live;
mod node;
mod node_affinity;
mod node_rules;
mod node_sets;
mod objects;
mod order;
mod pod;
mod reason;
mod requests;
mod resources;
mod scheduler;
mod scope;
mod score;
mod selector;
mod spreading;
mod taints;
mod template;
mod topology;
mod volumes;

pub use cluster::Cluster;
pub use filter::Feasibility;
pub use left_out::LeftOut;
pub use live::{FeasibleNodes, LiveCluster};
pub use node::Node;
pub use node_affinity::PreferredTerms;
pub use objects::{Owner, Service, Workload, owners};
pub use pod::{HostPort, Pod, PodScheduling, Volume};
pub use reason::Reason;
pub use resources::ResourceList;
pub use scheduler::{ExtenderScores, PluginScores, Scheduler, SchedulerDecision, SchedulerOptions};
pub use score::Plugin;
pub use selector::selects;
pub use template::TemplateId;
