//! Removal of policies whose resource is gone, also while this process was not running.
//!
//! A function of what is observed: the registry's policies from Kubernetes, less the resources that exist. Finalizers
//! would do it one by one, but one replica must not hold up a deletion for the others.

use std::collections::BTreeSet;

use netmarks_core::errors::chain;
use netmarks_policies::{Actor, Origin, PolicyName};

use crate::context::Context;
use crate::decide::pause;

/// Removes orphans whenever [`Context::remove_orphans`] asks for it. Never ends.
pub(crate) async fn run(context: &Context) {
    let mut failures = 0_u32;
    loop {
        let retry = async {
            match failures {
                0 => std::future::pending().await,
                failures => tokio::time::sleep(pause(failures)).await,
            }
        };
        tokio::select! {
            () = context.remove_orphans.notified() => {}
            () = retry => {}
        }
        failures = if remove(context).await { 0 } else { failures.saturating_add(1) };
    }
}

/// Removes all orphans; returns whether nothing failed. Those that are being reconciled are left, since the end of a
/// reconcile asks again.
async fn remove(context: &Context) -> bool {
    let manifest = context.registry.manifest();
    let orphans: BTreeSet<PolicyName> = manifest
        .entries
        .into_iter()
        .filter(|entry| entry.origin == Origin::Kubernetes && context.object(entry.name.as_str()).is_none())
        .map(|entry| entry.name)
        .collect();
    let mut complete = true;
    for name in orphans {
        let state = context.policies.existing(name.as_str());
        // Held until the policy is gone, so that a resource of the same name that comes now is submitted after that.
        let Ok(mut state) = state.as_ref().map(|state| state.try_lock()).transpose() else { continue };
        if context.object(name.as_str()).is_some() {
            continue;
        }
        let actor = Actor::own("kubernetes", format!("ScoringPolicy {}/{name}, deleted", context.namespace));
        match context.registry.remove(name.clone(), Origin::Kubernetes, actor).await {
            Ok(_) => {
                if let Some(state) = &mut state {
                    **state = context.new_state();
                }
            }
            Err(refusal) => {
                complete = false;
                tracing::warn!(
                    policy = %name,
                    error = chain(&refusal),
                    "failed to remove a policy; it is retried"
                );
            }
        }
    }
    context.policies.retain(|name| context.object(name).is_some());
    complete
}
