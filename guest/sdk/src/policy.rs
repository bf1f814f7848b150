//! Holds [`Policy`], the one trait that an author implements.

use crate::{Need, Parameter, Parameters, Part, Request};

/// A scoring policy: what it is, what it wants to be told, and how it scores.
///
/// Everything is constant or a function without `self`: the host calls each function in a fresh instance, so a policy
/// could keep nothing anyway. An error is shown to people as it is, cut at 1 KiB.
pub trait Policy {
    /// Name for people, at most 64 bytes.
    const NAME: &'static str;
    /// The policy's own version, at most 32 bytes; usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence for people, at most 256 bytes.
    const SUMMARY: &'static str;
    /// The facts that a [`Request`] should hold. Nothing else is gathered.
    const NEEDS: &'static [Need] = &[];
    /// The settings that an operator may give.
    const PARAMETERS: &'static [Parameter] = &[];

    /// Refuses values that are each within their limits but make no sense together. Called when the policy is loaded
    /// and when its parameters change, never while a pod waits.
    ///
    /// # Errors
    /// Says to the operator what to change; the policy does not become live.
    fn check(_parameters: &Parameters<'_>) -> Result<(), String> {
        Ok(())
    }

    /// One finite number per candidate node, in order; higher is better, in any unit. A pod waits for it.
    ///
    /// # Errors
    /// Counts as a fault of the policy: the scheduler then decides alone.
    fn score(request: &Request) -> Result<Vec<f64>, String>;

    /// What the score of candidate `node` is made of: at most 256 addends. Called off the scheduling path, when a
    /// person asks why; by default the policy has nothing to say.
    ///
    /// # Errors
    /// Shown to the person who asked.
    fn explain(_request: &Request, _node: u32) -> Result<Vec<Part>, String> {
        Ok(Vec::new())
    }
}
