//! What a scoring policy for the NetMARKS extender is built with.
//!
//! A policy is a type without state that implements [`Policy`], and one line that makes a component of it. This
//! whole crate scores nodes by how much CPU they have left:
//!
//! ```
//! use netmarks_policy_sdk::{Need, Parameter, Policy, Request, export};
//!
//! struct Spread;
//!
//! impl Policy for Spread {
//!     const NAME: &'static str = "spread";
//!     const VERSION: &'static str = "1.0.0";
//!     const SUMMARY: &'static str = "Prefers nodes with idle CPU.";
//!     const NEEDS: &'static [Need] = &[Need::NodeCpuAllocatable, Need::NodeCpuRequested];
//!     const PARAMETERS: &'static [Parameter] =
//!         &[Parameter::number("reserve", "Cores to leave idle on every node.", 0.0, 0.0, 64.0)];
//!
//!     fn score(request: &Request) -> Result<Vec<f64>, String> {
//!         let reserve = request.parameters().number("reserve")?;
//!         let allocatable = request.numbers(Need::NodeCpuAllocatable)?;
//!         let requested = request.numbers(Need::NodeCpuRequested)?;
//!         let idle = allocatable.iter().zip(requested).map(|(all, used)| all - used - reserve);
//!         Ok(idle.take(request.candidates()).collect())
//!     }
//! }
//!
//! export!(Spread);
//! # fn main() {}
//! ```
//!
//! The contract itself, with the meaning and unit of everything a policy is told, is `wit/policy.wit`. The host runs
//! every call in a fresh instance: nothing that a policy keeps survives the call.

#[cfg(all(target_family = "wasm", target_os = "unknown", feature = "bump-allocator"))]
mod allocator;
pub mod bindings;
mod export;
pub mod log;
mod need;
mod parameter;
mod policy;
mod request;
pub mod testing;

pub use bindings::exports::netmarks::policy::scoring::Part;
pub use export::Exported;
pub use need::Need;
pub use parameter::{Kind, Parameter, Parameters};
pub use policy::Policy;
pub use request::{Peer, Request, RoundTrips};
